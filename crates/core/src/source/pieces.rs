//! The blocks of several matrices that are read in one go.

use std::ops::Range;

use crate::budget::Charge;
use crate::matrix::{BLOCK_BYTES, MatrixSource};
use crate::{Exec, Result};

/// Rows of one of the matrices: which one, and the rows.
pub(crate) type Piece = (usize, Range<u64>);

/// Cuts all parts into blocks, in order, and finds how many of them may be in flight; their memory is charged. An error
/// names the part and the row of the costliest block.
pub(crate) fn pieces<P>(
    parts: &[P],
    source: impl Fn(&P) -> (&dyn MatrixSource, &str),
    cost: impl Fn(&P, &Range<u64>) -> Result<u64>,
    exec: &Exec,
) -> Result<(Vec<Piece>, usize, Charge)> {
    let mut items = Vec::new();
    let (mut most, mut costliest) = (0, None);
    for (index, part) in parts.iter().enumerate() {
        for range in source(part).0.partition(BLOCK_BYTES)? {
            let own = cost(part, &range)?;
            if own > most {
                (most, costliest) = (own, Some((index, range.start)));
            }
            items.push((index, range));
        }
    }
    let in_flight = exec.budget().in_flight(most, exec.threads(), "a block of rows");
    let (in_flight, charge) = in_flight.map_err(|error| match costliest {
        Some((index, row)) => error.in_file(source(&parts[index]).1).row(row),
        None => error,
    })?;
    Ok((items, in_flight, charge))
}
