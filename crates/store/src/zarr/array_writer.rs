//! Arrays of numbers or text being filled.

use std::ops::Range;
use std::sync::Arc;

use super::encode::encode;
use super::layout::Layout;
use super::output::{Named, Place, lock};
use super::text;
use super::tree::Kind;
use super::writer::Shared;
use crate::grid::{self, count};
use crate::queue::Job;
use crate::{ArraySpec, ArrayWriter, Buffer, Compression, DType, Error, Result};

/// The way of the chunks of an array, or of some with the same values, to their files.
pub(super) struct Channel {
    pub(super) shared: Arc<Shared>,
    pub(super) arrays: Arc<[Named]>,
    pub(super) compression: Compression,
}

impl Channel {
    /// Hands over a chunk; `raw` gives its bytes, which are numbers of a type, or something else.
    pub(super) fn push(
        &self,
        at: Vec<u64>,
        of: Option<DType>,
        raw: impl FnOnce() -> Result<Vec<u8>> + Send + 'static,
    ) -> Result<()> {
        let compression = self.compression;
        let work = move || raw().and_then(|raw| encode(raw, of, compression));
        self.push_job(at, Job::Work(Box::new(work)))
    }

    /// Hands over a chunk that is encoded, or will be.
    pub(super) fn push_job(&self, at: Vec<u64>, job: Job<Vec<u8>>) -> Result<()> {
        let place = Place { arrays: self.arrays.clone(), at };
        self.shared.step(|state| {
            // An array may outlive the writer; its files must not come back.
            state.folder()?;
            state.queue.push(place, job)
        })
    }

    /// The path of the array, or of the first.
    pub(super) fn path(&self) -> &str {
        self.arrays.first().map_or("", |array| &array.path)
    }

    /// Makes the array one chunk, before any was pushed.
    fn shrink(&self, dtype: DType, chunk: &[u64]) -> Result<()> {
        let kind = if dtype == DType::Str { Kind::Text } else { Kind::Number(dtype) };
        self.arrays.iter().try_for_each(|array| {
            lock(&array.output).replan(Layout { chunk: chunk.to_vec(), shard: None });
            self.shared.step(|state| state.describe(&array.path, &kind, chunk, chunk, self.compression))
        })
    }

    /// Ends the array, whose first extent is `rows` if it could grow.
    pub(super) fn finish(&self, rows: Option<u64>) -> Result<()> {
        self.shared.step(|state| {
            state.queue.drain()?;
            self.arrays.iter().try_for_each(|array| {
                lock(&array.output).close()?;
                state.finish_array(&array.path, rows)
            })
        })
    }
}

/// An array being filled.
pub(super) struct Filler {
    channel: Channel,
    dtype: DType,
    growable: bool,
    /// The shape asked for.
    shape: Vec<u64>,
    /// The extents of the array and of a chunk; a scalar counts as one row.
    dims: Vec<u64>,
    chunk: Vec<u64>,
    /// Values of a row.
    row: u64,
    /// Values appended.
    appended: u64,
    /// Rows given to the queue.
    queued: u64,
    /// Values that wait for their band of chunks to be complete.
    pending: Buffer,
}

impl Filler {
    pub(super) fn new(channel: Channel, dtype: DType, spec: &ArraySpec, chunk: &[u64]) -> Self {
        let shape = spec.shape.clone();
        let (dims, chunk) = if shape.is_empty() { (vec![1], vec![1]) } else { (shape.clone(), chunk.to_vec()) };
        let row = dims[1..].iter().product();
        let growable = spec.growable && !shape.is_empty();
        let pending = Buffer::empty(dtype);
        Self { channel, dtype, growable, shape, dims, chunk, row, appended: 0, queued: 0, pending }
    }

    fn take(&mut self, values: &Arc<Buffer>, part: Range<usize>) -> Result<()> {
        if values.dtype() != self.dtype {
            return Err(Error::internal(format!("{} values for a {} array", values.dtype(), self.dtype)));
        }
        self.appended += part.len() as u64;
        if !self.growable && self.appended > count(&self.shape)? {
            return Err(Error::internal(format!("more values than shape {:?} holds", self.shape)));
        }
        if part.is_empty() {
            return Ok(());
        }
        let band = self.chunk[0].saturating_mul(self.row);
        let band = usize::try_from(band).map_err(|_| Error::internal("huge chunk"))?;
        if band == 0 {
            return Err(Error::internal("values for rows without values"));
        }
        let mut start = part.start;
        if !self.pending.is_empty() {
            start += (band - self.pending.len()).min(part.len());
            self.pending.extend_from(values, part.start..start)?;
            if self.pending.len() < band {
                return Ok(());
            }
            let pending = std::mem::replace(&mut self.pending, Buffer::empty(self.dtype));
            self.push_band(self.chunk[0], &Arc::new(pending), 0..band)?;
        }
        while part.end - start >= band {
            self.push_band(self.chunk[0], values, start..start + band)?;
            start += band;
        }
        self.pending.extend_from(values, start..part.end)
    }

