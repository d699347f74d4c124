//! Graphs of cells: who is near whom, a picture of it in two dimensions, and the groups it falls into; and embeddings
//! without the differences of batches, for graphs to start from.
//! Graphs of cells: who is near whom, a picture of it in two dimensions, the groups it falls into, where a random walk
//! on it goes slowly, how its groups are connected, and a tree of groups.
//!
//! Everything here works on plain arrays in memory, of a size that grows with the number of cells and not with that of
//! the genes: an embedding goes in, graphs, coordinates and labels come out. [`inputs`] finds in a file what they start
//! from; `annotate` of each step says what scanpy would store of it, and where.

mod csr;
pub mod dendrogram;
pub mod diffmap;
pub mod harmony;
pub mod inputs;
pub mod leiden;
pub mod neighbors;
pub mod paga;
mod symmetric;
pub mod umap;
mod undirected;

pub use annstream_core::{Error, ErrorKind, Exec, Result};
pub use csr::Graph;
