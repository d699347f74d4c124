//! Where rows come from: implementations of [`MatrixSource`](crate::matrix::MatrixSource).

mod compressed;
mod cuts;
mod dense;
mod gathered;
mod kept;
mod memory;
mod missing;
mod permuted;
mod picked;
mod pieces;
mod repeated;
mod rows;
mod sorted;
mod sparse;
mod stacked;
mod summed;

pub use compressed::CompressedRows;
pub use dense::StoredDense;
pub use gathered::GatheredRows;
pub use kept::{KeptRows, worth_keeping};
pub use memory::{MemoryDense, MemorySparse};
pub use missing::MissingRows;
pub use permuted::PermutedRows;
pub use picked::PickedRows;
pub(crate) use pieces::pieces;
pub use repeated::RepeatedColumns;
pub use rows::row_source;
pub use sorted::{RowPlacement, SortedRows};
pub use sparse::StoredSparse;
pub use stacked::{StackedPart, StackedRows};
pub use summed::SummedRows;

use annstream_store::ArrayInfo;

/// Bytes of a decoded chunk of an array; a block that needs a part of a compressed chunk decodes all of it.
fn chunk_bytes(info: &ArrayInfo) -> u64 {
    let size = info.dtype.plain().map_or(1, |dtype| dtype.size() as u64);
    match &info.chunk {
        Some(chunk) if !info.codecs.is_empty() => chunk.iter().fold(size, |all, &extent| all.saturating_mul(extent)),
        _ => 0,
    }
}
