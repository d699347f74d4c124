//! Arrays of numbers being filled, and the chunk shapes of new arrays.

use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::create::Dataset;
use super::dataset;
use super::stored::{self, Piece};
use super::writer::Shared;
use crate::grid::{self, count};
use crate::{ArraySpec, ArrayWriter, Buffer, Compression, DType, Error, Result};

/// Bytes of a chunk, roughly, when nobody chose.
const CHUNK: u64 = 1 << 19;
/// Values of a chunk of a growing vector when nobody chose.
const GROWING: u64 = 1 << 17;
/// Most bytes that wait for their band of chunks to be complete; larger chunk shapes are not taken over.
const BAND: u64 = 1 << 26;

/// The chunk shape of a new array of values of `size` bytes; `None` for one run of bytes.
pub(super) fn chunk_shape(spec: &ArraySpec, size: usize) -> Option<Vec<u64>> {
    let (first, rest) = spec.shape.split_first()?;
    let empty = spec.shape.contains(&0);
    let wanted = spec.chunk.as_ref().filter(|chunk| chunk.len() == spec.shape.len());
    if !spec.growable && (empty || (spec.compression == Compression::None && wanted.is_none())) {
        return None;
    }
    let row = rest.iter().fold(size as u64, |all, &extent| all.saturating_mul(extent.max(1)));
    let longest = if *first == 0 { u64::MAX } else { *first };
    if let Some(wanted) = wanted {
        let mut chunk: Vec<u64> = wanted.iter().zip(&spec.shape).map(|(chunk, n)| (*chunk).min(*n).max(1)).collect();
        // A growing array may be given larger chunks than it has values yet.
        chunk[0] = wanted[0].clamp(1, if spec.growable { u64::MAX } else { longest });
        if chunk[0].saturating_mul(row) <= BAND {
            return Some(chunk);
        }
    }
    let rows = if rest.is_empty() && spec.growable { GROWING } else { (CHUNK / row.max(1)).max(1) };
    let mut chunk = vec![rows.min(longest)];
    chunk.extend(rest.iter().map(|&extent| extent.max(1)));
    // A single row that is too long for a chunk is cut.
    let mut bytes = chunk.iter().fold(size as u64, |all, &extent| all.saturating_mul(extent));
    for extent in &mut chunk[1..] {
        if bytes > BAND {
            let fewer = (*extent / bytes.div_ceil(BAND)).max(1);
            bytes = bytes / *extent * fewer;
            *extent = fewer;
        }
    }
    Some(chunk)
}

enum Place {
    /// One run of bytes at this position.
    Run(Option<u64>),
    /// Chunks of this shape.
    Chunks(Vec<u64>),
}

/// An array of numbers being filled.
pub(super) struct NumberWriter {
    shared: Arc<Shared>,
    dataset: Arc<Dataset>,
    /// Others that get the same chunks.
    twins: Arc<[Arc<Dataset>]>,
    dtype: DType,
    growable: bool,
    /// The shape asked for.
    shape: Vec<u64>,
    place: Place,
    /// Bytes of a row.
    row: u64,
    /// Values appended.
    appended: u64,
    /// Rows given to the queue.
    queued: u64,
    /// Bytes that wait for their band of chunks to be complete.
    pending: Vec<u8>,
}

impl NumberWriter {
    /// Fills the first of some datasets, and the others, if they have chunks, with the same.
    pub(super) fn new(
        shared: Arc<Shared>,
        dataset: Arc<Dataset>,
        twins: Arc<[Arc<Dataset>]>,
        dtype: DType,
        spec: &ArraySpec,
    ) -> Self {
        let place = match chunk_shape(spec, dtype.size()) {
            Some(chunk) => Place::Chunks(chunk),
            None => Place::Run(dataset::offset(&dataset.id)),
        };
        let row = spec.shape.iter().skip(1).product::<u64>() * dtype.size() as u64;
        Self {
            shared,
            dataset,
            twins,
            dtype,
            growable: spec.growable && !spec.shape.is_empty(),
            shape: spec.shape.clone(),
            place,
            row,
            appended: 0,
            queued: 0,
            pending: vec![],
        }
    }

    fn take(&mut self, values: &Arc<Buffer>, part: Range<usize>) -> Result<()> {
        if values.dtype() != self.dtype {
            return Err(Error::internal(format!("{} values for a {} array", values.dtype(), self.dtype)));
        }
        let before = self.appended;
        self.appended += part.len() as u64;
        if !self.growable && self.appended > count(&self.shape)? {
            return Err(Error::internal(format!("more values than shape {:?} holds", self.shape)));
        }
        if part.is_empty() {
            return Ok(());
        }
        let size = self.dtype.size();
        let part = part.start * size..part.end * size;
        match &self.place {
            Place::Run(offset) => {
                let bytes = values.as_bytes().and_then(|bytes| bytes.get(part)).unwrap_or(&[]);
                let at = offset.unwrap_or_default() + before * size as u64;
                self.shared.step(|state| {
                    if offset.is_none() {
                        return Err(Error::internal("no place was reserved for values"));
                    }
                    state.raw()?.write_all_at(bytes, at).map_err(|error| write_error(&error))?;
                    state.writeback.wrote(bytes.len());
                    Ok(())
                })
            }
            Place::Chunks(chunk) => {
                let chunk = chunk.clone();
                let rows = chunk[0];
                let band = usize::try_from(rows.saturating_mul(self.row)).map_err(|_| Error::internal("huge chunk"))?;
                self.take_bands(values, part, &chunk, band)
            }
        }
    }

