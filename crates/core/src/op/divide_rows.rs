//! Dividing each row by a number of its own.

use std::sync::Arc;

use super::divisors::Divisors;
use crate::Result;
use crate::lazy::{NumberBlock, Numbers, Real, RowOp};

/// `x[i, :] / divisors[i]`, as `scanpy.pp.normalize_total` does with `counts / target_sum`. The divisor is rounded to the
/// precision of the values first.
#[derive(Clone, Debug)]
pub struct DivideRows(Divisors);

impl DivideRows {
    /// A divisor for each row of the source.
    pub fn new(divisors: impl Into<Arc<[f64]>>) -> Self {
        Self(Divisors(divisors.into()))
    }
}

fn divide<T: Real>(values: &mut [T], divisor: T) {
    for value in values {
        *value = value.over(divisor);
    }
}

impl RowOp for DivideRows {
    fn apply(&self, block: &mut NumberBlock) -> Result<()> {
        let rows = (block.rows.as_slice(), &block.layout, block.columns.len());
        match &mut block.values {
            Numbers::F32(values) => self.0.each_row(rows, values, divide),
            Numbers::F64(values) => self.0.each_row(rows, values, divide),
        }
    }
}
