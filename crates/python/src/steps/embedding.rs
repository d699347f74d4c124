//! `diffmap` and `harmony_integrate`, of arrays in memory.

use annstream_graph::diffmap::diffmap as diffusion;
use annstream_graph::harmony::{HarmonyOptions, harmony};
use numpy::{PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::graph::{Pointers, graph_of};
use super::refused;
use crate::errors::IntoPython;
use crate::job;

/// Coordinates of the cells of a graph, flat, as `positions`; `eigenvalues`; the number of connected `components`; and the
/// `residual` of the eigenpairs.
#[pyfunction]
pub(super) fn diffmap<'py>(py: Python<'py>, graph: Pointers<'py>, n_comps: usize) -> PyResult<Bound<'py, PyDict>> {
    let graph = graph_of(graph).into_python()?;
    let found = job::run(py, |exec| diffusion(&graph, n_comps, exec))?;
    let out = PyDict::new(py);
    out.set_item("positions", PyArray1::from_vec(py, found.positions))?;
    out.set_item("eigenvalues", PyArray1::from_vec(py, found.eigenvalues))?;
    out.set_item("components", found.components)?;
    out.set_item("residual", found.residual)?;
    Ok(out)
}

/// A corrected embedding, flat; and whether the turns ended by themselves. `keys` are the batches of the cells, numbered.
#[pyfunction]
pub(super) fn harmony_integrate<'py>(
    py: Python<'py>,
    embedding: PyReadonlyArray2<'py, f64>,
    keys: Vec<PyReadonlyArray1<'py, u32>>,
    options: &str,
) -> PyResult<(Bound<'py, PyArray1<f64>>, bool)> {
    let options: HarmonyOptions = serde_json::from_str(options).map_err(refused)?;
    let width = embedding.as_array().ncols();
    let values: Vec<f64> = embedding.as_array().iter().copied().collect();
    let keys: Vec<Vec<u32>> = keys.iter().map(|key| key.as_array().to_vec()).collect();
    let found = job::run(py, |exec| harmony(values, width, &keys, &options, exec))?;
    Ok((PyArray1::from_vec(py, found.values), found.converged))
}
