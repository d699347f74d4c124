//! `pca`.

use annstream_core::{Exec, Result};
use annstream_sc::pca::{Pca, PcaOptions, fit};
use annstream_store::Buffer;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays;
use crate::job;
use crate::matrix::Matrix;

/// Components of a matrix. One that is centred and scaled last is not made dense: what is read are differences from what
/// zeros become, whose covariances are the same.
fn components(matrix: &Matrix, options: PcaOptions, exec: &Exec) -> Result<Pca> {
    match matrix.deviations(exec)? {
        Some((differences, offsets)) => fit(&differences, &PcaOptions { offsets: Some(offsets), ..options }, exec),
        None => fit(&matrix.lazy(exec)?, &options, exec),
    }
}

/// Scores (cells x components) and components (genes x components), flat; variances and their shares.
#[pyfunction]
#[pyo3(signature = (matrix, n_comps=None, zero_center=true))]
pub(super) fn pca<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    n_comps: Option<usize>,
    zero_center: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let options = PcaOptions { n_comps, zero_center, ..PcaOptions::default() };
    let pca = job::run(py, |exec| components(matrix, options, exec))?;
    arrays(
        py,
        [
            ("scores", Buffer::F32(pca.scores)),
            ("components", Buffer::F64(pca.model.components)),
            ("variance", Buffer::F64(pca.model.variance)),
            ("variance_ratio", Buffer::F64(pca.model.variance_ratio)),
        ],
    )
}
