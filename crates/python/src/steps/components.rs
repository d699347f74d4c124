//! `pca`.

use annstream_sc::pca::{PcaOptions, fit};
use annstream_store::Buffer;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays;
use crate::job;
use crate::matrix::Matrix;

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
    // Means are subtracted anyway, and blocks without zeros are faster.
    let unshifted = if zero_center { Some(matrix.unshifted(py)?) } else { None };
    let matrix = unshifted.as_ref().unwrap_or(matrix);
    let pca = job::run(py, |exec| fit(&matrix.lazy(exec)?, &options, exec))?;
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
