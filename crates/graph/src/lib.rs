//! Graphs of cells: who is near whom, a picture of it in two dimensions, and the groups it falls into.
//!
//! Everything here works on plain arrays in memory, of a size that grows with the number of cells and not with that of
//! the genes: an embedding goes in, graphs, coordinates and labels come out. Where a file has a graph is
//! known to [`read_graph`] and [`graph_name`]; what scanpy would store of communities and pictures to
//! [`leiden::annotate`] and [`umap::annotate`].

mod csr;
pub mod leiden;
mod stored;
pub mod umap;

pub use annstream_core::{Error, ErrorKind, Result};
pub use csr::Graph;
pub use stored::{graph_name, read_graph};
