//! Sparse rows spelled out.

use annstream_store::{Buffer, DType};

use super::cast::cast_block;
use crate::matrix::{BLOCK_BYTES, Block, MatrixSource, SparseRows, Sums};
use crate::sink::Sink;
use crate::{Error, Result};

/// Sparse rows on their way to a dense array, a piece of some megabytes at a time.
pub(super) struct Expansion {
    /// Type of the sparse values.
    from: DType,
    to: DType,
    columns: usize,
    /// Rows per piece.
    rows: usize,
}

impl Expansion {
    /// The rows of `source`, in type `to`.
    pub(super) fn new(source: &dyn MatrixSource, to: DType) -> Self {
        let columns = usize::try_from(source.shape()[1]).unwrap_or(usize::MAX);
        let size = source.dtype().size().max(to.size());
        let most = usize::try_from(BLOCK_BYTES / 2).unwrap_or(usize::MAX) / columns.saturating_mul(size).max(1);
        Self { from: source.dtype(), to, columns, rows: most.max(1) }
    }

    /// Memory that a piece takes.
    pub(super) fn bytes(&self) -> u64 {
        let values = (self.rows as u64).saturating_mul(self.columns as u64);
        let cast = if self.from == self.to { 0 } else { self.to.size() };
        values.saturating_mul((self.from.size() + cast) as u64)
    }

    /// Appends the rows of a block, the first of which is row `first`. Entries of one place are added up, as scipy does;
    /// whole numbers that do not fit their type then are refused.
    ///
    /// # Errors
    /// If a value does not fit the type, or writing fails.
    pub(super) fn append(&self, block: &SparseRows, first: u64, sink: &mut Sink<'_>) -> Result<()> {
        let mut start = 0;
        while start < block.rows() {
            let stop = (start + self.rows).min(block.rows());
            let mut values = Buffer::zeros(self.from, (stop - start) * self.columns);
            for row in start..stop {
                add_row(block, row, (row - start) * self.columns, &mut values)
                    .map_err(|error| error.row(first + row as u64))?;
            }
            let piece = Block::Dense { rows: stop - start, values };
            let piece = cast_block(piece, self.to, first + start as u64, false)?;
            let sums = Sums::of(piece.values());
            sink.append(piece, sums)?;
            start = stop;
        }
        Ok(())
    }
}

/// Adds the entries of a sparse row to a dense one that begins at `base`.
fn add_row(block: &SparseRows, row: usize, base: usize, out: &mut Buffer) -> Result<()> {
    let range = block.indptr[row]..block.indptr[row + 1];
    let columns = &block.indices[range.clone()];
    macro_rules! floats {
        ($values:expr, $out:expr) => {
            for (&column, &value) in columns.iter().zip(&$values[range]) {
                $out[base + column as usize] += value;
            }
        };
    }
    macro_rules! integers {
        ($values:expr, $out:expr) => {
            for (&column, &value) in columns.iter().zip(&$values[range]) {
                let place = &mut $out[base + column as usize];
                *place = place.checked_add(value).ok_or_else(|| {
                    let message =
                        format!("several entries of column {column} add up to more than {}", block.data.dtype());
                    Error::incompatible(message).hint("ask for a wider --dtype with --layout keep first")
                })?;
            }
        };
    }
    macro_rules! complex {
        ($values:expr, $out:expr) => {
            for (&column, value) in columns.iter().zip(&$values[range]) {
                let place = &mut $out[base + column as usize];
                *place = [place[0] + value[0], place[1] + value[1]];
            }
        };
    }
    match (&block.data, out) {
        (Buffer::Bool(values), Buffer::Bool(out)) => {
            for (&column, &value) in columns.iter().zip(&values[range]) {
                out[base + column as usize] |= value;
            }
        }
        (Buffer::I8(values), Buffer::I8(out)) => integers!(values, out),
        (Buffer::I16(values), Buffer::I16(out)) => integers!(values, out),
        (Buffer::I32(values), Buffer::I32(out)) => integers!(values, out),
        (Buffer::I64(values), Buffer::I64(out)) => integers!(values, out),
        (Buffer::U8(values), Buffer::U8(out)) => integers!(values, out),
        (Buffer::U16(values), Buffer::U16(out)) => integers!(values, out),
        (Buffer::U32(values), Buffer::U32(out)) => integers!(values, out),
        (Buffer::U64(values), Buffer::U64(out)) => integers!(values, out),
        (Buffer::F16(values), Buffer::F16(out)) => floats!(values, out),
        (Buffer::F32(values), Buffer::F32(out)) => floats!(values, out),
        (Buffer::F64(values), Buffer::F64(out)) => floats!(values, out),
        (Buffer::C64(values), Buffer::C64(out)) => complex!(values, out),
        (Buffer::C128(values), Buffer::C128(out)) => complex!(values, out),
        _ => return Err(Error::internal("sparse values are numbers of one type")),
    }
    Ok(())
}
