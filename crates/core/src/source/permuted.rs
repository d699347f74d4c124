//! Dense rows in another order than stored.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use annstream_store::{Buffer, DType};

use super::sorted::scratch_error;
use crate::matrix::{BLOCK_BYTES, Block, DROPPED, MatrixSource, largest_range};
use crate::{Error, Exec, Result};

/// A dense matrix whose rows were put in order in a nameless scratch file: the source is read once in stored order,
/// each row is written to its place, and reading is sequential again. Rows that nothing was written to read as zeros.
pub struct PermutedRows {
    shape: [u64; 2],
    dtype: DType,
    scratch: File,
}

impl PermutedRows {
    /// Moves row `r` of `source` to row `to_new[r]` of `rows`; [`DROPPED`] rows vanish.
    ///
    /// # Errors
    /// If the source is damaged, the budget too small, or the scratch space full.
    pub fn sort(source: &dyn MatrixSource, to_new: &[u32], rows: u64, exec: &Exec) -> Result<Self> {
        let shape = [rows, source.shape()[1]];
        let row_bytes = shape[1] * source.dtype().size() as u64;
        let scratch = tempfile::tempfile_in(exec.scratch()).map_err(|error| scratch_error(error, exec))?;
        let failed = |error| scratch_error(error, exec);
        scratch.set_len(rows * row_bytes).map_err(failed)?;
        let ranges = source.partition(BLOCK_BYTES)?;
        let cost = largest_range(source, &ranges)? * 2;
        let (in_flight, _charge) = exec.budget().in_flight(cost, exec.threads(), "putting dense rows in order")?;
        exec.ordered(
            ranges.len(),
            in_flight,
            |i| source.read(ranges[i].clone()),
            |i, block| {
                let Block::Dense { rows, values } = block else {
                    return Err(Error::internal("dense rows were expected"));
                };
                let bytes = values.as_bytes().ok_or_else(|| Error::internal("dense values are numbers"))?;
                let width = bytes.len().checked_div(rows).unwrap_or(0);
                for (row, old) in (ranges[i].start..).take(rows).enumerate() {
                    let new = usize::try_from(old).map_or(DROPPED, |old| to_new[old]);
                    if new != DROPPED {
                        let piece = &bytes[row * width..(row + 1) * width];
                        scratch.write_all_at(piece, u64::from(new) * row_bytes).map_err(failed)?;
                    }
                }
                Ok(())
            },
        )?;
        Ok(Self { shape, dtype: source.dtype(), scratch })
    }
}

impl MatrixSource for PermutedRows {
    fn shape(&self) -> [u64; 2] {
        self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        let step = (max_bytes / (self.shape[1] * self.dtype.size() as u64).max(1)).max(1);
        let starts = (0..self.shape[0]).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        Ok(starts.map(|start| start..(start + step).min(self.shape[0])).collect())
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        Ok((rows.end - rows.start) * self.shape[1] * self.dtype.size() as u64)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let size = |value: u64| usize::try_from(value).map_err(|_| Error::internal("block exceeds memory"));
        let count = size(rows.end - rows.start)?;
        let mut values = Buffer::zeros(self.dtype, size((rows.end - rows.start) * self.shape[1])?);
        let bytes = values.as_bytes_mut().ok_or_else(|| Error::internal("dense values are numbers"))?;
        let offset = rows.start * self.shape[1] * self.dtype.size() as u64;
        self.scratch.read_exact_at(bytes, offset).map_err(|error| Error::io(error, "a scratch file"))?;
        Ok(Block::Dense { rows: count, values })
    }
}
