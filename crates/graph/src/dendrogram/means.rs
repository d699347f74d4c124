//! Means of groups of rows, column by column.

use std::ops::{Add, Sub};
use std::sync::Arc;

use annstream_core::lazy::{Consumer, NumberBlock, Numbers, Precision, Real};

use crate::{Error, Result};

/// The group of a row that is in none.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Means of each group, added up in the precision of the values, in the order of the rows, with a correction for what
/// rounding loses (Kahan): the sums of pandas. Values that are no numbers are left out.
pub(super) struct MeansPass {
    /// Group of each row, or [`NOWHERE`].
    pub(super) groups: Arc<[u32]>,
    /// Number of groups.
    pub(super) count: usize,
    /// Number of columns.
    pub(super) width: usize,
    /// Precision of the blocks.
    pub(super) precision: Precision,
}

impl MeansPass {
    /// Memory of the sums, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        (self.count as u64).saturating_mul(self.width as u64).saturating_mul(32)
    }
}

/// Sums, and what rounding lost of them.
pub(super) struct Sums<T> {
    sums: Vec<T>,
    lost: Vec<T>,
}

/// Sums in one of the precisions, and values that are no numbers.
pub(super) struct Total {
    sums: Precise,
    /// Groups x columns; empty while there are none.
    missing: Vec<u64>,
    /// Number of rows of each group.
    rows: Vec<u64>,
}

enum Precise {
    Single(Sums<f32>),
    Double(Sums<f64>),
}

impl<T: Real + Add<Output = T> + Sub<Output = T>> Sums<T> {
    fn zeros(len: usize) -> Self {
        Self { sums: vec![T::default(); len], lost: vec![T::default(); len] }
    }

    fn add(&mut self, place: usize, value: T) {
        let (sum, lost) = (self.sums[place], self.lost[place]);
        let added = value - lost;
        let total = sum + added;
        let rest = (total - sum) - added;
        // Infinite sums lose nothing that could be said.
        self.lost[place] = if rest.wide().is_nan() { T::default() } else { rest };
        self.sums[place] = total;
    }

    /// Divided in the same precision.
    fn mean(&self, place: usize, count: u64) -> f64 {
        if count == 0 { f64::NAN } else { self.sums[place].over(T::narrow(count as f64)).wide() }
    }
}

impl MeansPass {
    fn add<T: Real + Add<Output = T> + Sub<Output = T>>(
        &self,
        sums: &mut Sums<T>,
        missing: &mut Vec<u64>,
        block: &NumberBlock,
        values: &[T],
    ) -> Result<()> {
        let (indptr, columns) = block.sparse().ok_or_else(|| Error::internal("rows are dense"))?;
        for (row, range) in indptr.windows(2).enumerate() {
            let group = self.groups.get(block.start + row).copied().unwrap_or(NOWHERE);
            if group == NOWHERE {
                continue;
            }
            let first = group as usize * self.width;
            for (&column, &value) in columns[range[0]..range[1]].iter().zip(&values[range[0]..range[1]]) {
                let place = first + column as usize;
                if value.wide().is_nan() {
                    missing.resize(self.count * self.width, 0);
                    missing[place] += 1;
                } else {
                    sums.add(place, value);
                }
            }
        }
        Ok(())
    }
}

impl Consumer for MeansPass {
    type Partial = NumberBlock;
    type Total = Total;
    /// Groups x columns.
    type Output = Vec<f64>;

    fn start(&self) -> Result<Total> {
        let mut rows = vec![0; self.count];
        for &group in self.groups.iter().filter(|group| **group != NOWHERE) {
            *rows.get_mut(group as usize).ok_or_else(|| Error::internal("a group that was not announced"))? += 1;
        }
        let len = self.count.checked_mul(self.width).ok_or_else(|| Error::internal("sums exceed memory"))?;
        let sums = match self.precision {
            Precision::Single => Precise::Single(Sums::zeros(len)),
            Precision::Double => Precise::Double(Sums::zeros(len)),
        };
        Ok(Total { sums, missing: Vec::new(), rows })
    }

    fn map(&self, block: &NumberBlock) -> Result<NumberBlock> {
        Ok(block.clone())
    }

    fn fold(&self, total: &mut Total, block: NumberBlock) -> Result<()> {
        match (&mut total.sums, &block.values) {
            (Precise::Single(sums), Numbers::F32(values)) => self.add(sums, &mut total.missing, &block, values)?,
            (Precise::Double(sums), Numbers::F64(values)) => self.add(sums, &mut total.missing, &block, values)?,
            _ => return Err(Error::internal("a block of another precision")),
        }
        block.recycle();
        Ok(())
    }

    fn finish(self, total: Total) -> Result<Vec<f64>> {
        let Total { sums, missing, rows } = total;
        let mean = |place: usize| {
            let count = rows[place / self.width] - missing.get(place).copied().unwrap_or(0);
            match &sums {
                Precise::Single(sums) => sums.mean(place, count),
                Precise::Double(sums) => sums.mean(place, count),
            }
        };
        Ok((0..self.count * self.width).map(mean).collect())
    }
}
