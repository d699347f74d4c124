//! An external sort by row: how a matrix stored in another order (CSC for rows, permuted rows) becomes a stream of rows
//! within a memory budget.
//!
//! Three sequential steps, linear in the data, whatever its size:
//! 1. *Count*: the indices are read once; now the number of values of every result row is known exactly, and rows are
//!    cut into buckets that each fit their share of the budget.
//! 2. *Scatter*: the matrix is read once, in stored order; entries gather in memory per bucket and are flushed to one
//!    scratch file when their share of the budget is full.
//! 3. *Read*: a bucket is loaded and placed by counting sort when its rows are asked for. Entries of a row come out in
//!    the order they were stored, so that columns are sorted if the stored order was.
//!
//! The scratch file has no name (it is unlinked while open) and vanishes with the process, however that ends.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positions within a block")]

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use annstream_store::{Buffer, DType};

use crate::matrix::{BLOCK_BYTES, Block, DROPPED, MatrixSource, SparseRows, largest_range};
use crate::{Error, Exec, Result};

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
    buckets: Vec<Bucket>,
    counts: Vec<u32>,
    scratch: File,
    loaded: Mutex<Option<(usize, std::sync::Arc<SparseRows>)>>,
}

#[derive(Debug)]
struct Bucket {
    rows: Range<u64>,
    entries: u64,
    segments: Vec<Segment>,
}

/// A run of entries of one bucket in the scratch file: rows, columns, then values.
#[derive(Clone, Copy, Debug)]
struct Segment {
    offset: u64,
    entries: usize,
}

/// Entries of one bucket in memory; rows are relative to the bucket.
#[derive(Clone, Debug)]
struct Entries {
    rows: Vec<u32>,
    columns: Vec<u32>,
    data: Buffer,
}

impl Entries {
    fn new(dtype: DType) -> Self {
        Self { rows: Vec::new(), columns: Vec::new(), data: Buffer::empty(dtype) }
    }
}

impl SortedRows {
    /// Sorts `source` into `rows` result rows. Reads the indices of the source twice and its values once; writes and
    /// later reads 8 bytes plus the value per entry in scratch space.
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
        // Blocks of a source that is sorted do not show in the result, so they may depend on the budget.
        let counts_bytes = rows.saturating_mul(8);
        let left = exec.budget().available().saturating_sub(counts_bytes);
        let ranges = source.partition((left / 16).clamp(1 << 18, BLOCK_BYTES))?;
        let block_bytes = largest_range(source, &ranges)?;
        // All that will be needed is asked for at once, so that the error names a budget that does. A quarter of what is
        // left gathers entries.
        let least = block_bytes.saturating_mul(16).div_ceil(3).saturating_add(4 << 20);
        drop(exec.budget().charge(counts_bytes.saturating_add(least), "an external sort")?);
        let _counts_charge = exec.budget().charge(counts_bytes, "row counts of an external sort")?;
        let counts = count(source, placement, row_count, &ranges, block_bytes, exec)?;

        let entry = 8 + source.dtype().size() as u64;
        let share = exec.budget().available() / 4;
        let bucket_bytes = (share / 8 / beside.max(1) as u64).clamp(1 << 16, 64 << 20);
        let mut buckets = cut(&counts, bucket_bytes / entry);
        let largest = buckets.iter().map(|bucket| bucket.entries).max().unwrap_or(0) * entry;
        // Loading holds the entries and the placed rows.
        drop(exec.budget().charge(largest * 3, "one bucket of an external sort")?);

