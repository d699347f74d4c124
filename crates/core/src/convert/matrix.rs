//! One matrix from a stored layout and type to another.

use annstream_store::{Compression, DType, StoreWriter};

use super::cast::cast_block;
use super::expand::Expansion;
use super::spec::Layout;
use crate::anndata::{AnnDataFile, MatrixHeader};
use crate::element::SparseLayout;
use crate::matrix::{BLOCK_BYTES, Block, MatrixSource, Sums};
use crate::sink::{Copies, DenseSink, Sink, SparseSink};
use crate::source::{CompressedRows, RowPlacement, SortedRows, StoredDense, StoredSparse, SummedRows};
use crate::{Error, Exec, Result};

/// How a matrix will be stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MatrixTarget {
    /// Where it will stand.
    pub(super) path: String,
    pub(super) layout: Layout,
    pub(super) dtype: DType,
    /// Extents; more than two dimensions stay dense.
    pub(super) shape: Vec<u64>,
    pub(super) compression: Compression,
    /// Values per chunk (rows per chunk, when dense), if somebody chose.
    pub(super) chunk: Option<u64>,
}

/// The layout of a matrix of numbers; `None` for anything else.
pub(super) fn layout_of(header: &MatrixHeader) -> Option<Layout> {
    match header {
        MatrixHeader::Sparse(header) => Some(Layout::Sparse(header.layout)),
        MatrixHeader::Dense(header) if header.dtype != DType::Str && header.field.is_none() => Some(Layout::Dense),
        _ => None,
    }
}

/// Whether the axis along which blocks are read must change, which takes an external sort.
pub(super) fn transposes(from: Layout, to: Layout) -> bool {
    let by_columns = |layout| layout == Layout::Sparse(SparseLayout::Csc);
    by_columns(from) != by_columns(to)
}

/// What a matrix of the result has.
pub(super) struct Restructured {
    /// Values stored.
    pub(super) values: u64,
    /// Their sum; none if they were not looked at.
    pub(super) sum: Option<f64>,
}

/// Writes a matrix in another layout or type; returns what was written. Where layout, type, chunks and compression stay, the
/// stored chunks are taken over ([`Copies`]). Else reads it once, in stored order. If
/// rows must become columns or the other way round, reads the indices once more, and takes scratch space of at most 8
/// bytes plus the value per entry; the time is linear in the number of values, whatever the budget. Checks that all
/// values arrived.
///
/// # Errors
/// If the matrix is damaged, a value does not fit the type, the budget is too small, or writing fails.
pub(super) fn restructure(
    file: &AnnDataFile,
    header: &MatrixHeader,
    target: &MatrixTarget,
    writer: &dyn StoreWriter,
    exec: &Exec,
) -> Result<Restructured> {
    let place = |error: Error| error.in_file(file.store().location()).at(&target.path);
    let store = file.store().as_ref();
    let from = layout_of(header).ok_or_else(|| place(Error::internal("is not a matrix of numbers")))?;
    let same = from == target.layout && header.dtype() == Some(target.dtype) && target.chunk.is_none();
    if same && header.shape().iter().map(|&extent| extent as u64).eq(target.shape.iter().copied()) {
        let copies = Copies { file, writer, compression: target.compression, exec };
        if let Some(values) = copies.matrix(header, &target.path).map_err(place)? {
            return Ok(Restructured { values, sum: None });
        }
    }
    let rows_and_columns = [target.shape[0], target.shape[1..].iter().product()];
    let values = match header {
        MatrixHeader::Sparse(header) => header.nnz as u64,
        _ => target.shape.iter().product(),
    };
    let written = match from {
        Layout::Sparse(layout) => {
            let [rows, columns] = rows_and_columns;
            let shape = if layout == SparseLayout::Csr { [rows, columns] } else { [columns, rows] };
            let source = SummedRows::new(StoredSparse::open(store, header.path(), shape)?);
            let written = run(&source, (from, values), target, writer, exec).map_err(place)?;
            (source.sums(), written)
        }
        Layout::Dense => {
            let source = SummedRows::new(StoredDense::open(store, header.path())?);
            if target.layout == Layout::Dense {
                let written = run(&source, (from, values), target, writer, exec).map_err(place)?;
                (source.sums(), written)
            } else {
                let source = CompressedRows(source);
                let written = run(&source, (from, values), target, writer, exec).map_err(place)?;
                (source.0.sums(), written)
            }
        }
    };
    let (read, Written { sums, merged }) = written;
    verify(from, target, read, sums, merged).map_err(place)?;
    Ok(Restructured { values: sums.count, sum: Some(sums.sum) })
}

/// What was written.
struct Written {
    sums: Sums,
    /// Whether several entries may have become one value.
    merged: bool,
}

