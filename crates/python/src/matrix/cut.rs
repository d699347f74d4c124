//! A source that remembers where its blocks begin.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use annstream_core::Result;
use annstream_core::matrix::{BLOCK_BYTES, Block, MatrixSource, SparseRows};
use annstream_store::DType;

/// Another source, whose blocks are cut once: looks at few rows, one after the other, need not read all pointers each time.
pub(super) struct CutOnce {
    source: Arc<dyn MatrixSource>,
    cuts: OnceLock<Vec<Range<u64>>>,
}

impl CutOnce {
    pub(super) fn new(source: Arc<dyn MatrixSource>) -> Self {
        Self { source, cuts: OnceLock::new() }
    }
}

impl MatrixSource for CutOnce {
    fn shape(&self) -> [u64; 2] {
        self.source.shape()
    }

    fn dtype(&self) -> DType {
        self.source.dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        if max_bytes != BLOCK_BYTES {
            return self.source.partition(max_bytes);
        }
        if let Some(cuts) = self.cuts.get() {
            return Ok(cuts.clone());
        }
        let cuts = self.source.partition(max_bytes)?;
        Ok(self.cuts.get_or_init(|| cuts).clone())
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        self.source.cost(rows)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        self.source.read(rows)
    }

    fn pass(&self, ranges: &[Range<u64>]) {
        self.source.pass(ranges);
    }

    fn read_structure(&self, rows: Range<u64>) -> Result<SparseRows> {
        self.source.read_structure(rows)
    }

    fn lengths(&self, rows: Range<u64>) -> Result<Vec<u64>> {
        self.source.lengths(rows)
    }
}
