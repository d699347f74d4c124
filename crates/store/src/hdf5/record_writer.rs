//! Arrays of records (or of nothing) being filled, field by field.
//!
//! The library would decode and encode every chunk again for each field. Compressed records are therefore put together in
//! memory and written once, at the end.
#![expect(unsafe_code, reason = "hands memory to libhdf5")]

use std::ffi::c_void;
use std::sync::Arc;

use super::create::Dataset;
use super::ffi::Id;
use super::types;
use super::values::CTexts;
use super::writer::Shared;
use crate::grid::count;
use crate::{ArraySpec, ArrayWriter, Buffer, Compression, Error, Field, Result};

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
    /// All records, where they are written at once.
    whole: Option<Whole>,
}

/// Records as they are in memory.
struct Whole {
    /// The type of one.
    record: Id,
    /// The bytes of one.
    size: usize,
    /// Where each field starts in it.
    offsets: Vec<usize>,
    /// All of them, one after the other.
    bytes: Vec<u8>,
    /// What the pointers among them point to.
    texts: Vec<Vec<u8>>,
}

impl Whole {
    fn new(fields: &[Field], records: u64) -> Result<Self> {
        let (record, size) = record_type(fields)?;
        let mut offsets = Vec::with_capacity(fields.len());
        let mut end = 0;
        for field in fields {
            offsets.push(end);
            end += types::size(&types::array_of(types::create(field.dtype)?, &field.shape)?)?;
        }
        let records = usize::try_from(records).ok().and_then(|records| records.checked_mul(size));
        let total = records.ok_or_else(|| Error::internal("records exceed memory"))?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(total).map_err(|_| {
            Error::new(crate::ErrorKind::Memory, format!("{total} bytes of records do not fit in memory"))
        })?;
        bytes.resize(total, 0);
        Ok(Self { record, size, offsets, bytes, texts: vec![] })
    }

    /// Puts the values of a field into all records.
    fn put(&mut self, index: usize, values: &Buffer, texts: Option<CTexts>) {
        let records = self.bytes.chunks_exact_mut(self.size);
        let offset = self.offsets[index];
        if let Some(texts) = texts {
            for (i, record) in records.enumerate() {
                let pointer = texts.pointer(i);
                record[offset..offset + pointer.len()].copy_from_slice(&pointer);
            }
            self.texts.push(texts.into_arena());
        } else if let Some(bytes) = values.as_bytes() {
            let width = bytes.len() / records.len().max(1);
            for (record, value) in records.zip(bytes.chunks_exact(width.max(1))) {
                record[offset..offset + width].copy_from_slice(value);
            }
        }
    }
}

impl RecordWriter {
    pub(super) fn new(
        shared: Arc<Shared>,
        dataset: Arc<Dataset>,
        fields: Vec<Field>,
        spec: &ArraySpec,
    ) -> Result<Self> {
        let growable = spec.growable && !spec.shape.is_empty();
        let whole = match dataset.compression {
            Compression::None => None,
            _ if fields.is_empty() => None,
            _ => Some(Whole::new(&fields, count(&spec.shape)?)?),
        };
        let fields = fields.into_iter().map(|field| (field, false)).collect();
        Ok(Self { shared, dataset, fields, shape: spec.shape.clone(), growable, whole })
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
        if let Some(whole) = &mut self.whole {
            let texts = values.as_strings().map(|texts| CTexts::new(texts.iter())).transpose()?;
            whole.put(index, values, texts);
            *written = true;
            return Ok(());
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
            if let Some(whole) = self.whole.as_ref().filter(|whole| !whole.bytes.is_empty()) {
                state.queue.drain()?;
                if self.growable {
                    self.dataset.reach(self.shape[0])?;
                }
                let pointer = whole.bytes.as_ptr().cast::<c_void>();
                // SAFETY: as many records as the dataset has; the texts that they point to live as long.
                unsafe { self.dataset.write(&whole.record, None, pointer)? };
            }
            state.open.retain(|path| *path != self.dataset.path);
            Ok(())
        })
    }
}
