//! Rounding to single precision.

use crate::Result;
use crate::lazy::{NumberBlock, Numbers, Precision, RowOp};

/// Values become `f32`: what scanpy does to integers before it divides them.
#[derive(Clone, Copy, Debug)]
pub struct ToSingle;

impl RowOp for ToSingle {
    fn precision(&self, _: Precision) -> Precision {
        Precision::Single
    }

    fn apply(&self, block: &mut NumberBlock) -> Result<()> {
        let values = std::mem::replace(&mut block.values, Numbers::F32(vec![]));
        block.values = Numbers::F32(values.into_f32());
        Ok(())
    }
}
