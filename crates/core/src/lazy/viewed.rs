//! What comes out of a lazy matrix, as a source of rows of its own.

use std::ops::Range;

use annstream_store::DType;

use super::{Layout, LazyMatrix};
use crate::Result;
use crate::matrix::{Block, MatrixSource, SparseRows};

/// The rows and columns that a [`LazyMatrix`] keeps, with its operators applied: ids are positions from here on, so that
/// operators of another kind, other orders and other matrices can follow. Values have the precision that is computed in.
pub struct ViewedRows {
    matrix: LazyMatrix,
    /// Whether rows come dense, whatever they are stored as.
    dense: bool,
}

impl ViewedRows {
    /// Rows of a matrix; compressed ones, unless `dense` is asked for or operators move zeros.
    pub fn new(matrix: LazyMatrix, dense: bool) -> Self {
        let dense = dense || matrix.view().is_dense();
        Self { matrix, dense }
    }
}

impl MatrixSource for ViewedRows {
    fn shape(&self) -> [u64; 2] {
        self.matrix.shape().map(|extent| extent as u64)
    }

    fn dtype(&self) -> DType {
        self.matrix.precision().dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        self.matrix.cuts(max_bytes, if self.dense { self.matrix.shape()[1] } else { 0 })
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        self.matrix.cost_of(rows, if self.dense { self.matrix.shape()[1] } else { 0 })
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let block = self.matrix.read_rows(rows)?;
        let block = if self.dense { block.into_dense() } else { block };
        let rows = block.len();
        Ok(match block.layout {
            Layout::Sparse { indptr, indices } => {
                Block::Sparse(SparseRows { indptr, indices, data: block.values.into_buffer(), sorted: true })
            }
            Layout::Dense => Block::Dense { rows, values: block.values.into_buffer() },
        })
    }
}
