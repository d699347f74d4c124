//! How entries stand in scratch space: as a stream of bytes for each bucket.
//!
//! The entries of a bucket come from one line of the source after the other, so a *mark* says which line it is, and the
//! entries that follow consist of their place in the line and the value. A mark is the largest place, which is no place,
//! and the 4 bytes of the line. When columns become rows, the line is the column of the result, and the place is a row
//! counted from the first of the bucket, in 2 bytes. When rows move, the line is that row, and the place is the column.

use std::ops::Range;

use annstream_store::DType;

use super::RowPlacement;
use super::cut::Buckets;
use crate::{Error, Result};

/// Bytes of the line in a mark.
pub(super) const LINE: usize = 4;

/// What the entries of a sort look like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Whether the place is a row of the bucket, and the line a column.
    pub(super) by_column: bool,
    /// Bytes of a value.
    pub(super) size: usize,
}

impl Form {
    pub(super) fn new(placement: RowPlacement<'_>, dtype: DType) -> Result<Self> {
        if dtype == DType::Str {
            return Err(Error::internal("sparse values are numbers"));
        }
        Ok(Self { by_column: matches!(placement, RowPlacement::Columns(_)), size: dtype.size() })
    }

    /// How many rows a bucket may have, so that each has a place.
    pub(super) fn most_rows(self) -> u32 {
        if self.by_column { RowInBucket::NONE } else { u32::MAX }
    }

    /// Bytes of an entry in the result.
    pub(super) fn result_bytes(self) -> u64 {
        4 + self.size as u64
    }

    /// Memory that placing the entries of buckets takes; an upper bound, apart from the chunk that is read.
    pub(super) fn placed_bytes(self, buckets: &Buckets, indices: Range<usize>) -> u64 {
        indices.map(|i| buckets.entries(i) * (8 + self.size as u64) + u64::from(buckets.height(i)) * 24).sum()
    }
}

/// Where an entry stands in its line.
pub(super) trait Place {
    /// Whether this is a row; otherwise it is a column.
    const ROW: bool;
    /// Bytes of a place.
    const WIDTH: usize;
    /// Stands for no place.
    const NONE: u32;

    /// Writes a place into `WIDTH` bytes.
    fn put(place: u32, bytes: &mut [u8]);

    /// Reads a place; also returns what follows.
    fn get(bytes: &[u8]) -> Option<(u32, &[u8])>;
}

/// A row, counted from the first of its bucket.
pub(super) struct RowInBucket;

impl Place for RowInBucket {
    const ROW: bool = true;
    const WIDTH: usize = 2;
    const NONE: u32 = 0xffff;

    #[expect(clippy::cast_possible_truncation, reason = "a bucket has less than 2^16 rows")]
    fn put(place: u32, bytes: &mut [u8]) {
        bytes.copy_from_slice(&(place as u16).to_ne_bytes());
    }

    fn get(bytes: &[u8]) -> Option<(u32, &[u8])> {
        let (place, rest) = bytes.split_first_chunk()?;
        Some((u32::from(u16::from_ne_bytes(*place)), rest))
    }
}

/// A column.
pub(super) struct Column;

impl Place for Column {
    const ROW: bool = false;
    const WIDTH: usize = 4;
    const NONE: u32 = u32::MAX;

    fn put(place: u32, bytes: &mut [u8]) {
        bytes.copy_from_slice(&place.to_ne_bytes());
    }

    fn get(bytes: &[u8]) -> Option<(u32, &[u8])> {
        let (place, rest) = bytes.split_first_chunk()?;
        Some((u32::from_ne_bytes(*place), rest))
    }
}

/// Calls a function that is generic over the place and the size of values.
macro_rules! of_form {
    ($form:expr, $function:ident($($argument:expr),*)) => {
        match ($form.by_column, $form.size) {
            (true, 1) => $function::<RowInBucket, 1>($($argument),*),
            (true, 2) => $function::<RowInBucket, 2>($($argument),*),
            (true, 4) => $function::<RowInBucket, 4>($($argument),*),
            (true, 8) => $function::<RowInBucket, 8>($($argument),*),
            (true, 16) => $function::<RowInBucket, 16>($($argument),*),
            (false, 1) => $function::<Column, 1>($($argument),*),
            (false, 2) => $function::<Column, 2>($($argument),*),
            (false, 4) => $function::<Column, 4>($($argument),*),
            (false, 8) => $function::<Column, 8>($($argument),*),
            (false, 16) => $function::<Column, 16>($($argument),*),
            _ => Err(Error::internal("values of an unknown size")),
        }
    };
}
pub(super) use of_form;
