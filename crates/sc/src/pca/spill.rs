//! Rows kept aside, so that a file need not be read again.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use annstream_core::Exec;
use annstream_core::budget::Charge;
use annstream_core::lazy::{Consumer, Layout, NumberBlock, Numbers, Precision};
use annstream_core::matrix::{Block, MatrixSource, SparseRows};
use annstream_store::{Buffer, DType};

use super::check::check;
use crate::{Error, Result};

/// Rows in a range, at most: many, since each range costs a sum of products of columns; not more than fit a small budget.
const MOST_ROWS: u64 = 4096;
/// Memory is charged in steps of so many bytes.
const STEP: u64 = 8 << 20;

/// Keeps the blocks that it sees, as they are: columns in two bytes where these suffice, then values. In memory as long
/// as `limit` and the budget allow, else in a nameless scratch file; what is read back is the same. Zeros of dense
/// blocks are left out. Eight bytes a row besides.
#[derive(Debug)]
pub struct Spill {
    width: usize,
    rows: usize,
    precision: Precision,
    limit: u64,
    exec: Exec,
}

/// What was kept: a source with the columns `0..width` and all rows that were seen.
#[derive(Debug)]
pub struct SpilledRows {
    width: usize,
    precision: Precision,
    /// Where the entries of each row begin, and one more.
    starts: Vec<u64>,
    kept: Kept,
    charges: Vec<Charge>,
}

#[derive(Debug)]
enum Kept {
    Memory(Vec<Vec<u8>>, Vec<u64>),
    File(File, u64),
}

impl Spill {
    /// For `rows` rows of `width` columns; at most `limit` bytes of entries in memory.
    pub fn new(width: usize, rows: usize, precision: Precision, limit: u64, exec: &Exec) -> Self {
        Self { width, rows, precision, limit, exec: exec.clone() }
    }

    fn encode(&self, block: &NumberBlock) -> (Vec<u64>, Vec<u8>) {
        let entry = entry_bytes(self.width, self.precision);
        let mut bytes = Vec::with_capacity(block.values.len() * entry);
        let mut counts = Vec::with_capacity(block.len());
        for row in 0..block.len() {
            let before = bytes.len();
            match &block.layout {
                Layout::Sparse { indptr, indices } => {
                    let range = indptr[row]..indptr[row + 1];
                    for (&column, i) in indices[range.clone()].iter().zip(range) {
                        self.push(&mut bytes, column as usize, &block.values, i);
                    }
                }
                Layout::Dense => {
                    let first = row * self.width;
                    for i in (first..first + self.width).filter(|&i| block.values.get(i) != 0.0) {
                        self.push(&mut bytes, i - first, &block.values, i);
                    }
                }
            }
            counts.push(((bytes.len() - before) / entry) as u64);
        }
        (counts, bytes)
    }

    #[expect(clippy::cast_possible_truncation, reason = "columns fit what was chosen by their number")]
    fn push(&self, bytes: &mut Vec<u8>, column: usize, values: &Numbers, i: usize) {
        if is_short(self.width) {
            bytes.extend_from_slice(&(column as u16).to_ne_bytes());
        } else {
            bytes.extend_from_slice(&(column as u32).to_ne_bytes());
        }
        match values {
            Numbers::F32(values) => bytes.extend_from_slice(&values[i].to_ne_bytes()),
            Numbers::F64(values) => bytes.extend_from_slice(&values[i].to_ne_bytes()),
        }
    }

    fn scratch_error(&self, error: std::io::Error) -> Error {
        Error::io(error, self.exec.scratch()).hint("choose another folder for scratch files")
    }

    /// Whether so many bytes may be in memory; charges them.
    fn may_hold(&self, kept: &mut SpilledRows, bytes: u64) -> bool {
        let charged = kept.charges.len() as u64 * STEP;
        if bytes > self.limit {
            return false;
        }
        let steps = bytes.saturating_sub(charged).div_ceil(STEP);
        (0..steps).all(|_| self.exec.budget().charge(STEP, "rows").map(|charge| kept.charges.push(charge)).is_ok())
    }
}

/// Whether columns take two bytes.
fn is_short(width: usize) -> bool {
    width <= 1 << 16
}

/// Bytes of a column and a value.
fn entry_bytes(width: usize, precision: Precision) -> usize {
    precision.dtype().size() + if is_short(width) { 2 } else { 4 }
}

impl Consumer for Spill {
    type Partial = (Vec<u64>, Vec<u8>);
    type Total = SpilledRows;
    type Output = SpilledRows;

    fn start(&self) -> Result<SpilledRows> {
        let mut starts = Vec::with_capacity(self.rows + 1);
        starts.push(0);
        let kept = Kept::Memory(vec![], vec![]);
        Ok(SpilledRows { width: self.width, precision: self.precision, starts, kept, charges: vec![] })
    }

    fn map(&self, block: &NumberBlock) -> Result<Self::Partial> {
        check(block, self.width)?;
        let same = matches!(
            (&block.values, self.precision),
            (Numbers::F32(_), Precision::Single) | (Numbers::F64(_), Precision::Double)
        );
        if !same {
            return Err(Error::internal("rows of another precision than was announced"));
        }
        Ok(self.encode(block))
    }

