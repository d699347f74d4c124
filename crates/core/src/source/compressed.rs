//! Dense rows as sparse ones.

use std::ops::Range;

use annstream_store::DType;

use crate::Result;
use crate::matrix::{Block, MatrixSource, SparseRows};

/// Bytes that finding the values of a dense row takes per position, besides the values: columns and positions in
/// vectors that grow.
const WORK: u64 = 24;

/// The rows of a dense matrix without their zeros. Blocks are smaller than those of the matrix, because a row without
/// zeros takes several times its dense size meanwhile.
pub struct CompressedRows<S>(pub S);

impl<S: MatrixSource> MatrixSource for CompressedRows<S> {
    fn shape(&self) -> [u64; 2] {
        self.0.shape()
    }

    fn dtype(&self) -> DType {
        self.0.dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        self.0.partition((max_bytes / 4).max(1))
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        let positions = (rows.end - rows.start).saturating_mul(self.shape()[1]);
        let made = positions.saturating_mul(WORK + self.dtype().size() as u64);
        Ok(self.0.cost(rows)?.saturating_add(made))
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        self.0.read(rows)?.into_sparse().map(Block::Sparse)
    }

    fn read_structure(&self, rows: Range<u64>) -> Result<SparseRows> {
        self.0.read_structure(rows)
    }
}
