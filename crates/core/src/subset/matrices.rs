//! Matrices on their way from one file to the targets.

use annstream_store::DType;

use super::deal::{Deal, Owners};
use super::execute::{Target, axes};
use super::selection::Selection;
use crate::anndata::{AnnDataFile, MatrixHeader, Slot, WriteOptions};
use crate::concat::{Axis, Part, Tally, stack};
use crate::element::SparseLayout;
use crate::matrix::{BLOCK_BYTES, Block, DROPPED, MatrixSource, Remap, Sums, largest_range};
use crate::sink::{Copies, DenseSink, Sink, SparseSink};
use crate::source::{GatheredRows, PickedRows, RepeatedColumns, StoredDense, StoredSparse};
use crate::{Error, Exec, Result};

/// Whether a matrix is streamed; the rest is read whole.
pub(super) fn streams(header: &MatrixHeader) -> bool {
    match header {
        MatrixHeader::Sparse(_) => true,
        MatrixHeader::Dense(dense) => dense.field.is_none() && dense.dtype != DType::Str,
        _ => false,
    }
}

/// A stored matrix along its compressed axis (its rows, if dense), and what either axis is aligned with.
struct Stored {
    source: Box<dyn MatrixSource>,
    layout: Option<SparseLayout>,
    shape: Vec<usize>,
    /// What the rows of the source are aligned with.
    major: Option<Axis>,
    /// What its columns are aligned with.
    minor: Option<Axis>,
    /// Columns of the source for each entry of that axis: the product of further dimensions.
    width: usize,
}

impl Stored {
    fn open(file: &AnnDataFile, slot: Slot<'_>, header: &MatrixHeader) -> Result<Self> {
        let store = file.store().as_ref();
        let (rows, columns) = axes(slot);
        match header {
            MatrixHeader::Sparse(sparse) => {
                let [row_count, column_count] = sparse.shape.map(|extent| extent as u64);
                let csr = sparse.layout == SparseLayout::Csr;
                let shape = if csr { [row_count, column_count] } else { [column_count, row_count] };
                let source = Box::new(StoredSparse::open(store, &sparse.path, shape)?);
                let (major, minor) = if csr { (rows, columns) } else { (columns, rows) };
                Ok(Self { source, layout: Some(sparse.layout), shape: sparse.shape.to_vec(), major, minor, width: 1 })
            }
            MatrixHeader::Dense(dense) => {
                let source = Box::new(StoredDense::open(store, &dense.path)?);
                let width = dense.shape.get(2..).unwrap_or_default().iter().product();
                Ok(Self { source, layout: None, shape: dense.shape.clone(), major: rows, minor: columns, width })
            }
            _ => Err(Error::internal("only arrays and sparse matrices are streamed")),
        }
    }

    fn selection(axis: Option<Axis>, target: &Target<'_>, extent: u64) -> Result<Selection> {
        Ok(match axis {
            Some(Axis::Obs) => target.obs.clone(),
            Some(Axis::Var) => target.var.clone(),
            None => Selection::all(usize::try_from(extent).map_err(|_| Error::internal("an axis exceeds memory"))?),
        })
    }

    /// What a target gets of the rows and of the columns of the source.
    fn selections(&self, target: &Target<'_>) -> Result<[Selection; 2]> {
        let [rows, columns] = self.source.shape();
        let major = Self::selection(self.major, target, rows)?;
        let minor = Self::selection(self.minor, target, columns)?;
        Ok([major, if self.minor.is_some() { minor.widened(self.width)? } else { minor }])
    }

    /// The array of a target.
    fn sink<'a>(&self, path: &str, target: &Target<'a>, options: &WriteOptions) -> Result<Sink<'a>> {
        let [major, minor] = self.selections(target)?.map(|selection| selection.len() as u64);
        let dtype = self.source.dtype();
        if let Some(layout) = self.layout {
            let shape = if layout == SparseLayout::Csr { [major, minor] } else { [minor, major] };
            let sink = SparseSink::new(target.writer, path, layout, shape, dtype, options.compression)?;
            return Ok(Sink::Sparse(sink));
        }
        let mut shape: Vec<u64> = self.shape.iter().map(|&extent| extent as u64).collect();
        shape[0] = major;
        if self.minor.is_some()
            && let Some(columns) = shape.get_mut(1)
        {
            *columns = minor.checked_div(self.width as u64).unwrap_or(0);
        }
        Ok(Sink::Dense(DenseSink::new(target.writer, path, &shape, dtype, options.compression)?))
    }
}