        let scratch = tempfile::tempfile_in(exec.scratch()).map_err(|error| scratch_error(error, exec))?;
        // More would not be faster: scratch space is cached by the system while there is memory.
        let flush_at = share.clamp(1 << 20, 256 << 20);
        let charge = exec.budget().charge(flush_at, "an external sort")?;
        scatter(source, placement, &ranges, block_bytes, &mut buckets, flush_at, &scratch, exec)?;
        drop(charge);
        let columns = match placement {
            RowPlacement::Columns(_) => source.shape()[0],
            RowPlacement::Rows(_) => source.shape()[1],
        };
        let counts = counts.into_iter().map(AtomicU32::into_inner).collect();
        Ok(Self { shape: [rows, columns], dtype: source.dtype(), buckets, counts, scratch, loaded: Mutex::new(None) })
    }

    fn load(&self, index: usize) -> Result<std::sync::Arc<SparseRows>> {
        let mut loaded = self.loaded.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((which, rows)) = &*loaded
            && *which == index
        {
            return Ok(rows.clone());
        }
        *loaded = None;
        let rows = std::sync::Arc::new(self.place(index)?);
        *loaded = Some((index, rows.clone()));
        Ok(rows)
    }

    /// Counting sort of one bucket.
    fn place(&self, index: usize) -> Result<SparseRows> {
        let bucket = &self.buckets[index];
        let size = |value: u64| usize::try_from(value).map_err(|_| Error::internal("bucket exceeds memory"));
        let first = size(bucket.rows.start)?;
        let last = size(bucket.rows.end)?;
        let mut indptr = Vec::with_capacity(last - first + 1);
        indptr.push(0);
        let mut total = 0;
        for &count in &self.counts[first..last] {
            total += count as usize;
            indptr.push(total);
        }
        let mut next = indptr.clone();
        let mut indices = vec![0_u32; total];
        let mut data = Buffer::zeros(self.dtype, total);
        let mut part = Entries::new(self.dtype);
        let mut place = |part: &Entries| {
            let targets: Vec<usize> = part
                .rows
                .iter()
                .map(|&row| {
                    let target = next[row as usize];
                    next[row as usize] += 1;
                    target
                })
                .collect();
            for (&target, &column) in targets.iter().zip(&part.columns) {
                indices[target] = column;
            }
            put(&part.data, &targets, &mut data)
        };
        for segment in &bucket.segments {
            self.read_segment(segment, &mut part)?;
            place(&part)?;
        }
        let sorted = SparseRows::check_sorted(&indptr, &indices);
        Ok(SparseRows { indptr, indices, data, sorted })
    }

    fn read_segment(&self, segment: &Segment, part: &mut Entries) -> Result<()> {
        part.rows.resize(segment.entries, 0);
        part.columns.resize(segment.entries, 0);
        part.data.resize(segment.entries);
        let mut offset = segment.offset;
        let pieces: [&mut [u8]; 3] = [
            bytemuck::cast_slice_mut(&mut part.rows),
            bytemuck::cast_slice_mut(&mut part.columns),
            part.data.as_bytes_mut().ok_or_else(|| Error::internal("sparse values are numbers"))?,
        ];
        for piece in pieces {
            self.scratch.read_exact_at(piece, offset).map_err(|error| Error::io(error, "a scratch file"))?;
            offset += piece.len() as u64;
        }
        Ok(())
    }
}

/// The result row of every entry of a block, or [`DROPPED`].
fn rows_of(block: &SparseRows, first: u64, placement: RowPlacement<'_>) -> Vec<u32> {
    match placement {
        RowPlacement::Columns(None) => block.indices.clone(),
        RowPlacement::Columns(Some(map)) => block.indices.iter().map(|&column| map[column as usize]).collect(),
        RowPlacement::Rows(map) => {
            let mut rows = Vec::with_capacity(block.indices.len());
            for (row, range) in block.indptr.windows(2).enumerate() {
                let new = usize::try_from(first).map_or(DROPPED, |first| map[first + row]);
                rows.extend(std::iter::repeat_n(new, range[1] - range[0]));
            }
            rows
        }
    }
}

fn columns_of(block: &SparseRows, first: u64, placement: RowPlacement<'_>) -> Result<Vec<u32>> {
    match placement {
        RowPlacement::Rows(_) => Ok(block.indices.clone()),
        RowPlacement::Columns(_) => {
            let first = u32::try_from(first).map_err(|_| Error::unsupported("more than 2^32 columns"))?;
            let mut columns = Vec::with_capacity(block.indices.len());
            for (row, range) in (first..).zip(block.indptr.windows(2)) {
                columns.extend(std::iter::repeat_n(row, range[1] - range[0]));
            }
            Ok(columns)
        }
    }
}

