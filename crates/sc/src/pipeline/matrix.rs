//! The matrix that a pipeline works on.

use std::sync::Arc;

use annstream_core::Exec;
use annstream_core::anndata::{AnnDataFile, MatrixHeader};
use annstream_core::element::SparseLayout;
use annstream_core::matrix::MatrixSource;
use annstream_core::source::{StackedRows, row_source};

use crate::{Error, Result};

/// Rows, and what their layout means for the result.
#[derive(Clone)]
pub struct Matrix {
    /// The rows.
    pub source: Arc<dyn MatrixSource>,
    /// Whether the matrix is dense, and is written so.
    pub dense: bool,
    /// Whether scipy counts values of rows in 64 bits: dense and CSC matrices, and very many values.
    pub wide_rows: bool,
}

impl Matrix {
    /// The `X` of a file; a CSC matrix is put in order in scratch space.
    ///
    /// # Errors
    /// If there is none, it is not one of numbers, is damaged, or there is too little memory or scratch space.
    pub fn of_file(file: &AnnDataFile, exec: &Exec) -> Result<Self> {
        let Some(header) = file.x() else {
            return Err(Error::invalid("there is no X to work on").in_file(file.store().location()).at("X"));
        };
        let source = row_source(file, header, exec)?;
        let (dense, wide_rows) = match header {
            MatrixHeader::Dense(_) => (true, true),
            MatrixHeader::Sparse(header) => {
                (false, header.layout == SparseLayout::Csc || header.nnz > i32::MAX as usize)
            }
            _ => (false, true),
        };
        Ok(Self { source, dense, wide_rows })
    }

    /// The rows of several files, as if they stood in one.
    pub fn stacked(rows: Arc<StackedRows>) -> Self {
        let dense = rows.is_dense();
        let wide_rows = dense || i32::try_from(rows.values()).is_err();
        Self { source: rows, dense, wide_rows }
    }
}
