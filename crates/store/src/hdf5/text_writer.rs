//! Arrays of text being filled.
#![expect(unsafe_code, reason = "hands memory to libhdf5")]

use std::sync::Arc;

use super::array_writer::chunk_shape;
use super::create::Dataset;
use super::ffi::Id;
use super::values::CTexts;
use super::writer::Shared;
use crate::grid::count;
use crate::{ArraySpec, ArrayWriter, Buffer, Error, Region, Result, Strings};

/// Texts written at a time, at least.
const BATCH: u64 = 1 << 14;

/// An array of text being filled, in batches of whole rows.
pub(super) struct TextWriter {
    shared: Arc<Shared>,
    dataset: Arc<Dataset>,
    datatype: Id,
    growable: bool,
    shape: Vec<u64>,
    /// Texts in a row.
    row: u64,
    /// Rows written at a time: whole chunks, so that none is compressed twice.
    batch: u64,
    /// Rows written.
    rows: u64,
    pending: Strings,
}

impl TextWriter {
    pub(super) fn new(shared: Arc<Shared>, dataset: Arc<Dataset>, datatype: Id, spec: &ArraySpec) -> Self {
        let row = spec.shape.iter().skip(1).product::<u64>();
        let chunk = chunk_shape(spec, dataset.size).and_then(|chunk| chunk.first().copied()).unwrap_or(1);
        let batch = (BATCH / row.max(1)).max(1).div_ceil(chunk) * chunk;
        let growable = spec.growable && !spec.shape.is_empty();
        let shape = spec.shape.clone();
        Self { shared, dataset, datatype, growable, shape, row, batch, rows: 0, pending: Strings::new() }
    }

    /// Writes the first `rows` of the texts that wait.
    fn flush(&mut self, rows: u64) -> Result<()> {
        let length = usize::try_from(rows * self.row).map_err(|_| Error::internal("huge row"))?;
        if length == 0 {
            return Ok(());
        }
        let texts = CTexts::new(self.pending.iter().take(length))?;
        let end = self.rows + rows;
        self.shared.step(|state| {
            state.queue.drain()?;
            self.dataset.reach(end)?;
            let region = (!self.shape.is_empty()).then(|| Region::rows(&self.shape, self.rows..end));
            // SAFETY: one pointer to a null-terminated text for every value of these rows.
            unsafe { self.dataset.write(&self.datatype, region.as_ref(), texts.as_ptr()) }
        })?;
        self.rows = end;
        let mut rest = Strings::new();
        rest.extend_from(&self.pending, length..self.pending.len());
        self.pending = rest;
        Ok(())
    }

    fn take(&mut self, values: &Strings) -> Result<()> {
        let room = usize::try_from(self.batch.saturating_mul(self.row)).unwrap_or(usize::MAX).max(1);
        let mut start = 0;
        while start < values.len() {
            let stop = values.len().min(start + room - self.pending.len());
            self.pending.extend_from(values, start..stop);
            start = stop;
            if !self.growable && self.rows * self.row + self.pending.len() as u64 > count(&self.shape)? {
                return Err(Error::internal(format!("more texts than shape {:?} holds", self.shape)));
            }
            if self.pending.len() == room {
                self.flush(self.batch)?;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let waiting = self.pending.len() as u64;
        if self.row > 0 && !waiting.is_multiple_of(self.row) {
            return Err(Error::internal("the last row is incomplete"));
        }
        self.flush(waiting.checked_div(self.row).unwrap_or(0))?;
        if !self.growable && self.rows * self.row != count(&self.shape)? {
            let expected = count(&self.shape)?;
            return Err(Error::internal(format!("{} texts written, {expected} expected", self.rows * self.row)));
        }
        let rows = if self.row == 0 { self.shape.first().copied().unwrap_or(0) } else { self.rows };
        self.shared.step(|state| {
            self.dataset.reach(rows)?;
            state.open.retain(|path| *path != self.dataset.path);
            Ok(())
        })
    }
}

impl ArrayWriter for TextWriter {
    fn append(&mut self, values: Buffer) -> Result<()> {
        let Buffer::Str(texts) = &values else {
            let message = format!("{} values for a text array", values.dtype());
            return Err(Error::internal(message).at(&self.dataset.path));
        };
        self.take(texts).map_err(|error| error.at(&self.dataset.path))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.end().map_err(|error| error.at(&self.dataset.path))
    }
}
