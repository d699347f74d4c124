//! Columns whose values are all the same.

use annstream_core::Result;
use annstream_core::lazy::{Consumer, NumberBlock, Numbers, Real};

use super::entries::each_entry;

/// Finds the columns that have one value in all rows; NaN equals nothing.
#[derive(Clone, Copy, Debug)]
pub struct ConstantPass {
    /// Columns of the matrix.
    pub width: usize,
}

/// What is known of a column: how many values were stored, the first, and whether another differs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    stored: u64,
    first: f64,
    differs: bool,
}

impl Seen {
    fn add(&mut self, value: f64, stored: u64, differs: bool) {
        if self.stored == 0 {
            self.first = value;
        }
        self.stored += stored;
        // False for NaN too.
        self.differs |= differs || !matches!(self.first.partial_cmp(&value), Some(std::cmp::Ordering::Equal));
    }
}

fn look<T: Real>(block: &NumberBlock, values: &[T], out: &mut [Seen]) {
    each_entry(block, values, |_, column, value| out[column].add(value.wide(), 1, false));
}

impl Consumer for ConstantPass {
    type Partial = (u64, Vec<Seen>);
    type Total = (u64, Vec<Seen>);
    type Output = Vec<bool>;

    fn start(&self) -> Result<Self::Total> {
        Ok((0, vec![Seen::default(); self.width]))
    }

    fn map(&self, block: &NumberBlock) -> Result<Self::Partial> {
        let mut out = vec![Seen::default(); self.width];
        match &block.values {
            Numbers::F32(values) => look(block, values, &mut out),
            Numbers::F64(values) => look(block, values, &mut out),
        }
        Ok((block.len() as u64, out))
    }

    fn fold(&self, total: &mut Self::Total, (rows, partial): Self::Partial) -> Result<()> {
        total.0 += rows;
        for (all, own) in total.1.iter_mut().zip(partial).filter(|(_, own)| own.stored > 0) {
            all.add(own.first, own.stored, own.differs);
        }
        Ok(())
    }

    fn finish(self, (rows, seen): Self::Total) -> Result<Vec<bool>> {
        let constant = |own: &Seen| !own.differs && (own.stored == 0 || own.stored == rows || own.first == 0.0);
        Ok(seen.iter().map(constant).collect())
    }

    fn partial_bytes(&self) -> u64 {
        self.width as u64 * 24
    }

    fn total_bytes(&self) -> u64 {
        self.width as u64 * 24
    }
}
