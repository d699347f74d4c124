//! What steps start from, out of a file or a pipeline: embeddings of cells, and graphs.

mod cells;
mod graph;
mod representation;

pub use cells::{Cells, Extent};
pub use graph::{graph_name, read_graph};
pub use representation::{Representation, choose, representation};