    /// Cuts `part`, in bytes, into bands of chunks.
    fn take_bands(&mut self, values: &Arc<Buffer>, part: Range<usize>, chunk: &[u64], band: usize) -> Result<()> {
        if band == 0 {
            return Err(Error::internal("values for rows without values"));
        }
        let bytes = values.as_bytes().and_then(|bytes| bytes.get(..part.end)).unwrap_or(&[]);
        let mut start = part.start;
        if !self.pending.is_empty() {
            start += (band - self.pending.len()).min(part.len());
            self.pending.extend_from_slice(&bytes[part.start..start]);
            if self.pending.len() < band {
                return Ok(());
            }
            let pending = std::mem::take(&mut self.pending);
            self.push_band(chunk, chunk[0], pending)?;
        }
        let whole = chunk[1..] == self.shape[1..];
        while bytes.len() - start >= band {
            let range = start..start + band;
            start = range.end;
            if whole {
                let position = self.position();
                self.queued += chunk[0];
                self.push(position, Piece::Part(values.clone(), range))?;
            } else {
                self.push_band(chunk, chunk[0], bytes[range].to_vec())?;
            }
        }
        if start < bytes.len() {
            self.pending.reserve_exact(band);
            self.pending.extend_from_slice(&bytes[start..]);
        }
        Ok(())
    }

    /// Hands over a chunk; rows that the array has then are counted already.
    fn push(&self, position: Vec<u64>, piece: Piece) -> Result<()> {
        let (dataset, twins) = (self.dataset.clone(), self.twins.clone());
        let place = stored::Place { dataset, twins, position, rows: self.queued };
        self.shared.step(|state| state.push(place, piece))
    }

    fn position(&self) -> Vec<u64> {
        let mut position = vec![0; self.shape.len()];
        position[0] = self.queued;
        position
    }

    /// Cuts a band of rows, of which `rows` count, into chunks.
    fn push_band(&mut self, chunk: &[u64], rows: u64, band: Vec<u8>) -> Result<()> {
        let mut position = self.position();
        self.queued += rows;
        if chunk[1..] == self.shape[1..] {
            return self.push(position, Piece::Own(band));
        }
        let size = self.dtype.size();
        let outer: Vec<_> = chunk[..1].iter().chain(&self.shape[1..]).map(|&extent| 0..extent).collect();
        let tile_bytes = usize::try_from(count(chunk)?).map_err(|_| Error::internal("huge chunk"))? * size;
        loop {
            let starts = std::iter::once(&0).chain(&position[1..]);
            let tile: Vec<_> = starts.zip(chunk).map(|(at, extent)| *at..at + extent).collect();
            let common = grid::intersect(&outer, &tile);
            let mut bytes = vec![0; tile_bytes];
            grid::runs(&outer, &tile, &common, |from, to, length| {
                bytes[to * size..(to + length) * size].copy_from_slice(&band[from * size..(from + length) * size]);
                Ok(())
            })?;
            self.push(position.clone(), Piece::Own(bytes))?;
            let next = |d: &usize| position[*d] + chunk[*d] < self.shape[*d];
            let Some(dimension) = (1..chunk.len()).rev().find(next) else { return Ok(()) };
            position[dimension] += chunk[dimension];
            position[dimension + 1..].fill(0);
        }
    }

    fn end(&mut self) -> Result<()> {
        if self.growable {
            if self.row > 0 && !(self.appended * self.dtype.size() as u64).is_multiple_of(self.row) {
                return Err(Error::internal("the last row is incomplete"));
            }
        } else if self.appended != count(&self.shape)? {
            let expected = count(&self.shape)?;
            return Err(Error::internal(format!("{} values written, {expected} expected", self.appended)));
        }
        if let Place::Chunks(chunk) = &self.place
            && !self.pending.is_empty()
        {
            let chunk = chunk.clone();
            let rows = self.pending.len() as u64 / self.row.max(1);
            let mut band = std::mem::take(&mut self.pending);
            let full = usize::try_from(chunk[0].saturating_mul(self.row)).unwrap_or(usize::MAX);
            band.resize(full, 0);
            self.push_band(&chunk, rows, band)?;
        }
        let rows = if self.row == 0 { self.shape.first().copied().unwrap_or(0) } else { self.queued };
        self.shared.step(|state| {
            state.queue.drain()?;
            for dataset in std::iter::once(&self.dataset).chain(self.twins.iter()) {
                dataset.reach(rows)?;
                state.open.retain(|path| *path != dataset.path);
            }
            Ok(())
        })
    }
}

fn write_error(error: &std::io::Error) -> Error {
    Error::os(crate::ErrorKind::Io, &error.to_string())
}

impl ArrayWriter for NumberWriter {
    fn append(&mut self, values: Buffer) -> Result<()> {
        let all = 0..values.len();
        self.append_part(&Arc::new(values), all)
    }

    fn append_part(&mut self, values: &Arc<Buffer>, part: Range<usize>) -> Result<()> {
        self.take(values, part).map_err(|error| error.at(&self.dataset.path))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.end().map_err(|error| error.at(&self.dataset.path))
    }
}
