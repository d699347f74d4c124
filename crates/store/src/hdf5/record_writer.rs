//! Arrays of records (or of nothing) being filled, field by field.
#![expect(unsafe_code, reason = "hands memory to libhdf5")]

use std::ffi::c_void;
use std::sync::Arc;

use super::create::Dataset;
use super::ffi::Id;
use super::types;
use super::values::CTexts;
use super::writer::Shared;
use crate::grid::count;
use crate::{ArraySpec, ArrayWriter, Buffer, Error, Field, Result};

/// The packed compound of some fields, and its size.
pub(super) fn record_type(fields: &[Field]) -> Result<(Id, usize)> {
    let mut members = Vec::with_capacity(fields.len());
    let mut size = 0_usize;
    for field in fields {
        let member = types::array_of(types::create(field.dtype)?, &field.shape)?;
        let offset = size;
        size = size.saturating_add(types::size(&member)?);
        members.push((field.name.as_str(), offset, member));
    }
    let members: Vec<(&str, usize, &Id)> = members.iter().map(|(name, at, id)| (*name, *at, id)).collect();
    Ok((types::record(size, &members)?, size))
}

/// An array of records (or of nothing) being filled.
pub(super) struct RecordWriter {
    shared: Arc<Shared>,
    dataset: Arc<Dataset>,
    /// The fields, and whether they were written.
    fields: Vec<(Field, bool)>,
    shape: Vec<u64>,
    growable: bool,
}

impl RecordWriter {
    pub(super) fn new(shared: Arc<Shared>, dataset: Arc<Dataset>, fields: Vec<Field>, spec: &ArraySpec) -> Self {
        let fields = fields.into_iter().map(|field| (field, false)).collect();
        let growable = spec.growable && !spec.shape.is_empty();
        Self { shared, dataset, fields, shape: spec.shape.clone(), growable }
    }

    fn write(&mut self, index: usize, values: &Buffer) -> Result<()> {
        let records = count(&self.shape)?;
        let (field, written) =
            self.fields.get_mut(index).ok_or_else(|| Error::internal(format!("no field {index}")))?;
        if values.dtype() != field.dtype {
            return Err(Error::internal(format!("{} values for a {} field", values.dtype(), field.dtype)));
        }
        let expected = records.saturating_mul(count(&field.shape)?);
        if values.len() as u64 != expected {
            return Err(Error::internal(format!("{} values given, {expected} expected", values.len())));
        }
        let member = types::array_of(types::create(field.dtype)?, &field.shape)?;
        let memory = types::record(types::size(&member)?, &[(&field.name, 0, &member)])?;
        let texts = values.as_strings().map(|texts| CTexts::new(texts.iter())).transpose()?;
        let pointer = match (&texts, values.as_bytes()) {
            (Some(texts), _) => texts.as_ptr(),
            (None, Some(bytes)) => bytes.as_ptr().cast::<c_void>(),
            (None, None) => return Err(Error::internal("field without values")),
        };
        *written = true;
        self.shared.step(|state| {
            state.queue.drain()?;
            if self.growable {
                self.dataset.reach(self.shape[0])?;
            }
            if expected == 0 {
                return Ok(());
            }
            // SAFETY: one value of `memory`, which is the field alone, for every record.
            unsafe { self.dataset.write(&memory, None, pointer) }
        })
    }
}

impl ArrayWriter for RecordWriter {
    fn append(&mut self, values: Buffer) -> Result<()> {
        if values.is_empty() && self.fields.is_empty() {
            return Ok(());
        }
        Err(Error::internal("records are written field by field").at(&self.dataset.path))
    }

    fn write_field(&mut self, field: usize, values: &Buffer) -> Result<()> {
        self.write(field, values).map_err(|error| error.at(&self.dataset.path))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        if let Some((field, _)) = self.fields.iter().find(|(_, written)| !written) {
            let message = format!("field '{}' was not written", field.name);
            return Err(Error::internal(message).at(&self.dataset.path));
        }
        self.shared.step(|state| {
            state.open.retain(|path| *path != self.dataset.path);
            Ok(())
        })
    }
}
