//! What steps start from, out of a file: embeddings of cells, and graphs that were stored.

mod graph;
mod representation;

pub use graph::{graph_name, read_graph};
pub use representation::{Representation, representation};
