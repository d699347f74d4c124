//! The values of a block one by one.

use annstream_core::lazy::{Layout, NumberBlock};

/// Calls `see` with the row in the block, the column and the value of each entry, those that are stored of a compressed
/// block, in order.
pub(super) fn each_entry<T: Copy>(block: &NumberBlock, values: &[T], mut see: impl FnMut(usize, usize, T)) {
    match &block.layout {
        Layout::Sparse { indptr, indices } => {
            for (row, range) in indptr.windows(2).enumerate() {
                let range = range[0]..range[1];
                for (&column, &value) in indices[range.clone()].iter().zip(&values[range]) {
                    see(row, column as usize, value);
                }
            }
        }
        Layout::Dense => {
            for (row, values) in values.chunks_exact(block.width().max(1)).enumerate() {
                values.iter().enumerate().for_each(|(column, &value)| see(row, column, value));
            }
        }
    }
}
