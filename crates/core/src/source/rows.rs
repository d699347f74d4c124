//! The rows of a stored matrix, whatever its layout.

use std::sync::Arc;

use annstream_store::DType;

use super::{RowPlacement, SortedRows, StoredDense, StoredSparse};
use crate::anndata::{AnnDataFile, MatrixHeader};
use crate::element::SparseLayout;
use crate::matrix::MatrixSource;
use crate::{Error, Exec, Result};

/// A matrix of a file as a source of rows. CSR and dense matrices are read where they stand; a CSC matrix is put in order
/// in scratch space first, in two passes over it.
///
/// # Errors
/// If it is not a matrix of numbers in two dimensions, is damaged, or there is too little memory or scratch space.
pub fn row_source(file: &AnnDataFile, header: &MatrixHeader, exec: &Exec) -> Result<Arc<dyn MatrixSource>> {
    let store = file.store().as_ref();
    let place = |error: Error| error.in_file(store.location()).at(header.path());
    let shape = header.shape();
    let &[rows, columns] = shape.as_slice() else {
        return Err(place(Error::unsupported(format!("has {} dimensions, expected 2", shape.len()))));
    };
    if header.dtype().is_none_or(|dtype| dtype == DType::Str) {
        return Err(place(Error::unsupported("is not a matrix of numbers")));
    }
    let (rows, columns) = (rows as u64, columns as u64);
    match header {
        MatrixHeader::Sparse(sparse) if sparse.layout == SparseLayout::Csr => {
            Ok(Arc::new(StoredSparse::open(store, header.path(), [rows, columns])?))
        }
        MatrixHeader::Sparse(sparse) => {
            let source = StoredSparse::open(store, header.path(), [columns, rows])?;
            exec.progress().begin(&format!("{} (sorting)", header.path()), sparse.nnz as u64, "values");
            let sorted = SortedRows::sort(&source, RowPlacement::Columns(None), rows, 1, exec).map_err(place)?;
            exec.progress().end();
            exec.release();
            Ok(Arc::new(sorted))
        }
        MatrixHeader::Dense(dense) if dense.field.is_none() => Ok(Arc::new(StoredDense::open(store, header.path())?)),
        _ => Err(place(Error::unsupported("is not a matrix of numbers"))),
    }
}
