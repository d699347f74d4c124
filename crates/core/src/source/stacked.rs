//! The rows of several matrices, one below the other, as if they were stored together.

use std::ops::Range;

use annstream_store::{Buffer, Compression, DType};

use super::cuts::Cuts;
use super::pieces::pieces;
use crate::budget::Charge;
use crate::matrix::{Block, MatrixSource, Remap, SparseRows};
use crate::sink::usual_chunk;
use crate::{Error, Exec, Result};

/// One of the matrices.
pub struct StackedPart {
    /// Its name, for messages.
    pub name: String,
    /// Its rows.
    pub source: Box<dyn MatrixSource>,
    /// How its columns become columns of the result.
    pub remap: Remap,
}

/// The rows of several matrices, one below the other, their columns aligned. Blocks begin where they would if the rows
/// were stored as one matrix, so that whatever is computed from them comes out the same, to the bit.
pub struct StackedRows {
    parts: Vec<StackedPart>,
    /// First row of each part, and the number of rows.
    starts: Vec<u64>,
    columns: u64,
    dtype: DType,
    layout: Layout,
}

enum Layout {
    /// The number of values of each row.
    Sparse { lengths: Vec<u32>, _charge: Charge },
    /// Rows that are read together.
    Dense { chunk: u64 },
}

impl StackedRows {
    /// Stacks sparse rows. Counts the values of each row first: from the pointers, or from where the values stand for a
    /// part whose columns do not all reach the result, and for dense parts; those are read for it.
    ///
    /// # Errors
    /// If a part is damaged, or the budget too small.
    pub fn sparse(parts: Vec<StackedPart>, columns: u64, dtype: DType, exec: &Exec) -> Result<Self> {
        let starts = starts(&parts);
        let rows = starts.last().copied().unwrap_or(0);
        let charge = exec.budget().charge(rows.saturating_mul(4), "row counts of stacked matrices")?;
        let lengths = count(&parts, exec)?;
        Ok(Self { parts, starts, columns, dtype, layout: Layout::Sparse { lengths, _charge: charge } })
    }

    /// Stacks dense rows; `compression` is that of the file that they would be stored in.
    pub fn dense(parts: Vec<StackedPart>, columns: u64, dtype: DType, compression: Compression) -> Self {
        let starts = starts(&parts);
        let rows = starts.last().copied().unwrap_or(0);
        let chunk = match compression {
            Compression::None => 1,
            _ => usual_chunk(columns.saturating_mul(dtype.size() as u64)).clamp(1, rows.max(1)),
        };
        Self { parts, starts, columns, dtype, layout: Layout::Dense { chunk } }
    }

    /// Whether rows come dense.
    pub fn is_dense(&self) -> bool {
        matches!(self.layout, Layout::Dense { .. })
    }

    /// Number of stored values.
    pub fn values(&self) -> u64 {
        match &self.layout {
            Layout::Sparse { lengths, .. } => lengths.iter().map(|&length| u64::from(length)).sum(),
            Layout::Dense { .. } => self.shape()[0].saturating_mul(self.columns),
        }
    }

    /// The parts that a range touches, with the rows of each.
    fn touched(&self, rows: &Range<u64>) -> impl Iterator<Item = (&StackedPart, Range<u64>)> {
        let (start, end) = (rows.start, rows.end);
        self.parts.iter().zip(self.starts.windows(2)).filter_map(move |(part, own)| {
            let (first, last) = (start.max(own[0]), end.min(own[1]));
            (first < last).then(|| (part, first - own[0]..last - own[0]))
        })
    }

    fn aligned(&self, part: &StackedPart, rows: Range<u64>) -> Result<Block> {
        let count = usize_of(rows.end - rows.start)?;
        let block = part.source.read(rows)?;
        let place = |error: Error| error.in_file(&part.name);
        if !self.is_dense() {
            let aligned = part.remap.sparse(block.into_sparse()?).map_err(place)?;
            return Ok(Block::Sparse(aligned.0));
        }
        let values = match block {
            Block::Dense { values, .. } => part.remap.dense(count, values, &[]).map_err(place)?.0,
            // A part that lacks the matrix hands out empty sparse rows.
            Block::Sparse(_) => part.remap.missing_dense(count).map_err(place)?,
        };
        Ok(Block::Dense { rows: count, values })
    }

    fn row_bytes(&self) -> u64 {
        self.columns.saturating_mul(self.dtype.size() as u64).max(1)
    }
}

