//! The matrix that a pipeline works on.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use annstream_core::Exec;
use annstream_core::anndata::{AnnDataFile, MatrixHeader};
use annstream_core::element::SparseLayout;
use annstream_core::matrix::{Block, MatrixSource};
use annstream_core::source::{KeptRows, StackedRows, row_source, worth_keeping};
use annstream_store::DType;

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
    /// Whether the rows stand in no `X` of the file, and are written as they pass.
    pub apart: bool,
    /// Whether rows are slow to read, and had better be kept if there are several passes; how many values they have.
    pub slow: Option<u64>,
}

impl Matrix {
    /// The `X` of a file; a CSC matrix is put in order in scratch space.
    ///
    /// # Errors
    /// If there is none, it is not one of numbers, is damaged, or there is too little memory or scratch space.
    pub fn of_file(file: &AnnDataFile, exec: &Exec) -> Result<Self> {
        let Some(header) = file.x() else {
            return Err(no_x().in_file(file.store().location()).at("X"));
        };
        let source = row_source(file, header, exec)?;
        let (dense, wide_rows) = match header {
            MatrixHeader::Dense(_) => (true, true),
            MatrixHeader::Sparse(header) => {
                (false, header.layout == SparseLayout::Csc || header.nnz > i32::MAX as usize)
            }
            _ => (false, true),
        };
        let slow = match header {
            MatrixHeader::Sparse(sparse) if worth_keeping(file, header) => Some(sparse.nnz as u64),
            _ => None,
        };
        Ok(Self { source, dense, wide_rows, apart: false, slow })
    }

    /// For a recipe of which no step reads `X`: it is not opened, and there need not be one.
    pub fn unread(file: &AnnDataFile) -> Self {
        let shape = [file.n_obs() as u64, file.n_vars() as u64];
        let source = Arc::new(Unread { shape, file: file.store().location().to_path_buf() });
        Self { source, dense: false, wide_rows: false, apart: false, slow: None }
    }

    /// The rows of several files, as if they stood in one. `slow` if they are slow to read.
    pub fn stacked(rows: Arc<StackedRows>, slow: bool) -> Self {
        let dense = rows.is_dense();
        let wide_rows = dense || i32::try_from(rows.values()).is_err();
        let slow = (slow && !dense).then(|| rows.values());
        Self { source: rows, dense, wide_rows, apart: true, slow }
    }

    /// The same for several passes: what is slow to read is kept in scratch space.
    #[must_use]
    pub(super) fn kept(mut self, exec: &Exec) -> Self {
        if let Some(values) = self.slow.take() {
            self.source = Arc::new(KeptRows::new(self.source, values, exec));
        }
        self
    }
}

/// What a file without `X` says.
pub fn no_x() -> Error {
    Error::invalid("there is no X to work on")
}

/// Rows that nobody will ask for.
struct Unread {
    shape: [u64; 2],
    file: PathBuf,
}

impl Unread {
    fn refused<T>(&self) -> Result<T> {
        Err(no_x().in_file(&self.file).at("X"))
    }
}

impl MatrixSource for Unread {
    fn shape(&self) -> [u64; 2] {
        self.shape
    }

    fn dtype(&self) -> DType {
        DType::F32
    }

    fn partition(&self, _: u64) -> Result<Vec<Range<u64>>> {
        self.refused()
    }

    fn cost(&self, _: Range<u64>) -> Result<u64> {
        self.refused()
    }

    fn read(&self, _: Range<u64>) -> Result<Block> {
        self.refused()
    }
}
