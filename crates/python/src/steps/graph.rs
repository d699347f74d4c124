//! `neighbors`, `umap` and `leiden`, of arrays in memory.

use annstream_core::element::{Element, SparseMatrix};
use annstream_core::{Error, Exec, Result};
use annstream_graph::Graph;
use annstream_graph::leiden::{LeidenOptions, leiden as communities};
use annstream_graph::neighbors::{
    Method, NearestOptions, NeighborsStep, Search, Stored, fitting, gauss, nearest, umap as fuzzy,
};
use annstream_graph::umap::{InitPos, UmapStep, umap as lay_out};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::refused;
use crate::arrays::to_numpy;
use crate::errors::IntoPython;
use crate::job;

/// Data, ids and pointers of a matrix in compressed rows.
type Rows<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);
/// Pointers, ids and weights of a graph.
pub(super) type Pointers<'py> = (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, f32>);

/// The distances to nearest neighbours, the graph that they make, and how many neighbours were looked for. They are looked for
/// exactly (`exact` is true), approximately, or as fits their number.
#[pyfunction]
#[pyo3(signature = (embedding, options, exact=None))]
pub(super) fn neighbors<'py>(
    py: Python<'py>,
    embedding: &Bound<'py, PyArray2<f32>>,
    options: &str,
    exact: Option<bool>,
) -> PyResult<(Rows<'py>, Rows<'py>, usize)> {
    let mut step: NeighborsStep = serde_json::from_str(options).map_err(refused)?;
    step.search = match exact {
        Some(true) => Search::Exact,
        Some(false) => Search::Approximate,
        None => Search::Auto,
    };
    let embedding = embedding.try_readonly()?;
    let width = embedding.as_array().ncols();
    let values: Vec<f32> = embedding.as_array().iter().copied().collect();
    let (mut matrices, n_neighbors) = job::run(py, |exec| connect(&values, width, &step, exec))?;
    let mut rows = |name: &str| match matrices.swap_remove(name) {
        Some(Element::Sparse(matrix)) => compressed_rows(py, matrix),
        _ => Err(Error::internal("neighbours make matrices")).into_python(),
    };
    Ok((rows("distances")?, rows("connectivities")?, n_neighbors))
}

fn connect(
    values: &[f32],
    width: usize,
    step: &NeighborsStep,
    exec: &Exec,
) -> Result<(annstream_core::element::Dict, usize)> {
    let &NeighborsStep { metric, method, random_state: seed, search, .. } = step;
    let n_neighbors = fitting(step.n_neighbors, values.len().checked_div(width).unwrap_or(0))?;
    let knn = nearest(values, width, NearestOptions { n_neighbors, metric, seed, search }, exec)?.knn;
    let graph = match method {
        Method::Umap => fuzzy(&knn, exec)?,
        Method::Gauss => gauss(&knn, exec)?,
    };
    let (use_rep, n_pcs, key_added) = (None, None, None);
    let stored = Stored { knn: &knn, graph: &graph, n_neighbors, method, metric, seed, use_rep, n_pcs, key_added };
    Ok((stored.matrices().obsp, n_neighbors))
}

fn compressed_rows(py: Python<'_>, matrix: SparseMatrix) -> PyResult<Rows<'_>> {
    let ids = |ids: Vec<u64>| PyArray1::from_vec(py, ids).into_any();
    Ok((to_numpy(py, matrix.data)?, ids(matrix.indices), ids(matrix.indptr)))
}

/// A graph from pointers, ids that rise within rows, and weights.
pub(super) fn graph_of((indptr, indices, weights): Pointers<'_>) -> Result<Graph> {
    let wrong = |_| Error::invalid("a graph has ids below zero or above 2^32");
    let indptr = indptr.as_array().iter().map(|&at| usize::try_from(at)).collect::<std::result::Result<_, _>>();
    let indices = indices.as_array().iter().map(|&id| u32::try_from(id)).collect::<std::result::Result<_, _>>();
    Graph::new(indptr.map_err(wrong)?, indices.map_err(wrong)?, weights.as_array().to_vec())
}

/// Positions of the cells of a graph, flat; and the numbers `a` and `b` of the curve. Points begin at `start`, or by the
/// spectrum of the graph, or anywhere if the options have `init_pos` of `random`.
#[pyfunction]
#[pyo3(signature = (graph, options, start=None))]
pub(super) fn umap<'py>(
    py: Python<'py>,
    graph: Pointers<'py>,
    options: &str,
    start: Option<PyReadonlyArray2<'py, f32>>,
) -> PyResult<(Bound<'py, PyArray1<f32>>, f64, f64)> {
    let step: UmapStep = serde_json::from_str(options).map_err(refused)?;
    let mut options = step.check().into_python()?;
    options.init_pos = match start {
        Some(start) => {
            InitPos::Given { columns: start.as_array().ncols(), values: start.as_array().iter().copied().collect() }
        }
        None if step.init_pos.as_deref() == Some("random") => InitPos::Random,
        None => InitPos::Spectral,
    };
    let graph = graph_of(graph).into_python()?;
    let found = job::run(py, |exec| lay_out(&graph, &options, exec))?;
    Ok((PyArray1::from_vec(py, found.positions), found.curve.a, found.curve.b))
}

/// The community of each cell, as `labels`, and the `modularity`.
#[pyfunction]
pub(super) fn leiden<'py>(py: Python<'py>, graph: Pointers<'py>, options: &str) -> PyResult<Bound<'py, PyDict>> {
    let options: LeidenOptions = serde_json::from_str(options).map_err(refused)?;
    let graph = graph_of(graph).into_python()?;
    let found = job::run(py, |exec| communities(&graph, &options, exec))?;
    let out = PyDict::new(py);
    out.set_item("labels", PyArray1::from_vec(py, found.labels))?;
    out.set_item("modularity", found.modularity)?;
    Ok(out)
}
