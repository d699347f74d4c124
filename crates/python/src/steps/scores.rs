//! `score_genes` and `score_genes_cell_cycle`: two passes.

use annstream_core::lazy::LazyMatrix;
use annstream_core::{Exec, Result};
use annstream_sc::score::{GeneList, Kind, Like, Score, ScoreOptions, Scored, score_matrix};
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::job;
use crate::matrix::{Format, Matrix};

/// Scores of the cells, names of the controls, and genes that are not there.
type Scores<'py> = (Bound<'py, PyArray1<f64>>, Vec<String>, Vec<String>);

/// Scores of each list of genes, which comes with the number of controls that it gets from each bin.
#[pyfunction]
#[pyo3(signature = (matrix, names, lists, *, gene_pool, n_bins, random_state, ctrl_as_ref))]
#[expect(clippy::too_many_arguments, reason = "each is a parameter of scanpy")]
pub(super) fn score_genes<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    names: Vec<String>,
    lists: Vec<(Vec<String>, usize)>,
    gene_pool: Option<Vec<String>>,
    n_bins: usize,
    random_state: u32,
    ctrl_as_ref: bool,
) -> PyResult<Vec<Scores<'py>>> {
    let options = ScoreOptions { ctrl_as_ref, gene_pool, n_bins, random_state, ..ScoreOptions::default() };
    let lists: Vec<GeneList<'_>> =
        lists.iter().map(|(genes, ctrl_size)| GeneList { genes, ctrl_size: *ctrl_size }).collect();
    let found = job::run(py, |exec| scores(matrix, names, &lists, &options, exec))?;
    Ok(found
        .into_iter()
        .map(|Score { values, controls, unknown }| (PyArray1::from_vec(py, values), controls, unknown))
        .collect())
}

fn scores(
    matrix: &Matrix,
    names: Vec<String>,
    lists: &[GeneList<'_>],
    options: &ScoreOptions,
    exec: &Exec,
) -> Result<Vec<Score>> {
    let kind = match matrix.format() {
        Format::Csr => Kind::Csr,
        Format::Csc => Kind::Csc,
        Format::Dense => Kind::Dense,
    };
    // A CSC matrix with operators is added up row by row, in doubles.
    let columns = if kind == Kind::Csc { matrix.stored_columns(exec)? } else { None };
    let like = if kind == Kind::Csc && columns.is_none() { Like::V1_12 } else { Like::V1_11 };
    let element = matrix.name();
    // The passes speak of columns by their ids, which are positions of a source.
    let rows = LazyMatrix::new(matrix.source(exec)?);
    let scored = Scored { rows, columns, kind, names, element };
    score_matrix(&scored, lists, &ScoreOptions { like, ..options.clone() }, exec)
}
