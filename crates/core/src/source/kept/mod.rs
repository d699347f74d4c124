//! Rows that are slow to read, kept in scratch space for the passes that follow.

mod narrow;

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use annstream_store::{Buffer, Compression, DType, is_url};

use self::narrow::{Width, narrowed, narrowed_columns, widened, width};
use crate::anndata::{AnnDataFile, MatrixHeader};
use crate::element::SparseLayout;
use crate::matrix::{Block, MatrixSource, SparseRows};
use crate::{Error, Exec, Result};

/// What stays free on the disk, at least.
const FREE: u64 = 1 << 30;
/// Room that there has to be, as a multiple of what rows take as they are: results often stand on the same disk.
const ROOM: u64 = 3;

/// A source whose blocks are decoded once: the first pass ([`MatrixSource::pass`]) writes what it reads to a nameless file,
/// columns in two bytes where these suffice, counts in one or two; later reads of rows within such a block come from there.
/// Reading rows outside of passes keeps nothing.
///
/// If there is no room for it, or writing fails, rows come from the source as ever.
pub struct KeptRows<S> {
    source: S,
    scratch: PathBuf,
    state: Mutex<State>,
}

/// Whether the rows of a matrix are slow enough to read: compressed, or on a server. Other layouts than CSR are in scratch
/// space already, or too large for it.
pub fn worth_keeping(file: &AnnDataFile, header: &MatrixHeader) -> bool {
    let MatrixHeader::Sparse(sparse) = header else { return false };
    let slow = sparse.compression != Compression::None || is_url(file.store().location());
    sparse.layout == SparseLayout::Csr && slow
}

#[derive(Default)]
struct State {
    file: Option<Arc<File>>,
    end: u64,
    /// The blocks of the pass that began last, by their first rows.
    expected: BTreeMap<u64, u64>,
    /// Blocks that are kept, by their first rows.
    pieces: BTreeMap<u64, Piece>,
    /// Whether nothing more is to be kept.
    closed: bool,
}

/// Where a block stands: lengths of rows in four bytes, columns, values.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// The row after the last.
    stop: u64,
    offset: u64,
    entries: usize,
    width: Width,
    sorted: bool,
    /// Whether it is written.
    ready: bool,
}

impl<S: MatrixSource> KeptRows<S> {
    /// Keeps the rows of a source with so many values, if the folder for scratch files is on a disk with room for them three
    /// times, as they are, and a gigabyte.
    pub fn new(source: S, values: u64, exec: &Exec) -> Self {
        let bytes = values.saturating_mul((source.dtype().size() + 4) as u64);
        let room = has_room(exec.scratch(), bytes.saturating_mul(ROOM).saturating_add(FREE));
        Self::in_folder(source, exec.scratch(), room)
    }

