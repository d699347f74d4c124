//! Sums of columns, group by group of rows.

use std::sync::Arc;

use annstream_core::lazy::{Consumer, Layout, NumberBlock, Numbers, Real};
use annstream_core::{Error, Result};

use super::membership::group_of;

/// Sums, sums of squares and values that are not zero, of each column, for each group of rows. Added row after row on one
/// thread, so that a sum is, to the bit, the one of a loop over the rows; the workers read and decompress.
#[derive(Clone, Debug)]
pub struct GroupSumsPass {
    /// Columns of the matrix.
    pub width: usize,
    /// Group of each row of the matrix.
    pub groups: Arc<[u32]>,
    /// Number of groups.
    pub count: usize,
    /// Whether values are summed.
    pub sums: bool,
    /// Whether squares are summed, each rounded to the precision of the values.
    pub squares: bool,
    /// Whether values that are not zero are counted.
    pub nonzero: bool,
}

/// What the pass gives: each is groups x columns, row-major, and empty if it was not asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupSums {
    /// Sums of values.
    pub sums: Vec<f64>,
    /// Sums of squares.
    pub squares: Vec<f64>,
    /// How many values are not zero.
    pub nonzero: Vec<u64>,
}

impl GroupSumsPass {
    /// Memory of the sums, in bytes. Whoever keeps them charges it.
    pub fn bytes(&self) -> u64 {
        let arrays = [self.sums, self.squares, self.nonzero].into_iter().filter(|wanted| *wanted).count();
        (self.width as u64).saturating_mul(self.count as u64).saturating_mul(8 * arrays as u64)
    }

    fn add<T: Real>(&self, total: &mut GroupSums, block: &NumberBlock, values: &[T]) -> Result<()> {
        let Layout::Sparse { indptr, indices } = &block.layout else {
            return Err(Error::internal("groups are summed of compressed blocks"));
        };
        for (row, range) in indptr.windows(2).enumerate() {
            let first = group_of(Some(&self.groups), block.start + row)? * self.width;
            let own = first..first + self.width;
            let (columns, values) = (&indices[range[0]..range[1]], &values[range[0]..range[1]]);
            if self.sums {
                let sums = &mut total.sums[own.clone()];
                columns.iter().zip(values).for_each(|(&column, value)| sums[column as usize] += value.wide());
            }
            if self.squares {
                let squares = &mut total.squares[own.clone()];
                columns.iter().zip(values).for_each(|(&column, value)| squares[column as usize] += value.square());
            }
            if self.nonzero {
                let nonzero = &mut total.nonzero[own];
                columns
                    .iter()
                    .zip(values)
                    .for_each(|(&column, value)| nonzero[column as usize] += u64::from(*value != T::default()));
            }
        }
        Ok(())
    }
}

impl Consumer for GroupSumsPass {
    type Partial = NumberBlock;
    type Total = GroupSums;
    type Output = GroupSums;

    fn start(&self) -> Result<GroupSums> {
        if self.groups.iter().any(|group| *group as usize >= self.count) {
            return Err(Error::internal("a group that was not announced"));
        }
        let len = self.width.checked_mul(self.count).ok_or_else(|| Error::internal("sums exceed memory"))?;
        let len = |wanted: bool| if wanted { len } else { 0 };
        Ok(GroupSums {
            sums: vec![0.0; len(self.sums)],
            squares: vec![0.0; len(self.squares)],
            nonzero: vec![0; len(self.nonzero)],
        })
    }

    fn map(&self, block: &NumberBlock) -> Result<NumberBlock> {
        Ok(block.clone())
    }

    fn fold(&self, total: &mut GroupSums, block: NumberBlock) -> Result<()> {
        match &block.values {
            Numbers::F32(values) => self.add(total, &block, values)?,
            Numbers::F64(values) => self.add(total, &block, values)?,
        }
        block.recycle();
        Ok(())
    }

    fn finish(self, total: GroupSums) -> Result<GroupSums> {
        Ok(total)
    }
}
