//! What graphs are made of, out of a file: embeddings, and graphs that were stored.

mod representation;
mod stored_graph;

pub use representation::{Representation, representation};
pub use stored_graph::stored_graph;
