//! A graph that `neighbors` stored.

use annstream_core::anndata::{AnnDataFile, Slot};
use annstream_core::element::Element;
use annstream_store::Buffer;

use crate::{Error, Exec, Graph, Result};

/// Reads the connectivities that `uns[neighbors_key]["connectivities_key"]` names, as scanpy's steps after `neighbors` do.
/// The matrix is taken to be symmetric, so that its layout does not matter. Memory: 20 bytes for each stored value, and 8
/// for each of the graph.
///
/// # Errors
/// `NotFound` if there is none; `Invalid` if it is damaged; `Memory` if the budget is too small.
pub fn stored_graph(file: &AnnDataFile, neighbors_key: &str, exec: &Exec) -> Result<Graph> {
    let hint = "run annstream neighbors first";
    if !file.uns_names().iter().any(|name| name == neighbors_key) {
        return Err(Error::not_found(format!("there is no {neighbors_key} in uns")).hint(hint));
    }
    let named = match file.read(Slot::Uns(neighbors_key))? {
        Element::Dict(dict) => dict.get("connectivities_key").and_then(text),
        _ => None,
    };
    let name = named.unwrap_or_else(|| "connectivities".to_owned());
    let Some(header) = file.obsp().get(&name) else {
        return Err(Error::not_found(format!("there is no {name} in obsp")).hint(hint));
    };
    let values = match header {
        annstream_core::anndata::MatrixHeader::Sparse(header) => header.nnz,
        _ => return Err(Error::unsupported("is no sparse matrix").at(format!("obsp/{name}"))),
    };
    let _held = exec.budget().charge(values as u64 * 28, "a graph")?;
    let Element::Sparse(matrix) = file.read(Slot::Obsp(&name))? else {
        return Err(Error::unsupported("is no sparse matrix").at(format!("obsp/{name}")));
    };
    graph(&matrix).map_err(|error| error.at(format!("obsp/{name}")))
}

fn text(element: &Element) -> Option<String> {
    match element {
        Element::Scalar(Buffer::Str(texts)) => texts.iter().next().map(str::to_owned),
        _ => None,
    }
}

fn graph(matrix: &annstream_core::element::SparseMatrix) -> Result<Graph> {
    let mut indptr = Vec::with_capacity(matrix.indptr.len());
    let (mut indices, mut weights) = (Vec::with_capacity(matrix.indices.len()), Vec::new());
    let mut row: Vec<(u32, f32)> = Vec::new();
    indptr.push(0);
    for bounds in matrix.indptr.windows(2) {
        row.clear();
        for i in usize::try_from(bounds[0]).unwrap_or(usize::MAX)..usize::try_from(bounds[1]).unwrap_or(0) {
            let id = matrix.indices.get(i).and_then(|&id| u32::try_from(id).ok()).filter(|_| i < matrix.data.len());
            let id = id.ok_or_else(|| Error::invalid("pointers or ids reach too far"))?;
            #[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
            let weight = matrix.data.get_f64(i).ok_or_else(|| Error::unsupported("weights are not numbers"))? as f32;
            row.push((id, weight));
        }
        row.sort_unstable_by_key(|(id, _)| *id);
        for &(id, weight) in &row {
            indices.push(id);
            weights.push(weight);
        }
        indptr.push(indices.len());
    }
    Graph::new(indptr, indices, weights)
}
