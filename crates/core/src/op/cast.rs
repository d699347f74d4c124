//! Changing the precision.

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

/// Values become `f64`: what scanpy does to integers before it takes logarithms.
#[derive(Clone, Copy, Debug)]
pub struct ToDouble;

impl RowOp for ToDouble {
    fn precision(&self, _: Precision) -> Precision {
        Precision::Double
    }

    fn apply(&self, block: &mut NumberBlock) -> Result<()> {
        if let Numbers::F32(values) = &block.values {
            block.values = Numbers::F64(values.iter().map(|&value| f64::from(value)).collect());
        }
        Ok(())
    }
}
