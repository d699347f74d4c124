//! Matrices on their way from inputs to output: stacked one below the other, or zipped side by side.
//!
//! Both read every input once, in blocks, on all threads, and append the aligned blocks in order. The same pass counts
//! and sums what was read and what was written, per input; [`Tally::verify`] compares the two.

use std::ops::Range;

use annstream_store::{Buffer, DType};

use crate::matrix::{BLOCK_BYTES, Block, MatrixSource, Remap, SparseRows, Sums};
use crate::sink::Sink;
use crate::source::pieces;
use crate::{Error, Exec, Result};

/// One input of a matrix of the result.
pub(crate) struct Part {
    /// Which input it is.
    pub(crate) input: usize,
    /// The name of that input, for messages.
    pub(crate) name: String,
    /// Its rows; when zipped, one for each row of the result.
    pub(crate) source: Box<dyn MatrixSource>,
    /// How its columns become columns of the result.
    pub(crate) remap: Remap,
    /// Rows of the result that it lacks, when zipped; empty if none.
    pub(crate) holes: Vec<bool>,
}

/// What one input contributed to one matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Rows read.
    pub rows: u64,
    /// Values read.
    pub read: Sums,
    /// Values that do not reach the result, because their column does not.
    pub dropped: Sums,
    /// Values that stand in for what the input lacks.
    pub filled: Sums,
    /// Values written.
    pub written: Sums,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.read.add(other.read);
        self.dropped.add(other.dropped);
        self.filled.add(other.filled);
        self.written.add(other.written);
    }

    /// Compares what was read with what was written.
    ///
    /// # Errors
    /// `Internal` if a value was lost or invented: the output must not be trusted.
    pub fn verify(&self, element: &str, input: &str) -> Result<()> {
        let mut arrived = self.written;
        arrived.add(self.dropped);
        let mut expected = self.read;
        expected.add(self.filled);
        if expected.agrees(&arrived) {
            return Ok(());
        }
        let message = format!(
            "self-check failed for {input}: {} values with sum {} expected, {} with sum {} arrived; this is a bug in \
             annstream, and the output was not kept",
            expected.count, expected.sum, arrived.count, arrived.sum
        );
        Err(Error::internal(message).at(element))
    }
}

/// Stacks the rows of all parts.
pub(crate) fn stack(parts: &[Part], sink: &mut Sink<'_>, tallies: &mut [Tally], exec: &Exec) -> Result<()> {
    let cost = |part: &Part, range: &Range<u64>| part_cost(part, range, sink.is_dense());
    let (items, in_flight, _charge) = pieces(parts, |part| (part.source.as_ref(), &part.name), cost, exec)?;
    let dense = sink.is_dense();
    exec.ordered(
        items.len(),
        in_flight,
        |i| align(&parts[items[i].0], &items[i].1, dense),
        |i, (block, tally)| {
            tallies[parts[items[i].0].input].add(&tally);
            exec.progress().advance(tally.rows);
            sink.append(block, tally.written)
        },
    )
}

/// Zips the columns of all parts: each contributes its columns to every row.
pub(crate) fn zip(parts: &[Part], rows: u64, sink: &mut Sink<'_>, tallies: &mut [Tally], exec: &Exec) -> Result<()> {
    let share = BLOCK_BYTES / (parts.len() as u64).max(1);
    let mut cuts = if rows > 0 { vec![rows] } else { vec![] };
    for part in parts {
        cuts.extend(part.source.partition(share.max(1))?.into_iter().map(|range| range.end));
    }
    cuts.sort_unstable();
    cuts.dedup();
    let items: Vec<Range<u64>> = cuts.iter().scan(0, |start, &end| Some(std::mem::replace(start, end)..end)).collect();
    let dense = sink.is_dense();
    let mut cost = 0;
    for item in &items {
        cost = parts
            .iter()
            .try_fold(0, |sum, part| Ok::<_, Error>(part_cost(part, item, dense)?.saturating_add(sum)))?
            .max(cost);
    }
    if cost > exec.budget().available() {
        // The error names more than this, since sorted inputs come in larger pieces when there is more memory.
        drop(exec.budget().charge(cost.saturating_add(cost / 8), "a block of rows of all inputs")?);
    }
    let (in_flight, _charge) = exec.budget().in_flight(cost, exec.threads(), "a block of rows")?;
    exec.ordered(
        items.len(),
        in_flight,
        |i| {
            let aligned = parts.iter().map(|part| align(part, &items[i], dense)).collect::<Result<Vec<_>>>()?;
            let (blocks, block_tallies): (Vec<_>, Vec<_>) = aligned.into_iter().unzip();
            Ok((side_by_side(&blocks)?, block_tallies))
        },
        |i, (block, block_tallies)| {
            let mut written = Sums::default();
            for (part, tally) in parts.iter().zip(&block_tallies) {
                tallies[part.input].add(tally);
                written.add(tally.written);
            }
            exec.progress().advance(items[i].end - items[i].start);
            sink.append(block, written)
        },
    )
}

