//! An external sort by row: how a matrix stored in another order (CSC for rows, permuted rows) becomes a stream of rows
//! within a memory budget.
//!
//! Three sequential steps, linear in the data, whatever its size:
//! 1. *Count* (`cut`): the indices are read once; now the number of values of every result row is known exactly, and
//!    rows are cut into buckets that each fit their share of the budget.
//! 2. *Deal* (`deal`, `spill`): the matrix is read once, in stored order. Workers put the entries of a block in the
//!    order of their buckets; each bucket gathers them in a buffer of one chunk, which goes to the scratch file when it
//!    is full, and only then. So there are as many writes as there are chunks of data, whatever the number of buckets.
//! 3. *Place* (`place`): a bucket is read, chunk after chunk, and placed by counting sort when its rows are asked for.
//!    Entries of a row come out in the order they were stored, so that columns are sorted if the stored order was.
//!
//! Who reads each row once only says so (`read_once`); then a bucket that was placed leaves the scratch file, so that the
//! system need not write what is still in memory, and what will be written has the disk for itself.
//!
//! The scratch file has no name (it is unlinked while open) and vanishes with the process, however that ends.

mod cut;
mod deal;
mod entry;
mod place;
mod spill;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use annstream_store::{Buffer, DType};

use self::cut::{Buckets, count};
use self::deal::deal;
use self::entry::Form;
use self::place::place;
use self::spill::{Spill, Spilled};
use crate::budget::Charge;
use crate::matrix::{BLOCK_BYTES, Block, MatrixSource, SparseRows, largest_range};
use crate::{Error, Exec, Result};

/// Bytes that a bucket gathers before they are written, where memory allows it. More would not be faster.
const CHUNK: u64 = 256 << 10;
/// Fewer bytes would make writing slow: there are fewer and larger buckets instead, as far as memory allows.
const SMALL_CHUNK: u64 = 64 << 10;
/// Bytes of the rows of a bucket, where memory allows it.
const BUCKET: u64 = 8 << 20;

/// Where the entries of a source go.
#[derive(Clone, Copy, Debug)]
pub enum RowPlacement<'a> {
    /// Transposes: the source's columns are the result's rows; a column goes to row `map[column]`, if any map.
    Columns(Option<&'a [u32]>),
    /// Permutes: row `r` of the source goes to row `map[r]`.
    Rows(&'a [u32]),
}

/// A matrix sorted by row in scratch space.
pub struct SortedRows {
    shape: [u64; 2],
    dtype: DType,
    form: Form,
    buckets: Buckets,
    counts: Vec<u32>,
    spilled: Spilled,
    loaded: Mutex<Option<(usize, Arc<SparseRows>)>>,
    /// Whether a bucket that was read whole is not asked for again.
    once: bool,
    _charge: Charge,
}

impl SortedRows {
    /// Sorts `source` into `rows` result rows. Reads the indices of the source twice and its values once; writes and
    /// later reads 2 bytes plus the value per entry in scratch space when columns become rows, or 8 bytes where a column
    /// has but one entry in a bucket; 4 bytes plus the value, and 8 bytes per row, when rows move.
    ///
    /// `beside` is the number of matrices that are read at the same time as this one.
    ///
    /// # Errors
    /// If the source is damaged, the budget too small, or the scratch space full.
    pub fn sort(
        source: &dyn MatrixSource,
        placement: RowPlacement<'_>,
        rows: u64,
        beside: usize,
        exec: &Exec,
    ) -> Result<Self> {
        let row_count = usize::try_from(rows).map_err(|_| Error::internal("rows exceed memory"))?;
        // The number of values of each row; and while entries are dealt, its bucket.
        let counts_bytes = rows.saturating_mul(4);
        let left = exec.budget().available().saturating_sub(counts_bytes.saturating_mul(2));
        // Blocks of a source that is sorted do not show in the result, so they may depend on the budget.
        let ranges = source.partition((left / 48).clamp(1 << 18, BLOCK_BYTES))?;
        let block_bytes = largest_range(source, &ranges)?;
        // All that will be needed is asked for at once, so that the error names a budget that does.
        let least = block_bytes.saturating_mul(4).saturating_add(4 << 20);
        drop(exec.budget().charge(counts_bytes.saturating_mul(2).saturating_add(least), "an external sort")?);
        let charge = exec.budget().charge(counts_bytes, "row counts of an external sort")?;
        let homes = exec.budget().charge(counts_bytes, "the buckets of an external sort")?;
        let counts = count(source, placement, row_count, &ranges, block_bytes, exec)?;

        let form = Form::new(placement, source.dtype())?;
        let share = exec.budget().available() / 3;
        let total = counts.iter().map(|&count| u64::from(count)).sum();
        let mut buckets = Buckets::cut(&counts, bucket_entries(total, form, share, beside), form.most_rows());
        let chunk = chunk_bytes(share, buckets.len());
        let least = (0..buckets.len()).map(|index| form.placed_bytes(&buckets, index..index + 1)).max().unwrap_or(0);
        drop(exec.budget().charge(least.saturating_add(chunk), "one bucket of an external sort")?);

        let gather = exec.budget().charge(chunk.saturating_mul(buckets.len() as u64), "an external sort")?;
        // A block, the rows of its entries, and the entries dealt.
        let (in_flight, blocks) =
            exec.budget().in_flight(block_bytes.saturating_mul(5) / 2, exec.threads(), "an external sort")?;
        let mut spill = Spill::new(buckets.len(), usize::try_from(chunk).unwrap_or(usize::MAX), exec)?;
        exec.ordered(
            ranges.len(),
            in_flight,
            |i| deal(source.read(ranges[i].clone())?.into_sparse()?, ranges[i].start, placement, form, &buckets),
            |_, dealt| {
                exec.progress().advance(dealt.entries);
                dealt.pieces().try_for_each(|(bucket, piece)| spill.append(bucket, piece))?;
                Buffer::U8(dealt.bytes).recycle();
                Ok(())
            },
        )?;
        let spilled = spill.finish()?;
        buckets.all_dealt();
        drop((gather, blocks, homes));
        let columns = match placement {
            RowPlacement::Columns(_) => source.shape()[0],
            RowPlacement::Rows(_) => source.shape()[1],
        };
        let shape = [rows, columns];
        let loaded = Mutex::new(None);
        let dtype = source.dtype();
        Ok(Self { shape, dtype, form, buckets, counts, spilled, loaded, once: false, _charge: charge })
    }

    fn load(&self, index: usize) -> Result<Arc<SparseRows>> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((which, rows)) = &*loaded
            && *which == index
        {
            return Ok(rows.clone());
        }
        *loaded = None;
        let rows = Arc::new(self.place(index, true)?);
        *loaded = Some((index, rows.clone()));
        Ok(rows)
    }

    /// Places a bucket; unless it is kept, its scratch space is given back.
    fn place(&self, index: usize, keep: bool) -> Result<SparseRows> {
        let counts = &self.counts[self.buckets.rows(index)];
        let rows = place(&self.spilled, index, counts, self.form, self.dtype)?;
        if !keep {
            self.spilled.give_back(index);
        }
        Ok(rows)
    }
}