impl MatrixSource for StackedRows {
    fn shape(&self) -> [u64; 2] {
        [self.starts.last().copied().unwrap_or(0), self.columns]
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        match &self.layout {
            Layout::Sparse { lengths, .. } => {
                // As stored: with columns of 32 bits, if they fit.
                let column = if i32::try_from(self.columns).is_ok() { 4 } else { 8 };
                let mut cuts = Cuts::new(max_bytes, self.dtype.size() as u64 + column);
                for &length in lengths {
                    cuts.push(u64::from(length));
                }
                Ok(cuts.finish())
            }
            Layout::Dense { chunk } => {
                let most = (max_bytes / self.row_bytes()).max(1);
                let step = if *chunk <= most { most / chunk * chunk } else { most };
                let rows = self.shape()[0];
                let starts = (0..rows).step_by(usize::try_from(step).unwrap_or(usize::MAX));
                Ok(starts.map(|start| start..(start + step).min(rows)).collect())
            }
        }
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        let count = rows.end - rows.start;
        let made = match &self.layout {
            Layout::Sparse { lengths, .. } => {
                let lengths = &lengths[usize_of(rows.start)?..usize_of(rows.end)?];
                let values: u64 = lengths.iter().map(|&length| u64::from(length)).sum();
                values.saturating_mul(self.dtype.size() as u64 + 4).saturating_add(count * 16)
            }
            Layout::Dense { .. } => count.saturating_mul(self.row_bytes()),
        };
        let (mut most, mut parts) = (0, 0);
        for (part, own) in self.touched(&rows) {
            let widened = self.dtype.size().div_ceil(part.source.dtype().size()).max(1) as u64;
            most = part.source.cost(own)?.saturating_mul(widened).max(most);
            parts += 1;
        }
        // Parts are read and aligned one after the other, then put together.
        Ok(made.saturating_add(if parts > 1 { most.max(made) } else { most }))
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let mut blocks = Vec::new();
        for (part, own) in self.touched(&rows) {
            blocks.push(self.aligned(part, own)?);
        }
        together(blocks, self.dtype, self.is_dense())
    }

    fn lengths(&self, rows: Range<u64>) -> Result<Vec<u64>> {
        match &self.layout {
            Layout::Sparse { lengths, .. } => {
                let own = &lengths[usize_of(rows.start)?..usize_of(rows.end)?];
                Ok(own.iter().map(|&length| u64::from(length)).collect())
            }
            Layout::Dense { .. } => {
                let structure = self.read_structure(rows)?;
                Ok(structure.indptr.windows(2).map(|pair| (pair[1] - pair[0]) as u64).collect())
            }
        }
    }
}

fn starts(parts: &[StackedPart]) -> Vec<u64> {
    let ends = parts.iter().scan(0_u64, |end, part| {
        *end += part.source.shape()[0];
        Some(*end)
    });
    std::iter::once(0).chain(ends).collect()
}

/// The number of values of each row of the result.
fn count(parts: &[StackedPart], exec: &Exec) -> Result<Vec<u32>> {
    let cost = |part: &StackedPart, range: &Range<u64>| Ok(part.source.cost(range.clone())?.saturating_mul(2));
    let (items, in_flight, _charge) = pieces(parts, |part| (part.source.as_ref(), &part.name), cost, exec)?;
    let mut all = Vec::new();
    exec.ordered(
        items.len(),
        in_flight,
        |i| {
            let (index, range) = &items[i];
            lengths(&parts[*index], range.clone())
        },
        |i, lengths| {
            exec.progress().advance(items[i].1.end - items[i].1.start);
            for length in lengths {
                let short = u32::try_from(length);
                all.push(short.map_err(|_| Error::unsupported("a row with more than 2^32 values"))?);
            }
            Ok(())
        },
    )?;
    Ok(all)
}

fn lengths(part: &StackedPart, rows: Range<u64>) -> Result<Vec<u64>> {
    let filled = part.remap.filled_per_row() as u64;
    let mut lengths = if part.remap.drops() {
        let structure = part.source.read_structure(rows)?;
        let own = structure.indptr.windows(2).map(|pair| part.remap.kept(&structure.indices[pair[0]..pair[1]]) as u64);
        own.collect()
    } else {
        part.source.lengths(rows)?
    };
    for length in &mut lengths {
        *length += filled;
    }
    Ok(lengths)
}

/// Rows of several blocks as one block.
fn together(mut blocks: Vec<Block>, dtype: DType, dense: bool) -> Result<Block> {
    if blocks.len() == 1
        && let Some(block) = blocks.pop()
    {
        return Ok(block);
    }
    let mut rows = 0;
    let mut out = SparseRows::empty(0, dtype);
    for block in blocks {
        rows += block.rows();
        match block {
            Block::Sparse(own) => {
                let base = out.indices.len();
                out.indptr.extend(own.indptr[1..].iter().map(|end| base + end));
                out.indices.extend_from_slice(&own.indices);
                out.data.extend_from(&own.data, 0..own.data.len())?;
                out.sorted &= own.sorted;
                Buffer::U32(own.indices).recycle();
                own.data.recycle();
            }
            Block::Dense { values, .. } => {
                out.data.extend_from(&values, 0..values.len())?;
                values.recycle();
            }
        }
    }
    Ok(if dense { Block::Dense { rows, values: out.data } } else { Block::Sparse(out) })
}

fn usize_of(value: u64) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::internal("rows exceed memory"))
}