/// Compares what was read with what was written. Zeros come and go between dense and sparse, so only sums can agree
/// there; entries that stand for one value are added up, which rounds.
fn verify(from: Layout, target: &MatrixTarget, mut read: Sums, mut written: Sums, merged: bool) -> Result<()> {
    if merged {
        return Ok(());
    }
    if (from == Layout::Dense) != (target.layout == Layout::Dense) {
        (read.count, written.count) = (0, 0);
    }
    if read.agrees(&written) {
        return Ok(());
    }
    let message = format!(
        "self-check failed: {} values with sum {} expected, {} with sum {} arrived; this is a bug in annstream, and the \
         output was not kept",
        read.count, read.sum, written.count, written.sum
    );
    Err(Error::internal(message))
}

/// Transposes if necessary, and streams.
fn run(
    source: &dyn MatrixSource,
    (from, values): (Layout, u64),
    target: &MatrixTarget,
    writer: &dyn StoreWriter,
    exec: &Exec,
) -> Result<Written> {
    let expands = from != Layout::Dense && target.layout == Layout::Dense;
    if !transposes(from, target.layout) {
        return stream(source, expands, target, writer, exec);
    }
    exec.progress().begin(&format!("{} (sorting)", target.path), values, "values");
    let mut sorted = SortedRows::sort(source, RowPlacement::Columns(None), source.shape()[1], 1, exec)?;
    sorted.read_once();
    exec.progress().end();
    exec.release();
    stream(&sorted, expands, target, writer, exec)
}

/// Streams the blocks of a source whose rows are those of the target (columns, for CSC); `expands` if sparse rows become
/// dense ones.
fn stream(
    source: &dyn MatrixSource,
    expands: bool,
    target: &MatrixTarget,
    writer: &dyn StoreWriter,
    exec: &Exec,
) -> Result<Written> {
    let by_columns = target.layout == Layout::Sparse(SparseLayout::Csc);
    let ranges = source.partition(BLOCK_BYTES)?;
    let (from, to) = (source.dtype().size() as u64, target.dtype.size() as u64);
    // Values are cast into a second buffer.
    let copies = if source.dtype() == target.dtype { 1 } else { 1 + to.div_ceil(from) };
    let (mut cost, mut costliest) = (0, 0);
    for range in &ranges {
        let own = source.cost(range.clone())?.saturating_mul(copies);
        if own > cost {
            (cost, costliest) = (own, range.start);
        }
    }
    let expansion = Expansion::new(source, target.dtype);
    // Rows on their way from sparse to dense are made here, one piece at a time.
    let expanded = if expands { expansion.bytes() } else { 0 };
    let _expanded = exec.budget().charge(expanded, "a dense row").map_err(|error| error.row(0))?;
    let in_flight = exec.budget().in_flight(cost + (1 << 16), exec.threads(), "a block of rows");
    let (in_flight, _charge) = in_flight.map_err(|error| error.row(costliest))?;
    let mut sink = open_sink(target, writer)?;
    exec.progress().begin(&target.path, source.shape()[0], if by_columns { "columns" } else { "rows" });
    let mut merged = false;
    exec.ordered(
        ranges.len(),
        in_flight,
        |i| {
            let block = source.read(ranges[i].clone())?;
            if expands {
                return Ok((block, Sums::default()));
            }
            let block = cast_block(block, target.dtype, ranges[i].start, by_columns)?;
            let sums = Sums::of(block.values());
            Ok((block, sums))
        },
        |i, (block, sums)| {
            exec.progress().advance(block.rows() as u64);
            match block {
                Block::Sparse(rows) if expands => {
                    merged |= !rows.sorted;
                    expansion.append(&rows, ranges[i].start, &mut sink)
                }
                block => sink.append(block, sums),
            }
        },
    )?;
    let sums = sink.finish()?;
    exec.progress().end();
    Ok(Written { sums, merged })
}

fn open_sink<'a>(target: &MatrixTarget, writer: &'a dyn StoreWriter) -> Result<Sink<'a>> {
    let MatrixTarget { path, layout, dtype, shape, compression, chunk } = target;
    Ok(match layout {
        Layout::Dense => Sink::Dense(DenseSink::chunked(writer, path, shape, *dtype, *compression, *chunk)?),
        Layout::Sparse(layout) => {
            let &[rows, columns] = shape.as_slice() else {
                let message = format!("has {} dimensions; a sparse matrix has 2", shape.len());
                return Err(Error::unsupported(message));
            };
            Sink::Sparse(SparseSink::chunked(writer, path, *layout, [rows, columns], *dtype, *compression, *chunk)?)
        }
    })
}
