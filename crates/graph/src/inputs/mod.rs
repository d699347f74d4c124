//! What steps start from, out of a file: embeddings of cells, graphs that were stored, groups of cells.

mod graph;
mod groups;
mod representation;

pub(crate) use graph::stored_graph;
pub use graph::{distances_name, graph_name, read_graph};
pub use groups::{Groups, groups};
pub(crate) use representation::chosen;
pub use representation::{Representation, representation};
