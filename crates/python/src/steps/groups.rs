//! What groups of cells have in common: `aggregate`, `paga`, `dendrogram`.

use annstream_core::Error;
use annstream_graph::dendrogram::{Correlation, DendrogramStep, Method, Node, tree};
use annstream_graph::paga::{Counts, abstracted};
use annstream_sc::reduce::GroupSumsPass;
use annstream_store::Buffer;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{arrays, compressed};
use crate::errors::IntoPython;
use crate::job;
use crate::matrix::Matrix;

/// Sums, sums of squares and numbers of values that are not zero (`sums`, `squares`, `nonzero`: groups x columns, flat), of
/// those that are asked for. One pass; whole numbers are added exactly.
#[pyfunction]
pub(super) fn group_sums<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    groups: PyReadonlyArray1<'py, u32>,
    count: usize,
    wanted: (bool, bool, bool),
) -> PyResult<Bound<'py, PyDict>> {
    let groups = codes(&groups, matrix, count)?.into();
    let (sums, squares, nonzero) = wanted;
    let pass = GroupSumsPass { width: matrix.shape()[1], groups, count, sums, squares, nonzero };
    let found = job::run(py, |exec| {
        let _sums = exec.budget().charge(pass.bytes(), "the sums of groups")?;
        compressed(matrix, exec)?.run(pass, "sums of groups", exec)
    })?;
    let nonzero = Buffer::U64(found.nonzero);
    arrays(py, [("sums", Buffer::F64(found.sums)), ("squares", Buffer::F64(found.squares)), ("nonzero", nonzero)])
}

/// How strongly groups of cells are connected, by the entries of a matrix of cells x cells: `connectivities` and `tree` as
/// triples of arrays (from, to, weight), and `sizes`.
#[pyfunction]
pub(super) fn paga<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    groups: PyReadonlyArray1<'py, u32>,
    count: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let groups = codes(&groups, matrix, count)?;
    let mut sizes = vec![0; count];
    for &group in &groups {
        sizes[group as usize] += 1;
    }
    let found = job::run(py, |exec| {
        Counts::of(&matrix.lazy(exec)?, sizes, groups.into(), exec).map(|counts| abstracted(&counts))
    })?;
    let out = arrays(py, [("sizes", Buffer::U64(found.sizes))])?;
    for (name, edges) in [("connectivities", found.connectivities), ("tree", found.tree)] {
        let from = Buffer::I64(edges.iter().map(|edge| edge.0 as i64).collect());
        let to = Buffer::I64(edges.iter().map(|edge| edge.1 as i64).collect());
        let weights = Buffer::F64(edges.iter().map(|edge| edge.2).collect());
        out.set_item(name, arrays(py, [("from", from), ("to", to), ("weight", weights)])?)?;
    }
    Ok(out)
}

/// The tree of groups of rows: `linkage` (four numbers a node), `leaves`, `icoord` and `dcoord` (four numbers a node),
/// `color_list`, `leaves_color_list`, and `correlation` (groups x groups).
#[pyfunction]
pub(super) fn dendrogram<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    groups: PyReadonlyArray1<'py, u32>,
    names: Vec<String>,
    cor_method: &str,
    linkage_method: &str,
    optimal_ordering: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let groups = codes(&groups, matrix, names.len())?;
    let cor_method = cor_method.parse::<Correlation>().into_python()?;
    let linkage_method = linkage_method.parse::<Method>().into_python()?;
    let step = DendrogramStep { cor_method, linkage_method, optimal_ordering, ..DendrogramStep::default() };
    let found = job::run(py, |exec| tree(&compressed(matrix, exec)?, &names, groups, &step, exec))?;
    let node =
        |&Node { children: [left, right], height, size }: &Node| [left as f64, right as f64, height, size as f64];
    let out = arrays(
        py,
        [
            ("linkage", Buffer::F64(found.nodes.iter().flat_map(node).collect())),
            ("leaves", Buffer::I64(found.drawing.leaves.iter().map(|leaf| *leaf as i64).collect())),
            ("icoord", Buffer::F64(found.drawing.across.concat())),
            ("dcoord", Buffer::F64(found.drawing.upward.concat())),
            ("correlation", Buffer::F64(found.correlation)),
        ],
    )?;
    out.set_item("color_list", found.drawing.colors)?;
    out.set_item("leaves_color_list", found.drawing.leaf_colors)?;
    Ok(out)
}

/// The group of each row.
fn codes(groups: &PyReadonlyArray1<'_, u32>, matrix: &Matrix, count: usize) -> PyResult<Vec<u32>> {
    let groups = groups.as_array().to_vec();
    if groups.len() != matrix.shape()[0] || groups.iter().any(|&group| group as usize >= count) {
        return Err(Error::argument(format!("each row needs one of {count} groups"))).into_python();
    }
    Ok(groups)
}
