//! `regress_out`: what genes are predicted to be.

use annstream_sc::regress::{Basis, Covariates, predict};
use annstream_store::Buffer;
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{arrays, compressed};
use crate::job;
use crate::matrix::Matrix;

/// The parameters of the operator `regress`: `coefficients` (terms or groups x columns), `numbers` (rows x terms) where
/// there are some; and whether values are taken as single ones (`single`), and then as doubles (`double`). One pass.
///
/// `numbers` are rows x keys, finite; `groups` the group of each row, which is their number for rows without one.
#[pyfunction]
#[pyo3(signature = (matrix, numbers=None, groups=None))]
pub(super) fn regression<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    numbers: Option<PyReadonlyArray2<'py, f64>>,
    groups: Option<(PyReadonlyArray1<'py, u32>, u32)>,
) -> PyResult<Bound<'py, PyDict>> {
    let [rows, width] = matrix.shape();
    let covariates = match (numbers, groups) {
        (Some(numbers), None) if numbers.as_array().nrows() == rows => {
            let columns: Vec<Vec<f64>> = numbers.as_array().columns().into_iter().map(|own| own.to_vec()).collect();
            Covariates::Numbers(Basis::with_ones(rows, &columns))
        }
        (None, Some((codes, count))) if codes.as_array().len() == rows => {
            Covariates::Groups { codes: codes.as_array().to_vec(), count }
        }
        _ => return Err(PyValueError::new_err("numbers or groups of each row are needed")),
    };
    let found = job::run(py, |exec| predict(&compressed(matrix, exec)?, &covariates, exec))?;
    let out = arrays(py, [("coefficients", Buffer::F64(found.coefficients))])?;
    let flat = out.get_item("coefficients")?.ok_or_else(|| PyValueError::new_err("no coefficients"))?;
    out.set_item("coefficients", flat.call_method1("reshape", (found.terms, width))?)?;
    if let Covariates::Numbers(basis) = covariates {
        let numbers = PyArray1::from_vec(py, basis.entries);
        out.set_item("numbers", numbers.reshape((rows, basis.count))?)?;
    }
    out.set_item("single", found.single)?;
    out.set_item("double", found.double)?;
    Ok(out)
}
