//! The rows of an input that lacks the element.

use std::ops::Range;

use annstream_store::DType;

use crate::Result;
use crate::matrix::{Block, MatrixSource, SparseRows};

/// Rows without a single value and without columns: all of the result's columns are holes.
#[derive(Clone, Copy, Debug)]
pub struct MissingRows {
    /// Number of rows.
    pub rows: u64,
    /// Type to report.
    pub dtype: DType,
}

impl MatrixSource for MissingRows {
    fn shape(&self) -> [u64; 2] {
        [self.rows, 0]
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        let step = (max_bytes / 64).max(1);
        let starts = (0..self.rows).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        Ok(starts.map(|start| start..(start + step).min(self.rows)).collect())
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        Ok((rows.end - rows.start) * 8)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let count = usize::try_from(rows.end - rows.start).unwrap_or(0);
        Ok(Block::Sparse(SparseRows::empty(count, self.dtype)))
    }
}
