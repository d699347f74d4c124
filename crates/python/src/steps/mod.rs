//! Steps of an analysis, as functions that Python calls: one file each, registered here.
//!
//! Options come as the JSON of the options of the engine, whose names are scanpy's.

mod components;
mod counts;
mod genes;
mod graph;
mod markers;
mod normalize;
mod partials;

use annstream_core::lazy::LazyMatrix;
use annstream_core::table::Column;
use annstream_core::{Exec, Result};
use annstream_sc::pca::GRAM_COLUMNS;
use annstream_store::Buffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::to_numpy;
use crate::matrix::Matrix;

/// Adds the functions of all steps to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(counts::qc_metrics, module)?)?;
    module.add_function(wrap_pyfunction!(counts::filter_counts, module)?)?;
    module.add_function(wrap_pyfunction!(normalize::normalize_total, module)?)?;
    module.add_function(wrap_pyfunction!(genes::highly_variable_genes, module)?)?;
    module.add_function(wrap_pyfunction!(genes::loess, module)?)?;
    module.add_function(wrap_pyfunction!(components::pca, module)?)?;
    module.add_function(wrap_pyfunction!(graph::neighbors, module)?)?;
    module.add_function(wrap_pyfunction!(graph::umap, module)?)?;
    module.add_function(wrap_pyfunction!(graph::leiden, module)?)?;
    module.add("GRAM_COLUMNS", GRAM_COLUMNS)?;
    module.add_function(wrap_pyfunction!(partials::stretches, module)?)?;
    module.add_function(wrap_pyfunction!(partials::counts_part, module)?)?;
    module.add_function(wrap_pyfunction!(partials::qc_table, module)?)?;
    module.add_function(wrap_pyfunction!(partials::filter_table, module)?)?;
    module.add_function(wrap_pyfunction!(partials::totals_part, module)?)?;
    module.add_function(wrap_pyfunction!(partials::totals_factors, module)?)?;
    module.add_function(wrap_pyfunction!(partials::moments_part, module)?)?;
    module.add_function(wrap_pyfunction!(partials::hvg_clips, module)?)?;
    module.add_function(wrap_pyfunction!(partials::hvg_table, module)?)?;
    module.add_function(wrap_pyfunction!(partials::gram_part, module)?)?;
    module.add_function(wrap_pyfunction!(partials::pca_components, module)?)?;
    module.add_function(wrap_pyfunction!(partials::pca_matrix, module)?)?;
    module.add_function(wrap_pyfunction!(partials::pca_model, module)?)?;
    module.add_function(wrap_pyfunction!(partials::scores_part, module)?)?;
    module.add_function(wrap_pyfunction!(markers::rank_genes_groups, module)?)
}

/// The matrix in blocks that leave out zeros, whatever its operators make of them.
fn compressed(matrix: &Matrix, exec: &Exec) -> Result<LazyMatrix> {
    let lazy = matrix.lazy(exec)?;
    if lazy.view().is_dense() { Ok(LazyMatrix::new(matrix.source(exec)?)) } else { Ok(lazy) }
}

/// Options that mean nothing.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: serde_json::Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Columns as arrays by their names, in order.
fn arrays<N: AsRef<str>>(
    py: Python<'_>,
    columns: impl IntoIterator<Item = (N, Buffer)>,
) -> PyResult<Bound<'_, PyDict>> {
    let out = PyDict::new(py);
    for (name, values) in columns {
        out.set_item(name.as_ref(), to_numpy(py, values)?)?;
    }
    Ok(out)
}

/// The same of columns of a table, which are of plain numbers.
fn table(py: Python<'_>, columns: Vec<(String, Column)>) -> PyResult<Bound<'_, PyDict>> {
    let plain = |(name, column)| match column {
        Column::Plain(values) => Ok((name, values)),
        _ => Err(PyTypeError::new_err(format!("{name} is not a column of numbers"))),
    };
    arrays(py, columns.into_iter().map(plain).collect::<PyResult<Vec<_>>>()?)
}
