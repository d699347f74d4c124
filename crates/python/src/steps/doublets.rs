//! `scrublet`: three passes.

use annstream_core::lazy::LazyMatrix;
use annstream_core::{Exec, Result};
use annstream_graph::neighbors::{Metric, NearestOptions, Search, each_nearest};
use annstream_sc::groups::Groups;
use annstream_sc::scrublet::{Near, Points, Scrublet, ScrubletBatch, ScrubletOptions, of_matrix};
use annstream_store::Buffer;
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::{arrays, refused};
use crate::errors::IntoPython;
use crate::job;
use crate::matrix::Matrix;

/// What is found of each batch, one after the other, and whether there were counts with fractions. `batches` are the code of
/// each cell and the names of the batches.
#[pyfunction]
#[pyo3(signature = (matrix, options, metric="euclidean", approximate=false, batches=None))]
pub(super) fn scrublet<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    options: &str,
    metric: &str,
    approximate: bool,
    batches: Option<(PyReadonlyArray1<'py, u32>, Vec<String>)>,
) -> PyResult<(Bound<'py, PyList>, bool)> {
    let options: ScrubletOptions = serde_json::from_str(options).map_err(refused)?;
    let metric = metric.parse::<Metric>().into_python()?;
    options.check().into_python()?;
    let batches = batches.map(|(codes, names)| Groups { names, codes: codes.as_array().to_vec() });
    let search = if approximate { Search::Approximate } else { Search::Exact };
    let found = job::run(py, |exec| find(matrix, batches, &options, (metric, search), exec))?;
    let fractions = found.fractions;
    let all = found.batches.into_iter().map(|batch| batch_of(py, batch)).collect::<PyResult<Vec<_>>>()?;
    Ok((PyList::new(py, all)?, fractions))
}

fn find(
    matrix: &Matrix,
    batches: Option<Groups>,
    options: &ScrubletOptions,
    (metric, search): (Metric, Search),
    exec: &Exec,
) -> Result<Scrublet> {
    let near = |points: Points<'_>, look: &(dyn Fn(usize, &[u32]) -> Near + Sync)| {
        let seed = u64::from(options.random_state);
        let options = NearestOptions { n_neighbors: points.n_neighbors, metric, seed, search };
        each_nearest(points.values, points.width, options, look, exec).map(|(near, _)| near)
    };
    // As they are: what operators make of them is read like what is stored.
    of_matrix(&LazyMatrix::new(matrix.source(exec)?), batches, options, &near, exec)
}

fn batch_of(py: Python<'_>, batch: ScrubletBatch) -> PyResult<Bound<'_, PyDict>> {
    let (detected, detectable) = (batch.detected(), batch.detectable());
    let parents = batch.parents.iter().flatten().map(|&parent| i64::from(parent)).collect();
    let out = arrays(
        py,
        [
            ("cells", Buffer::U32(batch.cells)),
            ("scores", Buffer::F64(batch.scores)),
            ("scores_of_doublets", Buffer::F64(batch.scores_of_doublets)),
            ("parents", Buffer::I64(parents)),
        ],
    )?;
    out.set_item("name", batch.name)?;
    out.set_item("left_out", batch.left_out)?;
    out.set_item("n_neighbors", batch.n_neighbors)?;
    out.set_item("threshold", batch.threshold)?;
    out.set_item("detected", detected)?;
    out.set_item("detectable", detectable)?;
    let lists = batch.neighbor_parents.map(|lists| {
        let lists = lists.into_iter().map(|list| PyArray1::from_vec(py, list));
        lists.collect::<Vec<_>>()
    });
    out.set_item("neighbor_parents", lists)?;
    Ok(out)
}
