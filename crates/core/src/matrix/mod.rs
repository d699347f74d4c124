//! Matrices in blocks of consecutive rows.
//!
//! A *source* ([`MatrixSource`]) hands out [`Block`]s for ranges of its major axis from any thread; a *kernel*
//! ([`Remap`]) aligns a block with the axes of the result; a sink (see [`crate::sink`]) appends blocks to an array.
//! "Row" here is the major axis of the orientation asked for: the columns of a CSC matrix are the rows of its source.

mod block;
mod order;
mod remap;
mod source;
mod sums;

pub use block::{Block, SparseRows};
pub use remap::{DROPPED, Remap};
pub use source::{BLOCK_BYTES, MatrixSource, largest_range};
pub use sums::Sums;
