//! Dealing: the entries of a block in the order of their buckets, each bucket's in the order they were stored.

use std::borrow::Cow;
use std::ops::Range;

use annstream_store::{Buffer, DType};

use super::RowPlacement;
use super::cut::Buckets;
use super::entry::{Column, Form, LINE, Place, RowInBucket, of_form};
use crate::matrix::{DROPPED, SparseRows};
use crate::{Error, Result};

/// The entries of a block, bucket after bucket.
pub(super) struct Dealt {
    pub(super) bytes: Vec<u8>,
    /// The buckets that got something, and where it ends.
    ends: Vec<(usize, usize)>,
    /// How many entries there are.
    pub(super) entries: u64,
}

impl Dealt {
    /// Buckets, with the bytes to append to each.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|&(_, end)| end));
        starts.zip(&self.ends).map(|(start, &(bucket, end))| (bucket, &self.bytes[start..end]))
    }
}

/// Deals the entries of a block whose first row is `first`.
pub(super) fn deal(
    block: SparseRows,
    first: u64,
    placement: RowPlacement<'_>,
    form: Form,
    buckets: &Buckets,
) -> Result<Dealt> {
    let lines = Lines::new(&block, first, placement)?;
    let dealt = of_form!(form, write(&lines, &block, buckets));
    drop(lines);
    Buffer::U32(block.indices).recycle();
    block.data.recycle();
    dealt
}

/// Where the lines of a block go.
enum Lines<'a> {
    /// A line is a column of the result, the first one is given; its entries go to these rows.
    Columns(u32, Cow<'a, [u32]>),
    /// A line goes to a row.
    Rows(&'a [u32]),
}

/// Neighbouring entries of a line that go to the same bucket.
struct Run {
    bucket: usize,
    line: u32,
    /// What to subtract to get their places.
    base: u32,
    entries: Range<usize>,
}

impl<'a> Lines<'a> {
    fn new(block: &'a SparseRows, first: u64, placement: RowPlacement<'a>) -> Result<Self> {
        Ok(match placement {
            RowPlacement::Rows(map) => {
                Self::Rows(&map[usize::try_from(first).map_err(|_| Error::internal("rows exceed memory"))?..])
            }
            RowPlacement::Columns(map) => {
                let last = first.saturating_add(block.indptr.len() as u64);
                u32::try_from(last).map_err(|_| Error::unsupported("more than 2^32 columns"))?;
                let rows = match map {
                    None => Cow::Borrowed(block.indices.as_slice()),
                    Some(map) => block.indices.iter().map(|&column| map[column as usize]).collect(),
                };
                Self::Columns(u32::try_from(first).unwrap_or(u32::MAX), rows)
            }
        })
    }

    /// What the places of entries are, but for the base.
    fn places<'b>(&'b self, block: &'b SparseRows) -> &'b [u32] {
        match self {
            Self::Columns(_, rows) => rows,
            Self::Rows(_) => &block.indices,
        }
    }

    /// All runs, in stored order.
    fn runs(&self, block: &SparseRows, buckets: &Buckets, mut each: impl FnMut(Run)) {
        match self {
            Self::Columns(first, rows) => {
                for (line, range) in (*first..).zip(block.indptr.windows(2)) {
                    let mut at = range[0];
                    while at < range[1] {
                        let row = rows[at];
                        if row == DROPPED {
                            at += 1;
                            continue;
                        }
                        let bucket = buckets.of(row);
                        let (base, height) = (buckets.start(bucket), buckets.height(bucket));
                        let beyond = rows[at..range[1]].iter().position(|row| row.wrapping_sub(base) >= height);
                        let stop = beyond.map_or(range[1], |more| at + more);
                        each(Run { bucket, line, base, entries: at..stop });
                        at = stop;
                    }
                }
            }
            Self::Rows(map) => {
                for (&row, range) in map.iter().zip(block.indptr.windows(2)) {
                    if row != DROPPED && range[0] < range[1] {
                        let bucket = buckets.of(row);
                        each(Run { bucket, line: row - buckets.start(bucket), base: 0, entries: range[0]..range[1] });
                    }
                }
            }
        }
    }
}

/// Where the next bytes of a bucket go, and the line that was marked last.
#[derive(Clone)]
struct Cursor {
    at: usize,
    line: Option<u32>,
}

/// Counting sort: the first look at the runs says how many bytes each bucket gets, the second writes them.
fn write<P: Place, const N: usize>(lines: &Lines<'_>, block: &SparseRows, buckets: &Buckets) -> Result<Dealt> {
    let values = block.data.as_bytes().ok_or_else(|| Error::internal("sparse values are numbers"))?;
    let (values, places) = (values.as_chunks::<N>().0, lines.places(block));
    let (mark, item) = (P::WIDTH + LINE, P::WIDTH + N);
    let mut cursors = vec![Cursor { at: 0, line: None }; buckets.len()];
    let mut entries = 0;
    lines.runs(block, buckets, |run| {
        let cursor = &mut cursors[run.bucket];
        if cursor.line.replace(run.line) != Some(run.line) {
            cursor.at += mark;
        }
        cursor.at += run.entries.len() * item;
        entries += run.entries.len() as u64;
    });
    let (mut ends, mut end) = (Vec::new(), 0);
    for (bucket, cursor) in cursors.iter_mut().enumerate().filter(|(_, cursor)| cursor.at > 0) {
        let start = end;
        end += cursor.at;
        *cursor = Cursor { at: start, line: None };
        ends.push((bucket, end));
    }
    let Buffer::U8(mut bytes) = Buffer::recycled(DType::U8, end) else {
        return Err(Error::internal("bytes were asked for"));
    };
    lines.runs(block, buckets, |run| {
        let cursor = &mut cursors[run.bucket];
        if cursor.line.replace(run.line) != Some(run.line) {
            let (place, line) = bytes[cursor.at..cursor.at + mark].split_at_mut(P::WIDTH);
            P::put(P::NONE, place);
            line.copy_from_slice(&run.line.to_ne_bytes());
            cursor.at += mark;
        }
        let target = &mut bytes[cursor.at..cursor.at + run.entries.len() * item];
        cursor.at += target.len();
        let entries = places[run.entries.clone()].iter().zip(&values[run.entries]);
        for (target, (&place, value)) in target.chunks_exact_mut(item).zip(entries) {
            let (first, rest) = target.split_at_mut(P::WIDTH);
            P::put(place - run.base, first);
            rest.copy_from_slice(value);
        }
    });
    Ok(Dealt { bytes, ends, entries })
}
