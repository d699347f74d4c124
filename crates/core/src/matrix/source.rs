//! Where rows come from.

use std::ops::Range;
use std::sync::Arc;

use annstream_store::DType;

use super::{Block, SparseRows};
use crate::Result;

/// Bytes of stored values that a block aims at. A constant of the program, not of the machine or the budget: it decides
/// where blocks begin, and so must never vary.
pub const BLOCK_BYTES: u64 = 6 << 20;

/// A matrix readable by ranges of consecutive rows, from any thread.
pub trait MatrixSource: Send + Sync {
    /// Rows and columns.
    fn shape(&self) -> [u64; 2];

    /// Type of the values.
    fn dtype(&self) -> DType;

    /// Consecutive row ranges that cover all rows, each of about `max_bytes` of values (a single row may exceed it).
    /// The ranges depend on the matrix and `max_bytes` only.
    ///
    /// # Errors
    /// If the structure of the matrix is damaged.
    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>>;

    /// Memory that reading `rows` takes, in bytes; an upper bound.
    ///
    /// # Errors
    /// If the structure of the matrix is damaged.
    fn cost(&self, rows: Range<u64>) -> Result<u64>;

    /// Reads rows, in the stored type.
    ///
    /// # Errors
    /// If the stored bytes are damaged; the error names file, element and row.
    fn read(&self, rows: Range<u64>) -> Result<Block>;

    /// Says that a pass over these ranges begins, which others may follow, so that a source that is slow to read may keep what
    /// it reads.
    fn pass(&self, _ranges: &[Range<u64>]) {}

    /// Says that each row will be read once only, so that a source may give back the scratch space of what was read.
    fn read_once(&mut self) {}

    /// Reads only where the values of rows stand, without the values.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn read_structure(&self, rows: Range<u64>) -> Result<SparseRows> {
        self.read(rows)?.into_sparse()
    }

    /// Number of stored values of each row, zeros of dense ones aside.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn lengths(&self, rows: Range<u64>) -> Result<Vec<u64>> {
        let structure = self.read_structure(rows)?;
        Ok(structure.indptr.windows(2).map(|pair| (pair[1] - pair[0]) as u64).collect())
    }
}

/// The largest cost among ranges.
///
/// # Errors
/// As [`MatrixSource::cost`].
pub fn largest_range(source: &dyn MatrixSource, ranges: &[Range<u64>]) -> Result<u64> {
    ranges.iter().try_fold(0, |most, range| Ok(source.cost(range.clone())?.max(most)))
}

impl<S: MatrixSource + ?Sized> MatrixSource for Box<S> {
    fn shape(&self) -> [u64; 2] {
        (**self).shape()
    }

    fn dtype(&self) -> DType {
        (**self).dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        (**self).partition(max_bytes)
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        (**self).cost(rows)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        (**self).read(rows)
    }

    fn pass(&self, ranges: &[Range<u64>]) {
        (**self).pass(ranges);
    }

    fn read_structure(&self, rows: Range<u64>) -> Result<SparseRows> {
        (**self).read_structure(rows)
    }

    fn lengths(&self, rows: Range<u64>) -> Result<Vec<u64>> {
        (**self).lengths(rows)
    }
}

impl<S: MatrixSource + ?Sized> MatrixSource for Arc<S> {
    fn shape(&self) -> [u64; 2] {
        (**self).shape()
    }

    fn dtype(&self) -> DType {
        (**self).dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        (**self).partition(max_bytes)
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        (**self).cost(rows)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        (**self).read(rows)
    }

    fn pass(&self, ranges: &[Range<u64>]) {
        (**self).pass(ranges);
    }

    fn read_structure(&self, rows: Range<u64>) -> Result<SparseRows> {
        (**self).read_structure(rows)
    }

    fn lengths(&self, rows: Range<u64>) -> Result<Vec<u64>> {
        (**self).lengths(rows)
    }
}
