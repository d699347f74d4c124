//! Centring, scaling and clipping columns.

use std::sync::Arc;

use crate::Result;
use crate::lazy::{Layout, NumberBlock, Numbers, Precision, Real, RowOp, Zeros};

/// What `scanpy.pp.scale` does to a value: `(x - mean) / std`, then clipping to `±limit`; without centring `x / std`,
/// then `min(x, limit)`. Parameters are by the column's id in the source.
#[derive(Clone, Debug)]
pub struct Scale {
    /// Means; `None` to leave the centre where it is.
    pub means: Option<Arc<[f64]>>,
    /// Standard deviations; never 0.
    pub deviations: Arc<[f64]>,
    /// `max_value`.
    pub limit: Option<f64>,
}

impl Scale {
    /// What a value of a column becomes.
    pub fn value(&self, column: usize, value: f64) -> f64 {
        match (&self.means, self.limit) {
            (Some(means), None) => (value - means[column]) / self.deviations[column],
            (Some(means), Some(limit)) => ((value - means[column]) / self.deviations[column]).clamp(-limit, limit),
            (None, None) => value / self.deviations[column],
            (None, Some(limit)) => (value / self.deviations[column]).min(limit),
        }
    }

    fn change<T: Real>(&self, columns: &[u32], layout: &Layout, values: &mut [T]) {
        match layout {
            Layout::Sparse { indices, .. } => {
                for (value, &index) in values.iter_mut().zip(indices) {
                    *value = T::narrow(self.value(columns[index as usize] as usize, value.wide()));
                }
            }
            Layout::Dense => {
                for row in values.chunks_mut(columns.len().max(1)) {
                    for (value, &column) in row.iter_mut().zip(columns) {
                        *value = T::narrow(self.value(column as usize, value.wide()));
                    }
                }
            }
        }
    }
}

impl RowOp for Scale {
    fn zeros(&self) -> Zeros {
        if self.means.is_some() { Zeros::Moved } else { Zeros::Kept }
    }

    fn apply(&self, block: &mut NumberBlock) -> Result<()> {
        match &mut block.values {
            Numbers::F32(values) => self.change(&block.columns, &block.layout, values),
            Numbers::F64(values) => self.change(&block.columns, &block.layout, values),
        }
        Ok(())
    }
}

/// A centred and scaled value less what a zero of its column becomes: zero where nothing is stored, so blocks stay
/// compressed. The covariance of the columns is that of the scaled matrix, since it does not see shifts.
#[derive(Clone, Debug)]
pub struct Deviations(pub Scale);

impl RowOp for Deviations {
    fn precision(&self, input: Precision) -> Precision {
        input
    }

    fn apply(&self, block: &mut NumberBlock) -> Result<()> {
        fn change<T: Real>(scale: &Scale, columns: &[u32], layout: &Layout, values: &mut [T]) {
            let difference = |index: usize, value: T| {
                let column = columns[index] as usize;
                T::narrow(scale.value(column, value.wide()) - scale.value(column, 0.0))
            };
            match layout {
                Layout::Sparse { indices, .. } => {
                    for (value, &index) in values.iter_mut().zip(indices) {
                        *value = difference(index as usize, *value);
                    }
                }
                Layout::Dense => {
                    for row in values.chunks_mut(columns.len().max(1)) {
                        for (index, value) in row.iter_mut().enumerate() {
                            *value = difference(index, *value);
                        }
                    }
                }
            }
        }
        match &mut block.values {
            Numbers::F32(values) => change(&self.0, &block.columns, &block.layout, values),
            Numbers::F64(values) => change(&self.0, &block.columns, &block.layout, values),
        }
        Ok(())
    }
}
