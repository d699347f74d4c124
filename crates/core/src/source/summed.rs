//! A source that remembers what was read of it.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use annstream_store::DType;

use crate::Result;
use crate::matrix::{Block, MatrixSource, SparseRows, Sums};

/// Another source, with the sums of all values that were read of it: what must arrive.
pub struct SummedRows<S> {
    source: S,
    sums: Mutex<Sums>,
}

impl<S> SummedRows<S> {
    /// Nothing was read yet.
    pub fn new(source: S) -> Self {
        Self { source, sums: Mutex::default() }
    }

    /// What was read so far.
    pub fn sums(&self) -> Sums {
        *self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: MatrixSource> MatrixSource for SummedRows<S> {
    fn shape(&self) -> [u64; 2] {
        self.source.shape()
    }

    fn dtype(&self) -> DType {
        self.source.dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        self.source.partition(max_bytes)
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        self.source.cost(rows)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let block = self.source.read(rows)?;
        let sums = Sums::of(block.values());
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).add(sums);
        Ok(block)
    }

    fn read_structure(&self, rows: Range<u64>) -> Result<SparseRows> {
        self.source.read_structure(rows)
    }
}
