//! Rows of another source in a new order.

use std::ops::Range;

use annstream_store::{Buffer, DType};

use crate::matrix::{Block, MatrixSource, SparseRows};
use crate::{Error, Result};

/// Row `i` of this source is row `from[i]` of another, or nothing where `from[i]` is negative. `from` must rise
/// (negative entries aside), so that reading stays sequential; sort with [`SortedRows`](super::SortedRows) otherwise.
pub struct PickedRows<S> {
    source: S,
    from: Vec<i64>,
}

impl<S: MatrixSource> PickedRows<S> {
    /// Picks rows.
    ///
    /// # Errors
    /// If `from` does not rise.
    pub fn new(source: S, from: Vec<i64>) -> Result<Self> {
        if !Self::rises(&from) {
            return Err(Error::internal("picked rows must rise"));
        }
        Ok(Self { source, from })
    }

    /// Whether positions rise strictly, negative ones aside.
    pub fn rises(from: &[i64]) -> bool {
        from.iter().filter(|&&old| old >= 0).is_sorted_by(|a, b| a < b)
    }

    /// The span of source rows behind a range of ours.
    fn span(&self, rows: &Range<u64>) -> Result<Range<u64>> {
        let slice = self.slice(rows)?;
        let mut kept = slice.iter().copied().filter_map(|old| u64::try_from(old).ok());
        let first = kept.next();
        let last = kept.next_back().or(first);
        Ok(match (first, last) {
            (Some(first), Some(last)) => first..last + 1,
            _ => 0..0,
        })
    }

    fn slice(&self, rows: &Range<u64>) -> Result<&[i64]> {
        let size = |value: u64| usize::try_from(value).map_err(|_| Error::internal("rows exceed memory"));
        Ok(&self.from[size(rows.start)?..size(rows.end)?])
    }
}

impl<S: MatrixSource> MatrixSource for PickedRows<S> {
    fn shape(&self) -> [u64; 2] {
        [self.from.len() as u64, self.source.shape()[1]]
    }

    fn dtype(&self) -> DType {
        self.source.dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        // A boundary of the source becomes the first of our rows at or past it.
        let boundaries = self.source.partition(max_bytes)?;
        let mut ends = boundaries.iter().map(|range| i64::try_from(range.end).unwrap_or(i64::MAX)).peekable();
        let (mut out, mut start) = (Vec::new(), 0_u64);
        for (row, &old) in (0_u64..).zip(&self.from) {
            while ends.peek().is_some_and(|&end| old >= end) {
                ends.next();
                if row > start {
                    out.push(start..row);
                    start = row;
                }
            }
            if row - start >= 1 << 20 {
                out.push(start..row);
                start = row;
            }
        }
        if start < self.from.len() as u64 {
            out.push(start..self.from.len() as u64);
        }
        Ok(out)
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        Ok(self.source.cost(self.span(&rows)?)?.saturating_mul(2))
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let span = self.span(&rows)?;
        let slice = self.slice(&rows)?;
        let local = |old: i64| u64::try_from(old).ok().and_then(|old| usize::try_from(old - span.start).ok());
        match self.source.read(span.clone())? {
            Block::Sparse(block) => {
                let mut out = SparseRows::empty(0, block.data.dtype());
                out.sorted = block.sorted;
                for &old in slice {
                    if let Some(row) = local(old) {
                        let range = block.indptr[row]..block.indptr[row + 1];
                        out.indices.extend_from_slice(&block.indices[range.clone()]);
                        out.data.extend_from(&block.data, range)?;
                    }
                    out.indptr.push(out.indices.len());
                }
                Ok(Block::Sparse(out))
            }
            Block::Dense { values, .. } => {
                let columns = usize::try_from(self.source.shape()[1]).unwrap_or(0);
                let mut out = Buffer::empty(values.dtype());
                let blank = Buffer::zeros(values.dtype(), columns);
                for &old in slice {
                    match local(old) {
                        Some(row) => out.extend_from(&values, row * columns..(row + 1) * columns)?,
                        None => out.extend_from(&blank, 0..columns)?,
                    }
                }
                Ok(Block::Dense { rows: slice.len(), values: out })
            }
        }
    }
}
