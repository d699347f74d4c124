//! `calculate_qc_metrics`, `filter_cells` and `filter_genes`: one pass.

use annstream_core::{Exec, Result};
use annstream_sc::filter::{CellFilter, GeneFilter};
use annstream_sc::qc::{QcOptions, qc_columns};
use annstream_sc::reduce::{CellRule, Counts, CountsPass, Frequent};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{compressed, refused, table};
use crate::job;
use crate::matrix::{Format, Matrix};

fn count(matrix: &Matrix, sets: Vec<Vec<bool>>, ranks: Vec<usize>, exec: &Exec) -> Result<Counts> {
    let [rows, width] = matrix.shape();
    let (rule, frequent) = (CellRule::default(), Frequent::none(width));
    let pass = CountsPass { rows, width, sets, ranks, rule, only_counts: false, frequent };
    compressed(matrix, exec)?.run(pass, "counts", exec)
}

/// Columns of quality control for `obs` and for `var`, as scanpy has them; `sets` are the genes of each of `qc_vars`.
#[pyfunction]
pub(super) fn qc_metrics<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    options: &str,
    sets: Vec<Vec<bool>>,
) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    let options: QcOptions = serde_json::from_str(options).map_err(refused)?;
    let mut ranks = options.percent_top.clone();
    ranks.sort_unstable();
    let counts = job::run(py, |exec| count(matrix, sets, ranks, exec))?;
    tables(py, matrix, &counts, &options)
}

/// Columns from counts.
pub(super) fn tables<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    counts: &Counts,
    options: &QcOptions,
) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    let many = matrix.nnz().is_some_and(|nnz| i32::try_from(nnz).is_err());
    let columns = qc_columns(counts, options, matrix.dtype(), matrix.format() != Format::Csr || many);
    Ok((table(py, columns.obs)?, table(py, columns.var)?))
}

/// What filters look at: `n_genes` and `n_counts` of cells, `n_cells` and `n_counts` of genes.
#[pyfunction]
pub(super) fn filter_counts<'py>(
    py: Python<'py>,
    matrix: &Matrix,
) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    let counts = job::run(py, |exec| count(matrix, vec![], vec![], exec))?;
    filters(py, matrix, &counts)
}

/// What filters look at, from counts.
pub(super) fn filters<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    counts: &Counts,
) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    let cells = CellFilter { min_genes: Some(0), min_counts: Some(0.0), ..CellFilter::default() };
    let genes = GeneFilter { min_cells: Some(0), min_counts: Some(0.0), ..GeneFilter::default() };
    let dtype = matrix.dtype();
    Ok((table(py, cells.columns(counts, dtype))?, table(py, genes.columns(&counts.genes, dtype))?))
}