fn count(
    source: &dyn MatrixSource,
    placement: RowPlacement<'_>,
    rows: usize,
    ranges: &[Range<u64>],
    block_bytes: u64,
    exec: &Exec,
) -> Result<Vec<AtomicU32>> {
    let counts: Vec<AtomicU32> = (0..rows).map(|_| AtomicU32::new(0)).collect();
    let (in_flight, _charge) = exec.budget().in_flight(block_bytes * 2, exec.threads(), "counting rows")?;
    exec.ordered(
        ranges.len(),
        in_flight,
        |i| {
            let block = source.read_structure(ranges[i].clone())?;
            for row in rows_of(&block, ranges[i].start, placement) {
                if row != DROPPED {
                    counts[row as usize].fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok(())
        },
        |_, ()| Ok(()),
    )?;
    Ok(counts)
}

/// An error of the folder for scratch files.
pub(super) fn scratch_error(error: std::io::Error, exec: &Exec) -> Error {
    Error::io(error, exec.scratch()).at("scratch space (--tmpdir)")
}

/// Cuts rows into buckets of at most `most` entries (one row may exceed it).
fn cut(counts: &[AtomicU32], most: u64) -> Vec<Bucket> {
    let mut buckets = Vec::new();
    let (mut start, mut entries) = (0_u64, 0_u64);
    for (row, count) in (0_u64..).zip(counts) {
        let count = u64::from(count.load(Ordering::Relaxed));
        if row > start && (entries + count > most || row - start >= u64::from(u32::MAX)) {
            buckets.push(Bucket { rows: start..row, entries, segments: Vec::new() });
            (start, entries) = (row, 0);
        }
        entries += count;
    }
    if start < counts.len() as u64 {
        buckets.push(Bucket { rows: start..counts.len() as u64, entries, segments: Vec::new() });
    }
    buckets
}

#[expect(clippy::too_many_arguments, reason = "the second step of one algorithm")]
fn scatter(
    source: &dyn MatrixSource,
    placement: RowPlacement<'_>,
    ranges: &[Range<u64>],
    block_bytes: u64,
    buckets: &mut [Bucket],
    flush_at: u64,
    scratch: &File,
    exec: &Exec,
) -> Result<()> {
    let starts: Vec<u32> = buckets.iter().map(|bucket| u32::try_from(bucket.rows.start).unwrap_or(u32::MAX)).collect();
    let dtype = source.dtype();
    let mut gathered: Vec<Entries> = buckets.iter().map(|_| Entries::new(dtype)).collect();
    let (mut held, mut end) = (0, 0);
    let entry = 8 + dtype.size() as u64;
    let (in_flight, _charge) = exec.budget().in_flight(block_bytes * 4, exec.threads(), "an external sort")?;
    let mut flush = |gathered: &mut [Entries]| -> Result<()> {
        for (bucket, entries) in buckets.iter_mut().zip(gathered) {
            if entries.rows.is_empty() {
                continue;
            }
            bucket.segments.push(Segment { offset: end, entries: entries.rows.len() });
            let values = entries.data.as_bytes().ok_or_else(|| Error::internal("sparse values are numbers"))?;
            for bytes in [bytemuck::cast_slice(&entries.rows), bytemuck::cast_slice(&entries.columns), values] {
                scratch.write_all_at(bytes, end).map_err(|error| scratch_error(error, exec))?;
                end += bytes.len() as u64;
            }
            *entries = Entries::new(dtype);
        }
        Ok(())
    };
    exec.ordered(
        ranges.len(),
        in_flight,
        |i| {
            let block = source.read(ranges[i].clone())?.into_sparse()?;
            let rows = rows_of(&block, ranges[i].start, placement);
            let columns = columns_of(&block, ranges[i].start, placement)?;
            Ok(deal(&rows, &columns, &block.data, &starts))
        },
        |_, parts| {
            for (bucket, part) in parts {
                exec.progress().advance(part.rows.len() as u64);
                let entries = &mut gathered[bucket];
                held += part.rows.len() as u64 * entry;
                entries.rows.extend_from_slice(&part.rows);
                entries.columns.extend_from_slice(&part.columns);
                entries.data.extend_from(&part.data, 0..part.data.len())?;
            }
            // Growing vectors may hold twice what they contain.
            if held * 2 > flush_at {
                held = 0;
                flush(&mut gathered)?;
            }
            Ok(())
        },
    )?;
    flush(&mut gathered)
}

/// Deals the entries of a block to their buckets, keeping their order.
fn deal(rows: &[u32], columns: &[u32], data: &Buffer, starts: &[u32]) -> Vec<(usize, Entries)> {
    let mut positions: Vec<Vec<i64>> = vec![Vec::new(); starts.len()];
    let mut bucket = 0;
    for (i, &row) in rows.iter().enumerate() {
        if row == DROPPED {
            continue;
        }
        // Neighbouring entries often share a bucket.
        let inside = starts.get(bucket).is_some_and(|&start| start <= row)
            && starts.get(bucket + 1).is_none_or(|&next| row < next);
        if !inside {
            bucket = starts.partition_point(|&start| start <= row) - 1;
        }
        positions[bucket].push(i as i64);
    }
    let parts = positions.into_iter().enumerate().filter(|(_, positions)| !positions.is_empty());
    parts
        .map(|(bucket, positions)| {
            let part = Entries {
                rows: positions.iter().map(|&i| rows[i as usize] - starts[bucket]).collect(),
                columns: positions.iter().map(|&i| columns[i as usize]).collect(),
                data: data.take(&positions),
            };
            (bucket, part)
        })
        .collect()
}

fn put(from: &Buffer, targets: &[usize], to: &mut Buffer) -> Result<()> {
    macro_rules! typed {
        ($($variant:ident)*) => {
            match (from, to) {
                $((Buffer::$variant(from), Buffer::$variant(to)) => {
                    for (&target, &value) in targets.iter().zip(from) {
                        to[target] = value;
                    }
                })*
                _ => return Err(Error::internal("sparse values are numbers of one type")),
            }
        };
    }
    typed!(Bool I8 I16 I32 I64 U8 U16 U32 U64 F16 F32 F64 C64 C128);
    Ok(())
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
        Ok(self.buckets.iter().map(|bucket| bucket.rows.clone()).collect())
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        let first = self.buckets.partition_point(|bucket| bucket.rows.end <= rows.start);
        let touched = self.buckets[first..].iter().take_while(|bucket| bucket.rows.start < rows.end);
        let entries: u64 = touched.map(|bucket| bucket.entries).sum();
        Ok(entries * 2 * (8 + self.dtype.size() as u64) + (rows.end - rows.start) * 16)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let first = self.buckets.partition_point(|bucket| bucket.rows.end <= rows.start);
        if let Some(bucket) = self.buckets.get(first)
            && bucket.rows == rows
        {
            return self.place(first).map(Block::Sparse);
        }
        let mut out = SparseRows::empty(0, self.dtype);
        let mut row = rows.start;
        while row < rows.end {
            let index = self.buckets.partition_point(|bucket| bucket.rows.end <= row);
            let bucket = &self.buckets[index];
            let stop = rows.end.min(bucket.rows.end);
            let placed = self.load(index)?;
            let size = |value: u64| usize::try_from(value).map_err(|_| Error::internal("block exceeds memory"));
            let local = size(row - bucket.rows.start)?..size(stop - bucket.rows.start)?;
            let range = placed.indptr[local.start]..placed.indptr[local.end];
            let base = out.indices.len();
            out.indptr.extend(placed.indptr[local.start + 1..=local.end].iter().map(|end| base + end - range.start));
            out.indices.extend_from_slice(&placed.indices[range.clone()]);
            out.data.extend_from(&placed.data, range)?;
            out.sorted &= placed.sorted;
            row = stop;
        }
        Ok(Block::Sparse(out))
    }
}