    fn fold(&self, total: &mut SpilledRows, (counts, bytes): Self::Partial) -> Result<()> {
        let before = total.bytes();
        for count in counts {
            let last = total.starts.last().copied().unwrap_or(0);
            total.starts.push(last + count);
        }
        if matches!(total.kept, Kept::Memory(..)) && !self.may_hold(total, before + bytes.len() as u64) {
            let file = tempfile::tempfile_in(self.exec.scratch()).map_err(|error| self.scratch_error(error))?;
            if let Kept::Memory(pieces, starts) = &total.kept {
                for (piece, &start) in pieces.iter().zip(starts) {
                    file.write_all_at(piece, start).map_err(|error| self.scratch_error(error))?;
                }
            }
            total.kept = Kept::File(file, before);
            total.charges.clear();
        }
        match &mut total.kept {
            Kept::Memory(pieces, starts) => {
                pieces.push(bytes);
                starts.push(before);
            }
            Kept::File(file, end) => {
                file.write_all_at(&bytes, *end).map_err(|error| self.scratch_error(error))?;
                *end += bytes.len() as u64;
            }
        }
        Ok(())
    }

    fn finish(self, mut total: SpilledRows) -> Result<SpilledRows> {
        let bytes = (self.rows as u64 + 1) * 8;
        total.charges.push(self.exec.budget().charge(bytes, "the places of the rows kept")?);
        Ok(total)
    }

    fn total_bytes(&self) -> u64 {
        (self.rows as u64 + 1) * 8
    }
}

impl SpilledRows {
    fn bytes(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0) * entry_bytes(self.width, self.precision) as u64
    }

    /// Whether they are in a scratch file.
    pub fn is_on_disk(&self) -> bool {
        matches!(self.kept, Kept::File(..))
    }

    /// The entries between two places.
    fn load(&self, bytes: Range<u64>) -> Result<Vec<u8>> {
        let size = |value: u64| usize::try_from(value).map_err(|_| Error::internal("block exceeds memory"));
        let mut out = vec![0; size(bytes.end - bytes.start)?];
        match &self.kept {
            Kept::File(file, _) => {
                file.read_exact_at(&mut out, bytes.start).map_err(|error| Error::io(error, "a scratch file"))?;
            }
            Kept::Memory(pieces, starts) => {
                let (mut at, mut filled) = (bytes.start, 0);
                let mut piece = starts.partition_point(|&start| start <= at).saturating_sub(1);
                while filled < out.len() {
                    let from = &pieces[piece][size(at - starts[piece])?..];
                    let count = from.len().min(out.len() - filled);
                    out[filled..filled + count].copy_from_slice(&from[..count]);
                    (filled, at, piece) = (filled + count, at + count as u64, piece + 1);
                }
            }
        }
        Ok(out)
    }

    fn start_of(&self, row: u64) -> Result<u64> {
        let start = usize::try_from(row).ok().and_then(|row| self.starts.get(row));
        start.copied().ok_or_else(|| Error::internal("a row that was not kept"))
    }
}

impl MatrixSource for SpilledRows {
    fn shape(&self) -> [u64; 2] {
        [self.starts.len() as u64 - 1, self.width as u64]
    }

    fn dtype(&self) -> DType {
        self.precision.dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        let most = max_bytes / self.dtype().size() as u64;
        let (mut ranges, mut start, rows) = (Vec::new(), 0, self.shape()[0]);
        while start < rows {
            let limit = self.start_of(start)? + most;
            let end = self.starts.partition_point(|&place| place <= limit) as u64 - 1;
            let end = end.clamp(start + 1, rows.min(start + MOST_ROWS));
            ranges.push(start..end);
            start = end;
        }
        Ok(ranges)
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        let entries = self.start_of(rows.end)? - self.start_of(rows.start)?;
        Ok(entries * 2 * (4 + self.dtype().size() as u64) + (rows.end - rows.start) * 8)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let entry = entry_bytes(self.width, self.precision);
        let (first, last) = (self.start_of(rows.start)?, self.start_of(rows.end)?);
        let bytes = self.load(first * entry as u64..last * entry as u64)?;
        let mut indptr = Vec::new();
        for row in rows.start..=rows.end {
            let place = self.start_of(row)? - first;
            indptr.push(usize::try_from(place).map_err(|_| Error::internal("block exceeds memory"))?);
        }
        let entries = bytes.chunks_exact(entry);
        let short = is_short(self.width);
        let column = |entry: &[u8]| {
            if short {
                u32::from(u16::from_ne_bytes([entry[0], entry[1]]))
            } else {
                u32::from_ne_bytes([entry[0], entry[1], entry[2], entry[3]])
            }
        };
        let indices = entries.clone().map(column).collect();
        let tail = |entry: &[u8]| entry[entry.len() - 4..].try_into().map_or(0.0, f32::from_ne_bytes);
        let long_tail = |entry: &[u8]| entry[entry.len() - 8..].try_into().map_or(0.0, f64::from_ne_bytes);
        let data = match self.precision {
            Precision::Single => Buffer::F32(entries.map(tail).collect()),
            Precision::Double => Buffer::F64(entries.map(long_tail).collect()),
        };
        Ok(Block::Sparse(SparseRows { indptr, indices, data, sorted: true }))
    }
}
