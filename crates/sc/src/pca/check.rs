//! What every consumer here wants of a block.

use annstream_core::lazy::{NumberBlock, Numbers, Real};

use crate::{Error, Result};

/// Fails if a block has another width than expected, or a value that is not a finite number; names the row.
pub(super) fn check(block: &NumberBlock, width: usize) -> Result<()> {
    if block.width() != width {
        return Err(Error::internal(format!("a block of {} columns where {width} were expected", block.width())));
    }
    let place = match &block.values {
        Numbers::F32(values) => special(values),
        Numbers::F64(values) => special(values),
    };
    let Some(place) = place else { return Ok(()) };
    let (row, column) = match block.sparse() {
        Some((indptr, indices)) => (indptr.partition_point(|&start| start <= place) - 1, indices[place] as usize),
        None => (place / width.max(1), place % width.max(1)),
    };
    let message = format!("the value {} in column {}, where a finite number is needed", block.values.get(place), {
        block.columns[column]
    });
    Err(Error::invalid(message).row(block.rows[row]))
}

/// The first value that is not finite.
fn special<T: Real>(values: &[T]) -> Option<usize> {
    values.iter().position(|value| !value.wide().is_finite())
}