/// How many entries a bucket may have: few, unless there would be more buckets than can gather `SMALL_CHUNK` each.
fn bucket_entries(total: u64, form: Form, share: u64, beside: usize) -> u64 {
    let part = share / 5 / beside.max(1) as u64;
    let usual = part.clamp(1 << 16, BUCKET) / form.result_bytes();
    let gathered = (share / SMALL_CHUNK).max(1);
    usual.max(total.div_ceil(gathered)).min((part * 2).max(1 << 16) / form.result_bytes())
}

/// What each of `buckets` may gather in `share` bytes; whole pages where there is room for one.
fn chunk_bytes(share: u64, buckets: usize) -> u64 {
    const PAGE: u64 = 4096;
    let own = share / (buckets as u64).max(1);
    if own < PAGE { own.max(64) } else { (own - own % PAGE).min(CHUNK) }
}

/// An error of the folder for scratch files.
pub(super) fn scratch_error(error: std::io::Error, exec: &Exec) -> Error {
    Error::io(error, exec.scratch()).at("scratch space (--tmpdir)")
}

impl MatrixSource for SortedRows {
    fn shape(&self) -> [u64; 2] {
        self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn partition(&self, _max_bytes: u64) -> Result<Vec<Range<u64>>> {
        // A bucket is loaded whole, so it is read whole.
        Ok((0..self.buckets.len()).map(|index| self.buckets.range(index)).collect())
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        let touched = self.buckets.touched(&rows);
        let whole = touched.len() == 1 && self.buckets.range(touched.start) == rows;
        let placed = self.form.placed_bytes(&self.buckets, touched);
        // Parts of buckets are copied out of them.
        Ok(placed * if whole { 1 } else { 2 } + self.spilled.chunk() as u64)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let touched = self.buckets.touched(&rows);
        if touched.len() == 1 && self.buckets.range(touched.start) == rows {
            // Ranges that are read once do not overlap, so nobody needs any of this bucket again.
            return self.place(touched.start, !self.once).map(Block::Sparse);
        }
        let mut out = SparseRows::empty(0, self.dtype);
        for index in touched {
            let bucket = self.buckets.range(index);
            let placed = self.load(index)?;
            let size = |value: u64| usize::try_from(value).map_err(|_| Error::internal("block exceeds memory"));
            let first = size(rows.start.max(bucket.start) - bucket.start)?;
            let last = size(rows.end.min(bucket.end) - bucket.start)?;
            let range = placed.indptr[first]..placed.indptr[last];
            let base = out.indices.len();
            out.indptr.extend(placed.indptr[first + 1..=last].iter().map(|end| base + end - range.start));
            out.indices.extend_from_slice(&placed.indices[range.clone()]);
            out.data.extend_from(&placed.data, range)?;
            out.sorted &= placed.sorted;
        }
        Ok(Block::Sparse(out))
    }

    fn read_once(&mut self) {
        self.once = true;
    }

    fn lengths(&self, rows: Range<u64>) -> Result<Vec<u64>> {
        let size = |value: u64| usize::try_from(value).map_err(|_| Error::internal("rows exceed memory"));
        Ok(self.counts[size(rows.start)?..size(rows.end)?].iter().map(|&count| u64::from(count)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Buckets are few enough to gather what makes writing fast, as long as one can be loaded.
    #[test]
    fn more_data_makes_larger_buckets() {
        let form = Form { by_column: true, size: 4 };
        let share = 64 << 20;
        let of = |entries| bucket_entries(entries, form, share, 1);
        assert_eq!(of(1000), BUCKET / 8);
        assert_eq!(of(900 << 20), BUCKET / 8);
        assert_eq!(of(1200 << 20), (1200 << 20) / 1024);
        assert_eq!(of(1 << 40), share * 2 / 5 / 8);
        assert!(bucket_entries(1000, form, share, 60) < of(1000));
    }

    #[test]
    fn chunks_are_whole_pages_where_they_can_be() {
        assert_eq!(chunk_bytes(64 << 20, 0), CHUNK);
        assert_eq!(chunk_bytes(64 << 20, 1000), 16 * 4096);
        assert_eq!(chunk_bytes(100_000, 100), 1000);
        assert_eq!(chunk_bytes(10, 100), 64);
    }
}
