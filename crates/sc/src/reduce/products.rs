//! Products of a few vectors with the columns of a matrix.

use annstream_core::lazy::{Consumer, NumberBlock, Numbers, Real};
use annstream_core::{Error, Result};

use super::entries::each_entry;

/// `Vᵀ X` for a narrow `V` with a row for each row of the matrix, added up in doubles: for each vector in turn a number for
/// each column. `8 · width · count` bytes for each partial result and the total.
#[derive(Clone, Copy, Debug)]
pub struct ProductsPass<'a> {
    /// Columns of the matrix.
    pub width: usize,
    /// Number of vectors.
    pub count: usize,
    /// Their entries, row after row.
    pub vectors: &'a [f64],
}

impl ProductsPass<'_> {
    fn look<T: Real>(&self, block: &NumberBlock, values: &[T]) -> Result<Vec<f64>> {
        let rows = block.range();
        let own = self.vectors.get(rows.start * self.count..rows.end * self.count);
        let own = own.ok_or_else(|| Error::internal("fewer entries of vectors than rows"))?;
        // Column after column, so that what belongs to an entry stands together.
        let mut out = vec![0.0; self.width * self.count];
        each_entry(block, values, |row, column, value| {
            let value = value.wide();
            let factors = &own[row * self.count..(row + 1) * self.count];
            let sums = &mut out[column * self.count..(column + 1) * self.count];
            sums.iter_mut().zip(factors).for_each(|(sum, factor)| *sum += factor * value);
        });
        Ok(out)
    }
}

impl Consumer for ProductsPass<'_> {
    type Partial = Vec<f64>;
    type Total = Vec<f64>;
    type Output = Vec<f64>;

    fn start(&self) -> Result<Vec<f64>> {
        Ok(vec![0.0; self.width * self.count])
    }

    fn map(&self, block: &NumberBlock) -> Result<Vec<f64>> {
        match &block.values {
            Numbers::F32(values) => self.look(block, values),
            Numbers::F64(values) => self.look(block, values),
        }
    }

    fn fold(&self, total: &mut Vec<f64>, partial: Vec<f64>) -> Result<()> {
        total.iter_mut().zip(partial).for_each(|(total, own)| *total += own);
        Ok(())
    }

    fn finish(self, total: Vec<f64>) -> Result<Vec<f64>> {
        let terms = 0..self.count;
        Ok(terms.flat_map(|term| total.iter().skip(term).step_by(self.count.max(1)).copied()).collect())
    }

    fn partial_bytes(&self) -> u64 {
        (self.width * self.count) as u64 * 8
    }

    fn total_bytes(&self) -> u64 {
        (self.width * self.count) as u64 * 16
    }
}
