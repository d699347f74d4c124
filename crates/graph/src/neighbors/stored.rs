//! What scanpy stores of it, and where.

use annstream_core::edit::Additions;
use annstream_core::element::{Dict, Element, SparseLayout, SparseMatrix};
use annstream_store::Buffer;
use serde::{Deserialize, Serialize};

use super::knn::Knn;
use super::metric::Metric;
use crate::{Error, Graph, Result};

/// How neighbours become connectivities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// [`umap`](super::umap()).
    #[default]
    Umap,
    /// [`gauss`](super::gauss()).
    Gauss,
}

impl Method {
    /// The name that scanpy has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Umap => "umap",
            Self::Gauss => "gauss",
        }
    }
}

/// What `scanpy.pp.neighbors` puts into an AnnData.
///
/// | field | key | type |
/// |---|---|---|
/// | `knn` | `obsp["distances"]` | CSR of float64 or float32, as scanpy has them for the metric and the number of cells; in each row nearest first |
/// | `graph` | `obsp["connectivities"]` | CSR of float32 |
/// | | `uns["neighbors"]["connectivities_key"]`, `["distances_key"]` | text |
/// | the rest | `uns["neighbors"]["params"]` | as named; `use_rep` and `n_pcs` only if they were given |
///
/// With `key_added`, that key stands for `neighbors`, and before `_distances` and `_connectivities`.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// The neighbours.
    pub knn: &'a Knn,
    /// The graph.
    pub graph: &'a Graph,
    /// Neighbours of a cell, itself included, after [`fitting`].
    pub n_neighbors: usize,
    /// How connectivities were made.
    pub method: Method,
    /// How far cells are apart.
    pub metric: Metric,
    /// `random_state`.
    pub seed: u64,
    /// What was asked for.
    pub use_rep: Option<&'a str>,
    /// What was asked for.
    pub n_pcs: Option<usize>,
    /// The key, instead of those above.
    pub key_added: Option<&'a str>,
}

/// How many neighbours scanpy looks for when so many are asked for: of fewer cells half of them, and one.
///
/// # Errors
/// `Argument` if fewer than two are asked for; `Invalid` if there are fewer than two cells.
pub fn fitting(n_neighbors: usize, cells: usize) -> Result<usize> {
    if n_neighbors < 2 {
        let message = format!("{n_neighbors} neighbours, of which a cell itself is the first");
        return Err(Error::argument(message).hint("give 2 or more"));
    }
    if cells < 2 {
        return Err(Error::invalid(format!("has {cells} cells; neighbours need two")));
    }
    Ok(if n_neighbors > cells { 1 + cells / 2 } else { n_neighbors })
}

impl Stored<'_> {
    /// As assignments.
    ///
    /// # Errors
    /// `Unsupported` if numbers exceed those of the file.
    pub fn additions(&self) -> Result<Additions> {
        let mut additions = self.entry()?;
        additions.merge(self.matrices());
        Ok(additions)
    }

    /// Names in `obsp`: of the distances, and of the connectivities.
    fn names(&self) -> [String; 2] {
        let before = self.key_added.map_or(String::new(), |key| format!("{key}_"));
        ["distances", "connectivities"].map(|name| format!("{before}{name}"))
    }

    /// The matrices of `obsp` only.
    pub fn matrices(&self) -> Additions {
        let [distances, connectivities] = self.names();
        let mut additions = Additions::default();
        additions.obsp.insert(distances, self.distances());
        additions.obsp.insert(connectivities, self.connectivities());
        additions
    }

    /// The entry of `uns` only.
    ///
    /// # Errors
    /// `Unsupported` if numbers exceed those of the file.
    pub fn entry(&self) -> Result<Additions> {
        let key = self.key_added.unwrap_or("neighbors");
        let [distances, connectivities] = self.names();
        let mut params = Dict::from_iter([
            ("n_neighbors".to_owned(), number(self.n_neighbors as u64)?),
            ("method".to_owned(), text(self.method.name())),
            ("random_state".to_owned(), number(self.seed)?),
            ("metric".to_owned(), text(self.metric.name())),
        ]);
        if let Some(use_rep) = self.use_rep {
            params.insert("use_rep".to_owned(), text(use_rep));
        }
        if let Some(n_pcs) = self.n_pcs {
            params.insert("n_pcs".to_owned(), number(n_pcs as u64)?);
        }
        let entry = Dict::from_iter([
            ("connectivities_key".to_owned(), text(&connectivities)),
            ("distances_key".to_owned(), text(&distances)),
            ("params".to_owned(), Element::Dict(params)),
        ]);
        let mut additions = Additions::default();
        additions.set_uns([key], Element::Dict(entry));
        Ok(additions)
    }

    /// Bytes of what [`additions`](Self::additions) makes, and of writing it.
    pub fn bytes(&self) -> u64 {
        ((self.knn.indices().len() + self.graph.edges()) * 32 + self.knn.cells() * 48) as u64
    }

    fn distances(&self) -> Element {
        let (cells, neighbours) = (self.knn.cells(), self.knn.neighbours());
        let values = self.knn.distances();
        let data = if self.doubles() {
            Buffer::F64(values.iter().map(|&value| f64::from(value)).collect())
        } else {
            Buffer::F32(values.to_vec())
        };
        Element::Sparse(SparseMatrix {
            layout: SparseLayout::Csr,
            shape: [cells, cells],
            indptr: (0..=cells).map(|cell| (cell * neighbours) as u64).collect(),
            indices: self.knn.indices().iter().map(|&id| u64::from(id)).collect(),
            data,
        })
    }

    /// Whether scanpy would have them in doubles: `scikit-learn` has, and pynndescent for cosines only, where the other has
    /// not.
    fn doubles(&self) -> bool {
        match self.metric {
            Metric::Euclidean => self.knn.cells() < 8192,
            Metric::Manhattan | Metric::Correlation => self.knn.cells() < 4096,
            Metric::Cosine => self.knn.cells() >= 4096,
        }
    }

    fn connectivities(&self) -> Element {
        let cells = self.graph.vertices();
        Element::Sparse(SparseMatrix {
            layout: SparseLayout::Csr,
            shape: [cells, cells],
            indptr: self.graph.indptr().iter().map(|&pointer| pointer as u64).collect(),
            indices: self.graph.indices().iter().map(|&id| u64::from(id)).collect(),
            data: Buffer::F32(self.graph.weights().to_vec()),
        })
    }
}

fn text(text: &str) -> Element {
    Element::Scalar(Buffer::Str(std::iter::once(text).collect()))
}

fn number(number: u64) -> Result<Element> {
    let number = i64::try_from(number).map_err(|_| Error::unsupported(format!("{number} exceeds 63 bits")))?;
    Ok(Element::Scalar(Buffer::I64(vec![number])))
}
