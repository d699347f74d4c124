//! Placing: the entries of a bucket in the order of their rows.

use annstream_store::{Buffer, DType};

use super::entry::{Column, Form, LINE, Place, RowInBucket, of_form};
use super::spill::Spilled;
use crate::matrix::SparseRows;
use crate::{Error, Result};

/// Counting sort of a bucket whose rows have so many entries.
pub(super) fn place(spilled: &Spilled, bucket: usize, counts: &[u32], form: Form, dtype: DType) -> Result<SparseRows> {
    let mut indptr = Vec::with_capacity(counts.len() + 1);
    indptr.push(0);
    let mut total = 0;
    for &count in counts {
        total += count as usize;
        indptr.push(total);
    }
    // All that they hold is overwritten.
    let mut data = Buffer::recycled(dtype, total);
    let Buffer::U32(mut indices) = Buffer::recycled(DType::U32, total) else {
        return Err(Error::internal("columns were asked for"));
    };
    let values = data.as_bytes_mut().ok_or_else(|| Error::internal("sparse values are numbers"))?;
    let mut placing = Placing { next: indptr[..counts.len()].to_vec(), line: 0, indices: &mut indices, values };
    spilled.read(bucket, |bytes| of_form!(form, put(&mut placing, bytes)))?;
    if placing.next != indptr[1..] {
        return Err(changed());
    }
    let sorted = SparseRows::check_sorted(&indptr, &indices);
    Ok(SparseRows { indptr, indices, data, sorted })
}

fn changed() -> Error {
    Error::invalid("a matrix changed while it was sorted")
}

/// A bucket that is being placed.
struct Placing<'a> {
    /// Where the next entry of each row goes.
    next: Vec<usize>,
    /// The line that was marked last.
    line: u32,
    indices: &'a mut [u32],
    values: &'a mut [u8],
}

/// Places entries; returns how many bytes it used, all but an entry that is not complete.
fn put<P: Place, const N: usize>(placing: &mut Placing<'_>, bytes: &[u8]) -> Result<usize> {
    let Placing { next, line: last, indices, values } = placing;
    let values = values.as_chunks_mut::<N>().0;
    let (mut line, mut rest) = (*last, bytes);
    while let Some((place, after)) = P::get(rest) {
        if place == P::NONE {
            let Some((marked, after)) = after.split_first_chunk::<LINE>() else { break };
            (line, rest) = (u32::from_ne_bytes(*marked), after);
            continue;
        }
        let Some((value, after)) = after.split_first_chunk::<N>() else { break };
        rest = after;
        let (row, column) = if P::ROW { (place, line) } else { (line, place) };
        let next = next.get_mut(row as usize).ok_or_else(changed)?;
        let (Some(index), Some(target)) = (indices.get_mut(*next), values.get_mut(*next)) else {
            return Err(changed());
        };
        (*index, *target) = (column, *value);
        *next += 1;
    }
    *last = line;
    Ok(bytes.len() - rest.len())
}
