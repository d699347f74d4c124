//! Dividing each row by a number of its own.

use std::sync::Arc;

use crate::Result;
use crate::lazy::{Layout, NumberBlock, Numbers, Real, RowOp};

/// `x[i, :] / divisors[i]`, as `scanpy.pp.normalize_total` does with `counts / target_sum`. The divisor is rounded to the
/// precision of the values first.
#[derive(Clone, Debug)]
pub struct DivideRows {
    /// By the row's id in the source.
    divisors: Arc<[f64]>,
}

impl DivideRows {
    /// A divisor for each row of the source.
    pub fn new(divisors: impl Into<Arc<[f64]>>) -> Self {
        Self { divisors: divisors.into() }
    }

    fn divide<T: Real>(&self, rows: &[u64], layout: &Layout, width: usize, values: &mut [T], by: impl Fn(T, T) -> T) {
        for (row, &id) in rows.iter().enumerate() {
            let range = match layout {
                Layout::Sparse { indptr, .. } => indptr[row]..indptr[row + 1],
                Layout::Dense => row * width..(row + 1) * width,
            };
            let divisor = usize::try_from(id).ok().and_then(|id| self.divisors.get(id)).copied();
            let divisor = T::narrow(divisor.unwrap_or(f64::NAN));
            for value in &mut values[range] {
                *value = by(*value, divisor);
            }
        }
    }
}

impl RowOp for DivideRows {
    fn apply(&self, block: &mut NumberBlock) -> Result<()> {
        let width = block.width();
        match &mut block.values {
            Numbers::F32(values) => self.divide(&block.rows, &block.layout, width, values, |x, y| x / y),
            Numbers::F64(values) => self.divide(&block.rows, &block.layout, width, values, |x, y| x / y),
        }
        Ok(())
    }
}
