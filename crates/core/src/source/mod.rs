//! Where rows come from: implementations of [`MatrixSource`](crate::matrix::MatrixSource).

mod dense;
mod memory;
mod missing;
mod permuted;
mod picked;
mod sorted;
mod sparse;

pub use dense::StoredDense;
pub use memory::{MemoryDense, MemorySparse};
pub use missing::MissingRows;
pub use permuted::PermutedRows;
pub use picked::PickedRows;
pub use sorted::{RowPlacement, SortedRows};
pub use sparse::StoredSparse;
