//! Whether a matrix seems to hold counts.

use annstream_core::Result;
use annstream_core::lazy::{Consumer, NumberBlock, Numbers};

/// Whether all values are whole and none is negative, as `scanpy`'s `check_nonnegative_integers`.
#[derive(Clone, Copy, Debug)]
pub(super) struct WholePass;

impl Consumer for WholePass {
    type Partial = bool;
    type Total = bool;
    type Output = bool;

    fn start(&self) -> Result<bool> {
        Ok(true)
    }

    fn map(&self, block: &NumberBlock) -> Result<bool> {
        Ok(match &block.values {
            Numbers::F32(values) => values.iter().all(|value| *value >= 0.0 && value.fract() == 0.0),
            Numbers::F64(values) => values.iter().all(|value| *value >= 0.0 && value.fract() == 0.0),
        })
    }

    fn fold(&self, total: &mut bool, whole: bool) -> Result<()> {
        *total &= whole;
        Ok(())
    }

    fn finish(self, total: bool) -> Result<bool> {
        Ok(total)
    }
}
