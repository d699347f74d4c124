//! How many entries each result row has, and which rows make a bucket.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use annstream_store::Buffer;

use super::RowPlacement;
use crate::matrix::{DROPPED, MatrixSource};
use crate::{Error, Exec, Result};

/// Counts the entries of each of `rows` result rows.
///
/// # Errors
/// If the source is damaged or the budget too small.
pub(super) fn count(
    source: &dyn MatrixSource,
    placement: RowPlacement<'_>,
    rows: usize,
    ranges: &[Range<u64>],
    block_bytes: u64,
    exec: &Exec,
) -> Result<Vec<u32>> {
    // Each worker counts for itself, if there is room for that.
    let own_bytes = (rows as u64).saturating_mul(4);
    let others = (exec.budget().available() / 4 / own_bytes.max(1)).min(exec.threads() as u64 - 1);
    let _others_charge = exec.budget().charge(others * own_bytes, "row counts of an external sort")?;
    let tallies: Vec<Mutex<Vec<u32>>> = (0..=others).map(|_| Mutex::new(vec![0; rows])).collect();
    let (in_flight, _charge) = exec.budget().in_flight(block_bytes, exec.threads(), "counting rows")?;
    exec.ordered(
        ranges.len(),
        in_flight,
        |i| {
            let block = source.read_structure(ranges[i].clone())?;
            let mut counts = tallies[i % tallies.len()].lock().unwrap_or_else(PoisonError::into_inner);
            match placement {
                RowPlacement::Columns(None) => block.indices.iter().for_each(|&row| counts[row as usize] += 1),
                RowPlacement::Columns(Some(map)) => {
                    let mapped = block.indices.iter().map(|&column| map[column as usize]);
                    mapped.filter(|&row| row != DROPPED).for_each(|row| counts[row as usize] += 1);
                }
                RowPlacement::Rows(map) => {
                    let first = usize::try_from(ranges[i].start).map_err(|_| Error::internal("rows exceed memory"))?;
                    for (&row, range) in map[first..].iter().zip(block.indptr.windows(2)) {
                        if row != DROPPED {
                            let entries = u32::try_from(range[1] - range[0]);
                            counts[row as usize] += entries.map_err(|_| Error::unsupported("a row of 2^32 values"))?;
                        }
                    }
                }
            }
            drop(counts);
            Buffer::U32(block.indices).recycle();
            Ok(())
        },
        |_, ()| Ok(()),
    )?;
    let mut tallies = tallies.into_iter().map(|tally| tally.into_inner().unwrap_or_else(PoisonError::into_inner));
    let mut counts = tallies.next().unwrap_or_default();
    for tally in tallies {
        counts.iter_mut().zip(tally).for_each(|(count, more)| *count += more);
    }
    Ok(counts)
}

/// Consecutive rows that are dealt together and placed together.
pub(super) struct Buckets {
    /// The first row of each bucket, and one more.
    starts: Vec<u32>,
    /// The number of entries of each bucket.
    entries: Vec<u64>,
    /// The bucket of each row, while entries are dealt.
    homes: Vec<u32>,
}

impl Buckets {
    /// Cuts rows into buckets of at most `most` entries (one row may exceed it) and `most_rows` rows.
    pub(super) fn cut(counts: &[u32], most: u64, most_rows: u32) -> Self {
        let (mut starts, mut all, mut homes) = (vec![0], Vec::new(), Vec::with_capacity(counts.len()));
        let (mut start, mut entries) = (0, 0);
        for (row, &count) in (0_u32..).zip(counts) {
            if row > start && (entries + u64::from(count) > most || row - start >= most_rows) {
                starts.push(row);
                all.push(entries);
                (start, entries) = (row, 0);
            }
            entries += u64::from(count);
            homes.push(u32::try_from(all.len()).unwrap_or(u32::MAX));
        }
        if !counts.is_empty() {
            starts.push(u32::try_from(counts.len()).unwrap_or(u32::MAX));
            all.push(entries);
        }
        Self { starts, entries: all, homes }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets which bucket a row has: [`of`](Self::of) will not be asked again.
    pub(super) fn all_dealt(&mut self) {
        self.homes = Vec::new();
    }

    /// The bucket of a row.
    pub(super) fn of(&self, row: u32) -> usize {
        self.homes[row as usize] as usize
    }

    /// The first row of a bucket.
    pub(super) fn start(&self, index: usize) -> u32 {
        self.starts[index]
    }

    /// How many rows a bucket has.
    pub(super) fn height(&self, index: usize) -> u32 {
        self.starts[index + 1] - self.starts[index]
    }

    pub(super) fn range(&self, index: usize) -> Range<u64> {
        u64::from(self.starts[index])..u64::from(self.starts[index + 1])
    }

    /// The rows of a bucket, to slice with.
    pub(super) fn rows(&self, index: usize) -> Range<usize> {
        self.starts[index] as usize..self.starts[index + 1] as usize
    }

    /// How many entries a bucket has.
    pub(super) fn entries(&self, index: usize) -> u64 {
        self.entries[index]
    }

    /// The buckets that hold some of these rows.
    pub(super) fn touched(&self, rows: &Range<u64>) -> Range<usize> {
        let first = self.starts[1..].partition_point(|&end| u64::from(end) <= rows.start);
        let last = self.starts[..self.len()].partition_point(|&start| u64::from(start) < rows.end);
        first..last.max(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_by_entries_and_by_number() {
        let buckets = Buckets::cut(&[2, 2, 9, 0, 0, 0, 0, 1], 4, 3);
        let ranges: Vec<_> = (0..buckets.len()).map(|index| buckets.range(index)).collect();
        assert_eq!(ranges, [0..2, 2..3, 3..6, 6..8]);
        assert_eq!((0..8).map(|row| buckets.of(row)).collect::<Vec<_>>(), [0, 0, 1, 2, 2, 2, 3, 3]);
        assert_eq!((buckets.entries(1), buckets.height(2), buckets.rows(3)), (9, 3, 6..8));
        assert_eq!([0..8, 1..3, 2..3, 4..4, 8..8].map(|rows| buckets.touched(&rows)), [0..4, 0..2, 1..2, 2..3, 4..4]);
        assert_eq!(Buckets::cut(&[], 4, 3).len(), 0);
    }
}
