//! Where rows go: arrays of the result, filled block by block.

mod both;
mod copied;
mod dense;
mod pass;
mod sparse;

pub use both::WriteBoth;
pub(crate) use copied::Copies;
pub use dense::DenseSink;
pub(crate) use dense::usual_chunk;
pub use pass::WritePass;
pub use sparse::SparseSink;
pub(crate) use sparse::{CHUNK as SPARSE_CHUNK, pointer_spec, shared_values, tag_sparse};

use crate::matrix::{Block, Sums};
use crate::{Error, Result};

/// A matrix being written, in either layout.
pub enum Sink<'a> {
    /// A sparse matrix.
    Sparse(SparseSink<'a>),
    /// A dense array.
    Dense(DenseSink<'a>),
}

impl Sink<'_> {
    /// Whether rows must come dense.
    pub fn is_dense(&self) -> bool {
        matches!(self, Self::Dense(_))
    }

    /// Appends rows of the right layout, with their sums.
    ///
    /// # Errors
    /// If writing fails.
    pub fn append(&mut self, block: Block, sums: Sums) -> Result<()> {
        match (self, block) {
            (Self::Sparse(sink), Block::Sparse(rows)) => sink.append(rows, sums),
            (Self::Dense(sink), Block::Dense { values, .. }) => sink.append(values, sums),
            _ => Err(Error::internal("a block of the wrong layout came to a sink")),
        }
    }

    /// Ends the matrix; returns the sums of all that was written.
    ///
    /// # Errors
    /// If writing fails, or other than the promised number of rows came.
    pub fn finish(self) -> Result<Sums> {
        match self {
            Self::Sparse(sink) => sink.finish(),
            Self::Dense(sink) => sink.finish(),
        }
    }
}
