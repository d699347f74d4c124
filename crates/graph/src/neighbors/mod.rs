//! Nearest neighbours of cells, and the graphs that are made of them: what `scanpy.pp.neighbors` gives.
//!
//! - [`nearest`] finds the neighbours of all cells in an embedding ([`Knn`]): exactly, or nearly where cells are many;
//!   [`each_nearest`] shows them to a function and does not keep them;
//! - [`umap`] and [`gauss`] make a [`Graph`](crate::Graph) of them, whose weights say how close cells are;
//! - [`connect`] does both, as a step of a pipeline;
//! - [`Stored`] says what scanpy would store, and where.

mod annotate;
mod approximate;
mod distance;
mod draw;
mod each;
mod exact;
mod gauss;
mod knn;
mod lists;
mod metric;
mod nearest;
mod partition;
mod probe;
mod refine;
mod rows;
mod scan;
mod stored;
mod symmetric;
mod table;
mod umap;

#[cfg(test)]
mod tests;

pub use annotate::{Connected, NeighborsStep, connect};
pub use each::each_nearest;
pub use gauss::gauss;
pub use knn::Knn;
pub use metric::Metric;
pub use nearest::{Found, NearestOptions, Search, nearest};
pub use stored::{Method, Stored, fitting};
pub use umap::umap;
