//! What steps start from, out of a file or a pipeline: embeddings of cells, graphs, groups of cells.

mod cells;
mod graph;
mod groups;
mod representation;

pub use cells::{Cells, Extent};
pub(crate) use graph::stored_graph;
pub use graph::{distances_name, graph_name, no_graph, read_graph};
pub use groups::{Groups, groups};
pub(crate) use representation::chosen;
pub use representation::{Representation, choose, choose_among, no_embedding, representation};
