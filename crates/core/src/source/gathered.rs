//! Rows of another source in any order, some of them more than once.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use annstream_store::{Buffer, DType};

use super::PickedRows;
use super::sorted::scratch_error;
use crate::budget::Charge;
use crate::matrix::{BLOCK_BYTES, Block, MatrixSource, SparseRows, largest_range};
use crate::{Error, Exec, Result};

/// Rows in a run, at most.
const MOST_ROWS: usize = 1 << 20;

/// Row `i` of this source is row `from[i]` of another, in any order, with repetitions. The rows that are asked for are
/// read once, in stored order, and written to a nameless scratch file, uncompressed; from there each is read wherever it
/// is needed. Eight bytes a row of memory for sparse rows, four for each that is asked for.
pub struct GatheredRows {
    shape: [u64; 2],
    dtype: DType,
    /// For each row the place of it in the scratch file.
    from: Vec<u32>,
    rows: Stored,
    scratch: File,
    _charge: Charge,
}

enum Stored {
    /// Where the entries of each row begin, and one more.
    Sparse(Vec<u64>),
    Dense,
}

impl GatheredRows {
    /// Gathers rows. Needs scratch space for the rows, once each, and memory for two blocks.
    ///
    /// # Errors
    /// If the source is damaged, the budget too small, or the scratch space full.
    pub fn gather(source: Box<dyn MatrixSource>, from: &[u32], exec: &Exec) -> Result<Self> {
        let bytes = (from.len() as u64).saturating_mul(24);
        let charge = exec.budget().charge(bytes, "the places of the chosen rows")?;
        let (dtype, columns) = (source.dtype(), source.shape()[1]);
        let mut wanted = from.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let places =
            from.iter().map(|row| wanted.binary_search(row).map(|place| u32::try_from(place).unwrap_or(u32::MAX)));
        let places: Vec<u32> =
            places.collect::<Result<_, _>>().map_err(|_| Error::internal("a row that nobody wants"))?;
        let picked = PickedRows::new(source, wanted.iter().map(|&row| i64::from(row)).collect())?;
        let scratch = tempfile::tempfile_in(exec.scratch()).map_err(|error| scratch_error(error, exec))?;
        let ranges = picked.partition(BLOCK_BYTES)?;
        let cost = largest_range(&picked, &ranges)?.saturating_mul(2);
        let (in_flight, _blocks) = exec.budget().in_flight(cost, exec.threads(), "putting rows in order")?;
        let (mut starts, mut end, mut dense) = (vec![0_u64], 0_u64, false);
        exec.ordered(
            ranges.len(),
            in_flight,
            |i| {
                let block = picked.read(ranges[i].clone())?;
                Ok((interleaved(&block)?, block))
            },
            |_, (bytes, block)| {
                match block {
                    Block::Sparse(rows) => {
                        let base = starts.last().copied().unwrap_or(0);
                        starts.extend(rows.indptr[1..].iter().map(|&stop| base + stop as u64));
                    }
                    Block::Dense { .. } => dense = true,
                }
                scratch.write_all_at(&bytes, end).map_err(|error| scratch_error(error, exec))?;
                end += bytes.len() as u64;
                Ok(())
            },
        )?;
        let rows = if dense { Stored::Dense } else { Stored::Sparse(starts) };
        Ok(Self { shape: [from.len() as u64, columns], dtype, from: places, rows, scratch, _charge: charge })
    }

    /// Where the bytes of a place begin.
    fn offset(&self, place: u32) -> u64 {
        let size = self.dtype.size() as u64;
        match &self.rows {
            Stored::Sparse(starts) => starts[place as usize] * (4 + size),
            Stored::Dense => u64::from(place) * self.shape[1] * size,
        }
    }

    fn places(&self, rows: &Range<u64>) -> Result<&[u32]> {
        let size = |value: u64| usize::try_from(value).map_err(|_| Error::internal("rows exceed memory"));
        Ok(&self.from[size(rows.start)?..size(rows.end)?])
    }

