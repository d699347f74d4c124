//! The logarithm of 1 + x.

use crate::Result;
use crate::lazy::{NumberBlock, Numbers, RowOp};

/// `ln(1 + x)`, divided by `ln(base)` if a base is given, as `scanpy.pp.log1p` (`base`).
#[derive(Clone, Copy, Debug)]
pub struct Log1p {
    /// `None` for the natural logarithm.
    pub base: Option<f64>,
}

impl RowOp for Log1p {
    #[expect(clippy::cast_possible_truncation, reason = "a constant rounded to the precision of the values")]
    fn apply(&self, block: &mut NumberBlock) -> Result<()> {
        match &mut block.values {
            Numbers::F32(values) => {
                values.iter_mut().for_each(|value| *value = value.ln_1p());
                if let Some(base) = self.base {
                    let base = base.ln() as f32;
                    values.iter_mut().for_each(|value| *value /= base);
                }
            }
            Numbers::F64(values) => {
                values.iter_mut().for_each(|value| *value = value.ln_1p());
                if let Some(base) = self.base {
                    values.iter_mut().for_each(|value| *value /= base.ln());
                }
            }
        }
        Ok(())
    }
}
