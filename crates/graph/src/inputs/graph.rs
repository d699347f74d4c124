//! Graphs as they stand in a file.

use annstream_core::Exec;
use annstream_core::anndata::{AnnDataFile, MatrixHeader, Slot};
use annstream_core::element::Element;
use annstream_core::lazy::{Consumer, LazyMatrix, NumberBlock};
use annstream_core::source::row_source;
use annstream_store::Buffer;

use crate::{Error, Graph, Result};

/// The name in `obsp` of the graph that a run of neighbours left: what `uns[key]` calls its `connectivities_key`, and
/// `connectivities` for the usual key, `neighbors`. It is how `scanpy` finds it.
///
/// # Errors
/// `NotFound` if `uns` has no such entry, `Invalid` if it does not say where the graph is.
pub fn graph_name(file: &AnnDataFile, key: Option<&str>) -> Result<String> {
    name_of(file, key, "connectivities")
}

/// The name in `obsp` of the distances to the nearest neighbours, found as [`graph_name`] finds the graph.
///
/// # Errors
/// As those of [`graph_name`].
pub fn distances_name(file: &AnnDataFile, key: Option<&str>) -> Result<String> {
    name_of(file, key, "distances")
}

/// Says that no run of neighbours left a graph under a key.
pub fn no_graph(key: &str) -> Error {
    Error::not_found("there is no graph of neighbours")
        .at(format!("uns/{key}"))
        .hint("run annstream neighbors first, or give --neighbors-key")
}

fn name_of(file: &AnnDataFile, key: Option<&str>, which: &str) -> Result<String> {
    let key = key.unwrap_or("neighbors");
    let at = format!("uns/{key}");
    if !file.uns_names().iter().any(|name| name == key) {
        return Err(no_graph(key));
    }
    if key == "neighbors" {
        return Ok(which.to_owned());
    }
    let name = format!("{which}_key");
    let entry = match file.read(Slot::Uns(key))? {
        Element::Dict(mut entries) => entries.swap_remove(&name),
        _ => None,
    };
    match entry {
        Some(Element::Scalar(Buffer::Str(text))) if text.len() == 1 => Ok(text.get(0).to_owned()),
        _ => Err(Error::invalid(format!("has no text by the name {name}")).at(at)),
    }
}

/// Reads a graph of `obsp` whose vertices are the cells for which `kept` is true, or all. Holds 8 bytes for an edge and
/// 8 for a cell, and blocks of rows; a matrix in CSC is sorted in scratch space.
///
/// # Errors
/// `NotFound` if there is none by this name, `Invalid` or `Unsupported` if it is not a square matrix of numbers,
/// `Memory` if the budget is too small.
pub fn read_graph(file: &AnnDataFile, name: &str, kept: Option<&[bool]>, exec: &Exec) -> Result<Graph> {
    let place = |error: Error| error.at(format!("obsp/{name}")).in_file(file.store().location());
    let mut matrix = stored_graph(file, name, exec)?;
    if let Some(kept) = kept {
        matrix = matrix.keep_rows(kept).map_err(place)?.keep_columns(kept).map_err(place)?;
    }
    let edges = match file.obsp().get(name) {
        Some(MatrixHeader::Sparse(sparse)) => sparse.nnz,
        other => other.map_or(0, |header| header.shape().iter().product()),
    };
    matrix.run(Edges { rows: matrix.shape()[0], most: edges }, "edges", exec).map_err(place)
}

/// A graph of `obsp` as rows to be read.
///
/// # Errors
/// As those of [`read_graph`].
pub(crate) fn stored_graph(file: &AnnDataFile, name: &str, exec: &Exec) -> Result<LazyMatrix> {
    let place = |error: Error| error.at(format!("obsp/{name}")).in_file(file.store().location());
    let header = file.obsp().get(name).ok_or_else(|| place(Error::not_found("there is no such graph")))?;
    Ok(LazyMatrix::new(row_source(file, header, exec)?))
}

/// Gathers all rows.
struct Edges {
    rows: usize,
    most: usize,
}

/// Ends of rows, ids and weights.
type Rows = (Vec<usize>, Vec<u32>, Vec<f32>);

impl Consumer for Edges {
    type Partial = Rows;
    type Total = Rows;
    type Output = Graph;

    fn start(&self) -> Result<Rows> {
        let mut indptr = Vec::with_capacity(self.rows + 1);
        indptr.push(0);
        Ok((indptr, Vec::new(), Vec::new()))
    }

    fn map(&self, block: &NumberBlock) -> Result<Rows> {
        let (indptr, indices) = block.sparse().ok_or_else(|| Error::internal("rows are dense"))?;
        Ok((indptr.to_vec(), indices.to_vec(), block.values.clone().into_f32()))
    }

    fn fold(&self, total: &mut Rows, (indptr, indices, weights): Rows) -> Result<()> {
        let before = total.1.len();
        total.0.extend(indptr.iter().skip(1).map(|end| before + end));
        total.1.extend(indices);
        total.2.extend(weights);
        Ok(())
    }

    fn finish(self, (indptr, indices, weights): Rows) -> Result<Graph> {
        Graph::new(indptr, indices, weights)
    }

    fn total_bytes(&self) -> u64 {
        self.most as u64 * 8 + self.rows as u64 * 8
    }
}
