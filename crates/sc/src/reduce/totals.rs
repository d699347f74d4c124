//! Totals of rows, perhaps without some columns, and the columns that dominate a row.

use annstream_core::lazy::{Consumer, Layout, NumberBlock, Numbers, Real};
use annstream_core::{Error, Result};

use super::counts::not_a_count;

/// Sums of rows over the columns that count.
#[derive(Clone, Debug, Default)]
pub struct TotalsPass {
    /// Columns of the matrix that do not count; empty if all do.
    pub excluded: Vec<bool>,
    /// Whether values below zero or not finite are errors: counts are neither.
    pub only_counts: bool,
}

/// Columns with a value above a fraction of the total of its row, in any row.
#[derive(Clone, Debug)]
pub struct DominantPass<'a> {
    /// Columns of the matrix.
    pub width: usize,
    /// Totals of the rows of the matrix.
    pub totals: &'a [f64],
    /// The fraction.
    pub fraction: f64,
}

/// Row and column of each value in turn.
fn each<T: Real>(block: &NumberBlock, values: &[T], mut see: impl FnMut(usize, usize, f64)) -> Result<()> {
    let Layout::Sparse { indptr, indices } = &block.layout else {
        return Err(Error::internal("totals are taken of compressed blocks"));
    };
    for (row, range) in indptr.windows(2).enumerate() {
        for i in range[0]..range[1] {
            see(row, indices[i] as usize, values[i].wide());
        }
    }
    Ok(())
}

fn each_value(block: &NumberBlock, see: impl FnMut(usize, usize, f64)) -> Result<()> {
    match &block.values {
        Numbers::F32(values) => each(block, values, see),
        Numbers::F64(values) => each(block, values, see),
    }
}

impl Consumer for TotalsPass {
    type Partial = Vec<f64>;
    type Total = Vec<f64>;
    type Output = Vec<f64>;

    fn start(&self) -> Result<Vec<f64>> {
        Ok(Vec::new())
    }

    fn map(&self, block: &NumberBlock) -> Result<Vec<f64>> {
        let mut out = vec![0.0; block.len()];
        let mut wrong = None;
        each_value(block, |row, column, value| {
            if self.only_counts && wrong.is_none() && !(value.is_finite() && value >= 0.0) {
                wrong = Some((row, value));
            }
            if !self.excluded.get(column).copied().unwrap_or(false) {
                out[row] += value;
            }
        })?;
        match wrong {
            Some((row, value)) => Err(not_a_count(value, block.rows[row])),
            None => Ok(out),
        }
    }

    fn fold(&self, total: &mut Vec<f64>, partial: Vec<f64>) -> Result<()> {
        total.extend(partial);
        Ok(())
    }

    fn finish(self, total: Vec<f64>) -> Result<Vec<f64>> {
        Ok(total)
    }
}

impl Consumer for DominantPass<'_> {
    type Partial = Vec<bool>;
    type Total = Vec<bool>;
    type Output = Vec<bool>;

    fn start(&self) -> Result<Vec<bool>> {
        Ok(vec![false; self.width])
    }

    fn map(&self, block: &NumberBlock) -> Result<Vec<bool>> {
        let mut out = vec![false; self.width];
        each_value(block, |row, column, value| {
            out[column] |= value > self.fraction * self.totals[block.start + row];
        })?;
        Ok(out)
    }

    fn fold(&self, total: &mut Vec<bool>, partial: Vec<bool>) -> Result<()> {
        total.iter_mut().zip(partial).for_each(|(all, own)| *all |= own);
        Ok(())
    }

    fn finish(self, total: Vec<bool>) -> Result<Vec<bool>> {
        Ok(total)
    }
}