    fn pass_over(&mut self, values: u64) -> Result<()> {
        let whole = self.pending.is_empty() && self.row > 0 && values.is_multiple_of(self.row);
        if !whole || !self.queued.is_multiple_of(self.chunk[0]) {
            return Err(Error::internal("values are skipped within a chunk"));
        }
        self.appended += values;
        self.queued += values / self.row;
        Ok(())
    }

    /// Cuts a band of rows, of which `rows` count, into chunks.
    fn push_band(&mut self, rows: u64, values: &Arc<Buffer>, range: Range<usize>) -> Result<()> {
        let of = Some(self.dtype).filter(|dtype| *dtype != DType::Str);
        let mut position: Vec<u64> = vec![0; self.dims.len()];
        position[0] = self.queued;
        self.queued += rows;
        loop {
            let mut place: Vec<u64> = position.iter().zip(&self.chunk).map(|(at, extent)| at / extent).collect();
            if self.shape.is_empty() {
                place.clear();
            }
            if self.chunk[1..] == self.dims[1..] {
                let values = values.clone();
                return self.channel.push(place, of, move || {
                    let bytes = bytes(&values, range);
                    Buffer::recycle_shared(values);
                    bytes
                });
            }
            let tile = self.tile(&position, values, range.start)?;
            self.channel.push(place, of, move || bytes(&tile, 0..tile.len()))?;
            let next = |d: &usize| position[*d] + self.chunk[*d] < self.dims[*d];
            let Some(dimension) = (1..self.chunk.len()).rev().find(next) else { return Ok(()) };
            position[dimension] += self.chunk[dimension];
            position[dimension + 1..].fill(0);
        }
    }

    /// The values of a chunk that is narrower than the array, or wider; what is outside is zero.
    fn tile(&self, position: &[u64], band: &Buffer, start: usize) -> Result<Buffer> {
        let far = || Error::internal("huge chunk");
        let outer: Vec<_> = self.chunk[..1].iter().chain(&self.dims[1..]).map(|&extent| 0..extent).collect();
        let starts = std::iter::once(&0).chain(&position[1..]);
        let tile: Vec<_> = starts.zip(&self.chunk).map(|(at, extent)| *at..at + extent).collect();
        let common = grid::intersect(&outer, &tile);
        let mut out = Buffer::empty(self.dtype);
        grid::runs(&outer, &tile, &common, |from, to, length| {
            out.resize(to);
            out.extend_from(band, start + from..start + from + length)
        })?;
        out.resize(usize::try_from(count(&self.chunk)?).map_err(|_| far())?);
        Ok(out)
    }

    fn end(&mut self) -> Result<()> {
        if self.growable {
            if self.row > 0 && !self.appended.is_multiple_of(self.row) {
                return Err(Error::internal("the last row is incomplete"));
            }
        } else if self.appended != count(&self.shape)? {
            let expected = count(&self.shape)?;
            return Err(Error::internal(format!("{} values written, {expected} expected", self.appended)));
        }
        if !self.pending.is_empty() {
            let rows = self.pending.len() as u64 / self.row.max(1);
            if self.growable && self.queued == 0 && self.chunk[1..] == self.dims[1..] {
                // It stayed smaller than a chunk: one chunk of its size is all it needs.
                self.chunk[0] = rows;
                self.channel.shrink(self.dtype, &self.chunk)?;
            }
            let mut band = std::mem::replace(&mut self.pending, Buffer::empty(self.dtype));
            let full = usize::try_from(self.chunk[0].saturating_mul(self.row)).unwrap_or(usize::MAX);
            band.resize(full);
            self.push_band(rows, &Arc::new(band), 0..full)?;
        }
        let rows = if self.row == 0 { self.dims[0] } else { self.queued };
        self.channel.finish(self.growable.then_some(rows))
    }
}

/// The values of a range as zarr stores them before compression.
fn bytes(values: &Buffer, range: Range<usize>) -> Result<Vec<u8>> {
    let outside = || Error::internal("a chunk is outside its values");
    match values {
        Buffer::Str(texts) if range == (0..texts.len()) => text::encode(texts),
        Buffer::Str(_) => match values.slice(range) {
            Buffer::Str(texts) => text::encode(&texts),
            _ => Err(outside()),
        },
        _ => {
            let size = values.dtype().size();
            let part = values.as_bytes().and_then(|bytes| bytes.get(range.start * size..range.end * size));
            part.map(<[u8]>::to_vec).ok_or_else(outside)
        }
    }
}

impl ArrayWriter for Filler {
    fn append(&mut self, values: Buffer) -> Result<()> {
        let all = 0..values.len();
        self.append_part(&Arc::new(values), all)
    }

    fn append_part(&mut self, values: &Arc<Buffer>, part: Range<usize>) -> Result<()> {
        self.take(values, part).map_err(|error| error.at(self.channel.path()))
    }

    fn skip(&mut self, values: u64) -> Result<()> {
        self.pass_over(values).map_err(|error| error.at(self.channel.path()))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.end().map_err(|error| error.at(self.channel.path()))
    }
}
