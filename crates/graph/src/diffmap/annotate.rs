//! The diffusion map of the cells of a file, as scanpy stores it.

use annstream_core::Exec;
use annstream_core::anndata::AnnDataFile;
use annstream_core::edit::Additions;
use annstream_core::element::{DenseArray, Element};
use annstream_store::Buffer;

use super::{Diffmap, diffmap};
use crate::Result;
use crate::inputs::{graph_name, read_graph};

/// A diffusion map of the cells of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffmapStep {
    /// Number of components, 3 or more; the first one is where the walk is in the long run, and tells nothing.
    pub n_comps: usize,
    /// Entry of `uns` that tells of the graph. Default: `neighbors`.
    pub neighbors_key: Option<String>,
}

impl Default for DiffmapStep {
    fn default() -> Self {
        Self { n_comps: 15, neighbors_key: None }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Annotated {
    /// The map.
    pub diffmap: Diffmap,
    /// `obsm["X_diffmap"]` (cells x components, f32) and `uns["diffmap_evals"]` (f32), as `scanpy.tl.diffmap` stores
    /// them.
    pub additions: Additions,
}

/// Computes the diffusion map of the cells of a file by the graph that a run of neighbours left. Reads one matrix of
/// `obsp`.
///
/// # Errors
/// If there is no such graph, and those of [`diffmap`].
pub fn annotate(file: &AnnDataFile, step: &DiffmapStep, exec: &Exec) -> Result<Annotated> {
    let name =
        graph_name(file, step.neighbors_key.as_deref()).map_err(|error| error.in_file(file.store().location()))?;
    let graph = read_graph(file, &name, None, exec)?;
    let diffmap = diffmap(&graph, step.n_comps, exec).map_err(|error| match error.kind() {
        crate::ErrorKind::Invalid => error.at(format!("obsp/{name}")).in_file(file.store().location()),
        _ => error,
    })?;
    let mut additions = Additions::default();
    let width = diffmap.eigenvalues.len();
    let (shape, values) = (vec![graph.vertices(), width], Buffer::F32(diffmap.positions.clone()));
    additions.obsm.insert("X_diffmap".to_owned(), Element::Array(DenseArray { shape, values }));
    let (shape, values) = (vec![width], Buffer::F32(diffmap.eigenvalues.clone()));
    additions.set_uns(["diffmap_evals"], Element::Array(DenseArray { shape, values }));
    Ok(Annotated { diffmap, additions })
}
