//! The neighbours of cells as a step: from an embedding to what scanpy stores.

use annstream_core::Exec;
use serde::{Deserialize, Serialize};

use super::knn::Knn;
use super::metric::Metric;
use super::nearest::{NearestOptions, Search, nearest};
use super::stored::{Method, Stored, fitting};
use super::{gauss, umap};
use crate::inputs::{Cells, representation};
use crate::{Error, Graph, Result};

/// The arguments of `scanpy.pp.neighbors`, with its names and defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NeighborsStep {
    /// Neighbours of a cell, itself included.
    pub n_neighbors: usize,
    /// How many dimensions of the embedding are used; all unless given, and 0 stands for `X`.
    pub n_pcs: Option<usize>,
    /// The embedding, in `obsm`; or `X`. Unless given what scanpy would choose, see [`representation()`].
    pub use_rep: Option<String>,
    /// How far cells are apart.
    pub metric: Metric,
    /// How neighbours become connectivities.
    pub method: Method,
    /// Name under `uns`, and before `_distances` and `_connectivities` under `obsp`.
    pub key_added: Option<String>,
    /// Seed of the approximate search.
    #[serde(alias = "seed")]
    pub random_state: u64,
    /// Which way neighbours are looked for.
    #[serde(skip)]
    pub search: Search,
}

impl Default for NeighborsStep {
    fn default() -> Self {
        Self {
            n_neighbors: 15,
            n_pcs: None,
            use_rep: None,
            metric: Metric::Euclidean,
            method: Method::Umap,
            key_added: None,
            random_state: 0,
            search: Search::Auto,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Connected {
    /// The neighbours of each cell.
    pub knn: Knn,
    /// The graph that they make.
    pub graph: Graph,
    /// Neighbours of a cell, itself included, of which there may be fewer than were asked for.
    pub n_neighbors: usize,
    /// The share of the true neighbours that was found, measured on a sample of cells; `None` if all were.
    pub recall: Option<f64>,
    /// Where the embedding stood, and its extents.
    pub embedding: (String, [usize; 2]),
}

/// Finds the neighbours of cells in an embedding, and connects them: `scanpy.pp.neighbors`.
///
/// Memory: the embedding and what [`nearest`] takes; what is returned takes 8 bytes for each neighbour and 8 for each
/// edge, with the defaults about 300 bytes a cell.
///
/// # Errors
/// Those of [`representation()`] and [`nearest`].
pub fn connect(cells: &dyn Cells, step: &NeighborsStep, exec: &Exec) -> Result<Connected> {
    let &NeighborsStep { n_neighbors, n_pcs, metric, method, random_state: seed, search, .. } = step;
    let embedding = representation(cells, step.use_rep.as_deref(), n_pcs, exec)?;
    let n_neighbors = fitting(n_neighbors, embedding.cells)?;
    let held = exec.budget().charge((embedding.values.len() * 4) as u64, "an embedding")?;
    let options = NearestOptions { n_neighbors, metric, seed, search };
    let found = nearest(&embedding.values, embedding.width, options, exec)
        .map_err(|error: Error| error.at(embedding.path.clone()))?;
    let about = (embedding.path.clone(), [embedding.cells, embedding.width]);
    drop((embedding, held));
    exec.release();
    let graph = match method {
        Method::Umap => umap(&found.knn, exec)?,
        Method::Gauss => gauss(&found.knn, exec)?,
    };
    Ok(Connected { knn: found.knn, graph, n_neighbors, recall: found.recall, embedding: about })
}

impl Connected {
    /// Bytes that are held.
    pub fn bytes(&self) -> u64 {
        ((self.knn.indices().len() + self.graph.edges() + self.graph.vertices()) * 8) as u64
    }

    /// What is stored of it.
    pub fn stored<'a>(&'a self, step: &'a NeighborsStep) -> Stored<'a> {
        Stored {
            knn: &self.knn,
            graph: &self.graph,
            n_neighbors: self.n_neighbors,
            method: step.method,
            metric: step.metric,
            seed: step.random_state,
            use_rep: step.use_rep.as_deref(),
            n_pcs: step.n_pcs,
            key_added: step.key_added.as_deref(),
        }
    }
}