    /// Keeps the rows in a folder, if it has room.
    fn in_folder(source: S, folder: &Path, room: bool) -> Self {
        let state = Mutex::new(State { closed: !room, ..State::default() });
        Self { source, scratch: folder.to_path_buf(), state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How columns stand.
    fn column_width(&self) -> Width {
        if self.source.shape()[1] <= 1 << 16 { Width::Short } else { Width::Own }
    }

    /// The block that holds these rows, and its file.
    fn find(&self, rows: &Range<u64>) -> Option<(u64, Piece, Arc<File>)> {
        let state = self.state();
        let (&start, piece) = state.pieces.range(..=rows.start).next_back()?;
        let found = piece.ready && rows.end <= piece.stop;
        found.then(|| state.file.clone().map(|file| (start, *piece, file)))?
    }

    /// Writes a block that was announced. What fails is not tried again.
    fn keep(&self, rows: &Range<u64>, block: &SparseRows) {
        let expected = |state: &State| {
            let before = state.pieces.range(..=rows.start).next_back();
            let after = state.pieces.range(rows.start..).next();
            !state.closed
                && state.expected.get(&rows.start) == Some(&rows.end)
                && before.is_none_or(|(_, piece)| piece.stop <= rows.start)
                && after.is_none_or(|(&start, _)| start >= rows.end)
        };
        if !expected(&self.state()) {
            return;
        }
        let Ok(lengths) =
            block.indptr.windows(2).map(|row| u32::try_from(row[1] - row[0])).collect::<Result<Vec<_>, _>>()
        else {
            return self.state().closed = true;
        };
        let width = width(&block.data);
        let entry = self.column_width().bytes(DType::U32) + width.bytes(self.source.dtype());
        let len = lengths.len() * 4 + block.indices.len() * entry;
        let mut state = self.state();
        if !expected(&state) {
            return;
        }
        let file = match &state.file {
            Some(file) => file.clone(),
            None => match tempfile::tempfile_in(&self.scratch) {
                Ok(file) => state.file.insert(Arc::new(file)).clone(),
                Err(_) => return state.closed = true,
            },
        };
        let (offset, entries) = (state.end, block.indices.len());
        let piece = Piece { stop: rows.end, offset, entries, width, sorted: block.sorted, ready: false };
        state.end += len as u64;
        state.pieces.insert(rows.start, piece);
        drop(state);
        let mut at = offset;
        let mut put = |bytes: &[u8]| {
            file.write_all_at(bytes, at)?;
            at += bytes.len() as u64;
            Ok(())
        };
        let written = put(bytemuck::cast_slice(&lengths))
            .and_then(|()| narrowed_columns(&block.indices, self.column_width(), &mut put))
            .and_then(|()| narrowed(&block.data, width, &mut put));
        let mut state = self.state();
        if written.is_ok() {
            state.pieces.insert(rows.start, Piece { ready: true, ..piece });
        } else {
            state.closed = true;
            state.pieces.remove(&rows.start);
        }
    }

    /// Some rows of a block that was kept, their values if these are wanted.
    fn kept(
        &self,
        rows: &Range<u64>,
        (start, piece, file): (u64, Piece, Arc<File>),
        with_values: bool,
    ) -> Result<SparseRows> {
        let file = file.as_ref();
        let count = |rows: u64| usize::try_from(rows).map_err(|_| Error::internal("rows exceed memory"));
        let (skipped, wanted) = (count(rows.start - start)?, count(rows.end - rows.start)?);
        let lengths = read(file, piece.offset, skipped + wanted, Width::Own, DType::U32)?;
        let Buffer::U32(lengths) = lengths else { return Err(Error::internal("lengths of another type")) };
        let (skipped, lengths) = lengths.split_at(skipped);
        let first: usize = skipped.iter().map(|&length| length as usize).sum();
        let mut indptr = Vec::with_capacity(wanted + 1);
        let mut end = 0;
        indptr.push(0);
        for &length in lengths {
            end += length as usize;
            indptr.push(end);
        }
        let column = self.column_width();
        let columns = piece.offset + (piece.stop - start) * 4;
        let values = columns + (piece.entries * column.bytes(DType::U32)) as u64;
        let at = columns + (first * column.bytes(DType::U32)) as u64;
        let Buffer::U32(indices) = read(file, at, end, column, DType::U32)? else {
            return Err(Error::internal("columns of another type"));
        };
        let dtype = self.source.dtype();
        let at = values + (first * piece.width.bytes(dtype)) as u64;
        let data = if with_values { read(file, at, end, piece.width, dtype)? } else { Buffer::empty(dtype) };
        Ok(SparseRows { indptr, indices, data, sorted: piece.sorted })
    }
}

/// Numbers that stand in a scratch file.
fn read(file: &File, mut offset: u64, len: usize, width: Width, dtype: DType) -> Result<Buffer> {
    let mut values = Buffer::recycled(dtype, len);
    let filled = widened(&mut values, width, |bytes| {
        file.read_exact_at(bytes, offset)?;
        offset += bytes.len() as u64;
        Ok(())
    });
    filled.map_err(|error| Error::io(error, "a scratch file"))?;
    Ok(values)
}

/// Whether a folder is on a disk, not in memory, with so many bytes to spare.
fn has_room(folder: &Path, bytes: u64) -> bool {
    let Ok(found) = rustix::fs::statvfs(folder) else { return false };
    #[cfg(target_os = "linux")]
    if rustix::fs::statfs(folder).is_ok_and(|system| system.f_type == 0x0102_1994) {
        return false;
    }
    found.f_bavail.saturating_mul(found.f_frsize) >= bytes
}

impl<S: MatrixSource> MatrixSource for KeptRows<S> {
    fn shape(&self) -> [u64; 2] {
        self.source.shape()
    }

    fn dtype(&self) -> DType {
        self.source.dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        self.source.partition(max_bytes)
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        // What stands in few bytes is less than the chunks that reading from the source takes, and is written in pieces.
        self.source.cost(rows)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        if let Some(found) = self.find(&rows) {
            return self.kept(&rows, found, true).map(Block::Sparse);
        }
        let block = self.source.read(rows.clone())?;
        if let Block::Sparse(block) = &block {
            self.keep(&rows, block);
        }
        Ok(block)
    }

    fn pass(&self, ranges: &[Range<u64>]) {
        self.state().expected = ranges.iter().map(|range| (range.start, range.end)).collect();
    }

    fn read_structure(&self, rows: Range<u64>) -> Result<SparseRows> {
        match self.find(&rows) {
            Some(found) => self.kept(&rows, found, false),
            None => self.source.read_structure(rows),
        }
    }

    fn lengths(&self, rows: Range<u64>) -> Result<Vec<u64>> {
        self.source.lengths(rows)
    }
}

#[cfg(test)]
mod tests;
