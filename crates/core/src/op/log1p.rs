//! The logarithm of 1 + x.

use crate::Result;
use crate::lazy::{NumberBlock, Numbers, Real, RowOp};

/// `ln(1 + x)`, divided by `ln(base)` if a base is given, as `scanpy.pp.log1p` (`base`).
#[derive(Clone, Copy, Debug)]
pub struct Log1p {
    /// `None` for the natural logarithm.
    pub base: Option<f64>,
}

impl Log1p {
    fn change<T: Real>(self, values: &mut [T]) {
        for value in values {
            *value = value.ln_1p();
            if let Some(base) = self.base {
                *value = T::narrow(value.wide() / base.ln());
            }
        }
    }
}

impl RowOp for Log1p {
    fn apply(&self, block: &mut NumberBlock) -> Result<()> {
        match &mut block.values {
            Numbers::F32(values) => self.change(values),
            Numbers::F64(values) => self.change(values),
        }
        Ok(())
    }
}