    fn bytes(&self, place: u32) -> u64 {
        self.offset(place + 1) - self.offset(place)
    }
}

/// The bytes of a block row by row: for sparse rows the columns of a row, then its values.
fn interleaved(block: &Block) -> Result<Vec<u8>> {
    let values = block.values().as_bytes().ok_or_else(|| Error::internal("a matrix of numbers was expected"))?;
    let Block::Sparse(rows) = block else { return Ok(values.to_vec()) };
    let size = rows.data.dtype().size();
    let mut bytes = Vec::with_capacity(values.len() + rows.indices.len() * 4);
    for range in rows.indptr.windows(2) {
        bytes.extend_from_slice(bytemuck::cast_slice(&rows.indices[range[0]..range[1]]));
        bytes.extend_from_slice(&values[range[0] * size..range[1] * size]);
    }
    Ok(bytes)
}

impl MatrixSource for GatheredRows {
    fn shape(&self) -> [u64; 2] {
        self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        let (mut ranges, mut start, mut held) = (Vec::new(), 0, 0);
        for (row, &place) in self.from.iter().enumerate() {
            let bytes = self.bytes(place);
            if row > start && (held + bytes > max_bytes || row - start >= MOST_ROWS) {
                ranges.push(start as u64..row as u64);
                (start, held) = (row, 0);
            }
            held += bytes;
        }
        if start < self.from.len() {
            ranges.push(start as u64..self.from.len() as u64);
        }
        Ok(ranges)
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        let bytes: u64 = self.places(&rows)?.iter().map(|&place| self.bytes(place)).sum();
        Ok(bytes.saturating_mul(2).saturating_add((rows.end - rows.start) * 8))
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let places = self.places(&rows)?;
        let damaged = |error| Error::io(error, "a scratch file");
        let size = self.dtype.size();
        let total: u64 = places.iter().map(|&place| self.bytes(place)).sum();
        let total = usize::try_from(total).map_err(|_| Error::internal("block exceeds memory"))?;
        let per_value = if matches!(self.rows, Stored::Sparse(_)) { size + 4 } else { size };
        let mut data = Buffer::zeros(self.dtype, total / per_value);
        let target = data.as_bytes_mut().ok_or_else(|| Error::internal("a matrix of numbers was expected"))?;
        let (mut indptr, mut indices) = (vec![0], Vec::with_capacity(total / per_value));
        let (mut raw, mut end, mut at) = (Vec::new(), 0, 0);
        while at < places.len() {
            // Neighbours are read together.
            let run = places[at..].windows(2).take_while(|pair| pair[0].checked_add(1) == Some(pair[1])).count() + 1;
            let (first, last) = (places[at], places[at + run - 1]);
            let bytes = usize::try_from(self.offset(last + 1) - self.offset(first)).unwrap_or(0);
            raw.resize(bytes, 0);
            self.scratch.read_exact_at(&mut raw, self.offset(first)).map_err(damaged)?;
            match &self.rows {
                Stored::Dense => {
                    target[end..end + bytes].copy_from_slice(&raw);
                    end += bytes;
                }
                Stored::Sparse(starts) => {
                    let mut inside = 0;
                    for place in first..=last {
                        let count = starts[place as usize + 1] - starts[place as usize];
                        let count = usize::try_from(count).map_err(|_| Error::internal("row exceeds memory"))?;
                        let (ids, rest) = raw[inside..].split_at(count * 4);
                        indices.extend(ids.chunks_exact(4).map(|id| u32::from_ne_bytes([id[0], id[1], id[2], id[3]])));
                        target[end..end + count * size].copy_from_slice(&rest[..count * size]);
                        end += count * size;
                        inside += count * (4 + size);
                        indptr.push(indices.len());
                    }
                }
            }
            at += run;
        }
        Ok(match self.rows {
            Stored::Dense => Block::Dense { rows: places.len(), values: data },
            Stored::Sparse(_) => {
                let sorted = SparseRows::check_sorted(&indptr, &indices);
                Block::Sparse(SparseRows { indptr, indices, data, sorted })
            }
        })
    }
}
