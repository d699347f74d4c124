//! Small symmetric matrices.

use faer::{Mat, Side};

use crate::{Error, Result};

/// Eigenvalues of a symmetric matrix, falling, and their vectors as columns.
pub(crate) fn eigen(matrix: &Mat<f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let size = matrix.nrows();
    if size == 0 {
        return Ok((Vec::new(), Mat::zeros(0, 0)));
    }
    let symmetric = Mat::from_fn(size, size, |i, j| f64::midpoint(matrix[(i, j)], matrix[(j, i)]));
    let eigen = symmetric
        .self_adjoint_eigen(Side::Lower)
        .map_err(|error| Error::internal(format!("eigenvalues of a matrix of {size} columns: {error:?}")))?;
    let (values, vectors) = (eigen.S(), eigen.U());
    let values = (0..size).rev().map(|i| values[i]).collect();
    Ok((values, Mat::from_fn(size, size, |i, j| vectors[(i, size - 1 - j)])))
}
