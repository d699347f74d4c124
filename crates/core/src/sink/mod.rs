//! Where rows go: arrays of the result, filled block by block.

mod dense;
mod sparse;

pub use dense::DenseSink;
pub use sparse::SparseSink;
