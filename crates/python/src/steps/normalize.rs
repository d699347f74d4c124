//! `normalize_total`: what cells are divided by.

use annstream_core::lazy::Precision;
use annstream_core::op::ToSingle;
use annstream_core::{Error, Exec, Result};
use annstream_sc::normalize::{NormalizeOptions, divisors, median_total};
use annstream_sc::reduce::{DominantPass, TotalsPass};
use annstream_store::Buffer;
use numpy::PyArray1;
use pyo3::prelude::*;

use super::{compressed, refused};
use crate::arrays::to_numpy;
use crate::errors::IntoPython;
use crate::job;
use crate::matrix::Matrix;

/// Divisors, and the factors that scanpy stores.
pub(super) type Factors<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyAny>);

/// Divisors of the cells, and the factors that scanpy stores, which are 0 for empty cells. One pass; three if genes that
/// dominate are left out. Whole numbers are taken as float32.
#[pyfunction]
pub(super) fn normalize_total<'py>(py: Python<'py>, matrix: &Matrix, options: &str) -> PyResult<Factors<'py>> {
    let options: NormalizeOptions = serde_json::from_str(options).map_err(refused)?;
    check(&options)?;
    let (totals, precision) = job::run(py, |exec| totals(matrix, &options, exec))?;
    factors_of(py, &totals, &options, precision)
}

/// Refuses a total that cannot be.
pub(super) fn check(options: &NormalizeOptions) -> PyResult<()> {
    if options.target_sum.is_some_and(|target| !(target > 0.0 && target.is_finite())) {
        return Err(Error::argument("target_sum is a number above 0")).into_python();
    }
    Ok(())
}

/// Factors from totals, in the precision of the values.
pub(super) fn factors_of<'py>(
    py: Python<'py>,
    totals: &[f64],
    options: &NormalizeOptions,
    precision: Precision,
) -> PyResult<Factors<'py>> {
    let target = options.target_sum.unwrap_or_else(|| median_total(totals, precision));
    let (by, factors) = divisors(totals, target, precision);
    let factors = Buffer::F64(factors).cast(precision.dtype()).into_python()?;
    Ok((PyArray1::from_vec(py, by), to_numpy(py, factors)?))
}

fn totals(matrix: &Matrix, options: &NormalizeOptions, exec: &Exec) -> Result<(Vec<f64>, Precision)> {
    let mut lazy = compressed(matrix, exec)?;
    let whole = matrix.dtype().is_integer();
    if whole {
        lazy = lazy.with(ToSingle);
    }
    let precision = if whole { Precision::Single } else { lazy.precision() };
    let mut totals = lazy.run(TotalsPass::default(), "totals", exec)?;
    if options.exclude_highly_expressed {
        let pass = DominantPass { width: matrix.shape()[1], totals: &totals, fraction: options.max_fraction };
        let excluded = lazy.run(pass, "dominant genes", exec)?;
        totals = lazy.run(TotalsPass { excluded, only_counts: false }, "totals", exec)?;
    }
    Ok((totals, precision))
}