/// Writes a matrix to all targets; returns the number of values written. Several targets must not share rows.
pub(super) fn write(
    file: &AnnDataFile,
    name: &str,
    slot: Slot<'_>,
    header: &MatrixHeader,
    targets: &[&Target<'_>],
    options: &WriteOptions,
    exec: &Exec,
) -> Result<u64> {
    let path = slot.to_string();
    let place = |error: Error| error.in_file(file.store().location()).at(&path);
    let stored = Stored::open(file, slot, header).map_err(place)?;
    if let [target] = targets
        && stored.selections(target)?.iter().all(|selection| selection.positions().is_none())
    {
        let copies = Copies { file, writer: target.writer, compression: options.compression, exec };
        if let Some(values) = copies.matrix(header, &path).map_err(place)? {
            exec.release();
            return Ok(values);
        }
    }
    let written = match targets {
        [target] => write_one(stored, name, &path, target, options, exec),
        _ => write_many(&stored, name, &path, targets, options, exec),
    };
    exec.release();
    written.map(|sums| sums.count).map_err(place)
}

fn write_one(
    stored: Stored,
    name: &str,
    path: &str,
    target: &Target<'_>,
    options: &WriteOptions,
    exec: &Exec,
) -> Result<Sums> {
    let mut sink = stored.sink(path, target, options)?;
    let [major, minor] = stored.selections(target)?;
    let dtype = stored.source.dtype();
    let rows = major.len() as u64;
    let source: Box<dyn MatrixSource> = match major.positions() {
        None => stored.source,
        Some(positions) if major.rises() => {
            Box::new(PickedRows::new(stored.source, positions.iter().map(|&row| i64::from(row)).collect())?)
        }
        Some(positions) => {
            exec.progress().begin(&format!("{path} (ordering)"), 1, "matrix");
            let gathered = GatheredRows::gather(stored.source, positions, exec)?;
            exec.progress().end();
            Box::new(gathered)
        }
    };
    let (source, remap): (Box<dyn MatrixSource>, _) = match minor.positions() {
        None => (source, Remap::same(minor.len(), dtype)),
        Some(positions) if minor.repeats() => {
            (Box::new(RepeatedColumns::new(source, positions.to_vec())?), Remap::same(minor.len(), dtype))
        }
        Some(positions) => {
            let mut to_new = vec![DROPPED; minor.extent()];
            for (new, &old) in (0_u32..).zip(positions.iter()) {
                to_new[old as usize] = new;
            }
            (source, Remap::new(to_new.into(), minor.len(), dtype, None))
        }
    };
    exec.progress().begin(path, rows, "rows");
    let part = Part { input: 0, name: name.to_owned(), source, remap, holes: Vec::new() };
    let mut tallies = [Tally::default()];
    stack(&[part], &mut sink, &mut tallies, exec)?;
    let written = sink.finish()?;
    exec.progress().end();
    tallies[0].verify(path, name)?;
    Ok(written)
}

fn write_many(
    stored: &Stored,
    name: &str,
    path: &str,
    targets: &[&Target<'_>],
    options: &WriteOptions,
    exec: &Exec,
) -> Result<Sums> {
    let mut sinks = targets.iter().map(|target| stored.sink(path, target, options)).collect::<Result<Vec<_>>>()?;
    let (mut major, mut minor) = (Vec::new(), Vec::new());
    for target in targets {
        let [rows, columns] = stored.selections(target)?;
        major.push(rows);
        minor.push(columns);
    }
    let deal = Deal { targets: targets.len(), major: Owners::new(&major)?, minor: Owners::new(&minor)? };
    let source = &stored.source;
    let remaps: Vec<Remap> = minor.iter().map(|own| Remap::same(own.len(), source.dtype())).collect();
    let ranges = source.partition(BLOCK_BYTES)?;
    // What is read, and what is made of it: once if it is dealt, once for each target if all get it.
    let copies = if deal.is_copy() { targets.len() as u64 } else { 4 };
    let longest = ranges.iter().map(|range| range.end - range.start).max().unwrap_or(0);
    let cost = largest_range(source, &ranges)?.saturating_mul(copies + 1);
    let cost =
        cost.saturating_add(longest.saturating_mul(8).saturating_mul(targets.len() as u64)).saturating_add(1 << 16);
    let (in_flight, _charge) = exec.budget().in_flight(cost, exec.threads(), "a block of rows")?;
    exec.progress().begin(path, source.shape()[0], "rows");
    let mut tally = Tally::default();
    exec.ordered(
        ranges.len(),
        in_flight,
        |i| {
            let block = source.read(ranges[i].clone())?;
            let read = Sums::of(block.values());
            let (dealt, dropped) = deal.deal(block, ranges[i].start)?;
            let dealt = dealt
                .into_iter()
                .zip(&remaps)
                .map(|(block, remap)| sorted(block, remap))
                .collect::<Result<Vec<_>>>()?;
            let sums: Vec<Sums> = dealt.iter().map(|part| Sums::of(part.values())).collect();
            Ok((dealt, sums, read, dropped))
        },
        |i, (dealt, sums, read, dropped): (Vec<Block>, Vec<Sums>, Sums, Sums)| {
            let copies = if deal.is_copy() { sums.len() } else { 1 };
            for _ in 0..copies {
                tally.read.add(read);
            }
            tally.dropped.add(dropped);
            for ((sink, block), sums) in sinks.iter_mut().zip(dealt).zip(sums) {
                tally.written.add(sums);
                if block.rows() > 0 {
                    sink.append(block, sums)?;
                }
            }
            exec.progress().advance(ranges[i].end - ranges[i].start);
            Ok(())
        },
    )?;
    let mut written = Sums::default();
    for sink in sinks {
        written.add(sink.finish()?);
    }
    exec.progress().end();
    tally.verify(path, name)?;
    Ok(written)
}

/// Sparse rows with their columns in order, as a single target gets them.
fn sorted(block: Block, remap: &Remap) -> Result<Block> {
    match block {
        Block::Sparse(rows) if !rows.sorted => Ok(Block::Sparse(remap.sparse(rows)?.0)),
        block => Ok(block),
    }
}