/// Memory that a range of a part takes while it is read, aligned and handed on.
pub(super) fn part_cost(part: &Part, range: &Range<u64>, dense: bool) -> Result<u64> {
    let rows = range.end - range.start;
    let read = part.source.cost(range.clone())?;
    let size = part.remap.dtype().size() as u64;
    let made = if dense {
        rows.saturating_mul(part.remap.columns() as u64).saturating_mul(size)
    } else {
        let widened = size.div_ceil(part.source.dtype().size() as u64).max(1);
        let filled = rows.saturating_mul(part.remap.filled_per_row() as u64).saturating_mul(size + 4);
        read.saturating_mul(widened).saturating_add(filled)
    };
    Ok(read.saturating_add(made).saturating_add(1 << 16))
}

/// Reads a range of a part and aligns it.
pub(super) fn align(part: &Part, range: &Range<u64>, dense: bool) -> Result<(Block, Tally)> {
    let block = part.source.read(range.clone())?;
    let rows = block.rows();
    let mut tally = Tally { rows: rows as u64, ..Tally::default() };
    let holes = match part.holes.as_slice() {
        [] => &[],
        holes => &holes[usize_of(range.start)?..usize_of(range.end)?],
    };
    let missing = holes.iter().filter(|&&hole| hole).count();
    if dense {
        let Block::Dense { values, .. } = block else {
            // A missing input hands out empty sparse rows.
            let values = part.remap.missing_dense(rows)?;
            tally.written = Sums::of(&values);
            tally.filled = tally.written;
            return Ok((Block::Dense { rows, values }, tally));
        };
        tally.read = Sums::of(&values);
        let blank = values.len().checked_div(rows).unwrap_or(0) * missing;
        // Rows that stand in for holes were read as zeros.
        tally.read.count -= blank as u64;
        let (values, dropped, filled) = part.remap.dense(rows, values, holes)?;
        tally.dropped = dropped;
        tally.filled = filled;
        tally.written = Sums::of(&values);
        return Ok((Block::Dense { rows, values }, tally));
    }
    let sparse = block.into_sparse()?;
    tally.read = Sums::of(&sparse.data);
    if missing == 0 && part.remap.keeps(&sparse) {
        // Handed on as it was read.
        tally.written = tally.read;
        let (aligned, _) = part.remap.sparse(sparse)?;
        return Ok((Block::Sparse(aligned), tally));
    }
    let (mut aligned, dropped) = part.remap.sparse(sparse)?;
    tally.dropped = dropped;
    let filled_rows = rows - missing;
    tally.filled = part.remap.fill_sums(filled_rows * part.remap.filled_per_row());
    if missing > 0 && part.remap.fills_rows() {
        aligned = part.remap.fill_rows(&aligned, holes)?;
        tally.filled = part.remap.fill_sums(filled_rows * part.remap.filled_per_row() + missing * part.remap.columns());
    }
    tally.written = Sums::of(&aligned.data);
    Ok((Block::Sparse(aligned), tally))
}

/// Joins blocks of the same rows; the columns of the later ones follow those of the earlier ones.
fn side_by_side(blocks: &[Block]) -> Result<Block> {
    let rows = blocks.first().map_or(0, Block::rows);
    let dtype = blocks.first().map_or(DType::F32, |block| block.values().dtype());
    let mut values = Buffer::empty(dtype);
    if let Some(Block::Dense { .. }) = blocks.first() {
        for row in 0..rows {
            for block in blocks {
                let columns = block.values().len() / rows;
                values.extend_from(block.values(), row * columns..(row + 1) * columns)?;
            }
        }
        return Ok(Block::Dense { rows, values });
    }
    let mut out = SparseRows::empty(0, dtype);
    for row in 0..rows {
        for block in blocks {
            let Block::Sparse(block) = block else { return Err(Error::internal("layouts are mixed")) };
            let range = block.indptr[row]..block.indptr[row + 1];
            out.indices.extend_from_slice(&block.indices[range.clone()]);
            values.extend_from(&block.data, range)?;
            out.sorted &= block.sorted;
        }
        out.indptr.push(out.indices.len());
    }
    out.data = values;
    Ok(Block::Sparse(out))
}

fn usize_of(value: u64) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::internal("position exceeds memory"))
}
