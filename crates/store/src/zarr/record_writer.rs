//! Arrays of records (or of nothing) being filled, field by field.

use serde_json::{Value, json};

use super::array_writer::Channel;
use super::tree::{Kind, numpy_name};
use crate::grid::count;
use crate::{ArrayWriter, Buffer, DType, Error, Field, Result};

/// Bytes of a chunk of records, roughly.
const CHUNK: usize = 1 << 22;

/// An array of records (or of nothing) being filled. It is held in memory until it ends: the width of its texts must
/// be known first.
pub(super) struct RecordWriter {
    channel: Channel,
    shape: Vec<u64>,
    fields: Vec<(Field, Option<Buffer>)>,
}

impl RecordWriter {
    pub(super) fn new(channel: Channel, fields: &[Field], shape: &[u64]) -> Result<Self> {
        if let Some(field) = fields.iter().find(|field| !field.shape.is_empty()) {
            let message = format!("field '{}' has arrays as values, which zarr-python cannot read", field.name);
            return Err(Error::unsupported(message));
        }
        Ok(Self { channel, shape: shape.to_vec(), fields: fields.iter().map(|field| (field.clone(), None)).collect() })
    }

    fn write(&mut self, index: usize, values: &Buffer) -> Result<()> {
        let expected = count(&self.shape)?;
        let (field, place) = self.fields.get_mut(index).ok_or_else(|| Error::internal(format!("no field {index}")))?;
        if values.dtype() != field.dtype {
            return Err(Error::internal(format!("{} values for a {} field", values.dtype(), field.dtype)));
        }
        if values.len() as u64 != expected {
            return Err(Error::internal(format!("{} values given, {expected} expected", values.len())));
        }
        *place = Some(values.clone());
        Ok(())
    }

    fn end(self) -> Result<()> {
        let Self { channel, shape, fields } = self;
        if fields.is_empty() {
            return channel.finish(None);
        }
        let mut columns = Vec::with_capacity(fields.len());
        for (field, values) in fields {
            let missing = || Error::internal(format!("field '{}' was not written", field.name));
            let values = values.ok_or_else(missing)?;
            let width = match &values {
                Buffer::Str(texts) => 4 * texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1),
                other => other.dtype().size(),
            };
            columns.push((field.name, width, values));
        }
        let size: usize = columns.iter().map(|(_, width, _)| width).sum();
        let records = usize::try_from(count(&shape)?).map_err(|_| Error::internal("too many records"))?;
        let row = shape.iter().skip(1).product::<u64>();
        let rows = shape.first().copied().unwrap_or(1);
        let bytes_of_row = usize::try_from(row).unwrap_or(usize::MAX).saturating_mul(size).max(1);
        let per_chunk = ((CHUNK / bytes_of_row) as u64).clamp(1, rows.max(1));
        let mut chunk: Vec<u64> = shape.iter().map(|&extent| extent.max(1)).collect();
        if let Some(first) = chunk.first_mut() {
            *first = per_chunk;
        }
        let described = columns.iter().map(|(name, width, values)| (name.as_str(), *width, values.dtype()));
        let kind = described_kind(described, size);
        let (path, compression) = (channel.path().to_owned(), channel.compression);
        channel.shared.step(|state| state.describe(&path, &kind, &shape, &chunk, compression))?;
        let step = usize::try_from(per_chunk * row).map_err(|_| Error::internal("huge chunk"))?;
        for (number, start) in (0..records).step_by(step.max(1)).enumerate() {
            let mut bytes = vec![0; step * size];
            let mut offset = 0;
            for (_, width, values) in &columns {
                for i in start..(start + step).min(records) {
                    let target = &mut bytes[(i - start) * size + offset..][..*width];
                    put(values, i, target);
                }
                offset += width;
            }
            let mut place = vec![0; shape.len()];
            if let Some(first) = place.first_mut() {
                *first = number as u64;
            }
            channel.push(place, None, move || Ok(bytes))?;
        }
        channel.finish(None)
    }
}

/// The type of records, in both formats.
fn described_kind<'a>(fields: impl Iterator<Item = (&'a str, usize, DType)>, size: usize) -> Kind {
    let (mut two, mut three): (Vec<Value>, Vec<Value>) = (vec![], vec![]);
    for (name, width, dtype) in fields {
        if dtype == DType::Str {
            two.push(json!([name, format!("<U{}", width / 4)]));
            three.push(json!([name, {"name": "fixed_length_utf32", "configuration": {"length_bytes": width}}]));
        } else {
            two.push(json!([name, numpy_name(dtype)]));
            three.push(json!([name, dtype.name()]));
        }
    }
    Kind::Records { two: Value::Array(two), three: Value::Array(three), size }
}

/// Stores one value in its place.
fn put(values: &Buffer, i: usize, target: &mut [u8]) {
    if let Buffer::Str(texts) = values {
        for (unit, c) in target.as_chunks_mut::<4>().0.iter_mut().zip(texts.get(i).chars()) {
            *unit = u32::from(c).to_le_bytes();
        }
    } else if let Some(value) = values.as_bytes().and_then(|bytes| bytes.get(i * target.len()..(i + 1) * target.len()))
    {
        target.copy_from_slice(value);
    }
}

impl ArrayWriter for RecordWriter {
    fn append(&mut self, values: Buffer) -> Result<()> {
        if values.is_empty() && self.fields.is_empty() {
            return Ok(());
        }
        Err(Error::internal("records are written field by field").at(self.channel.path()))
    }

    fn write_field(&mut self, field: usize, values: &Buffer) -> Result<()> {
        self.write(field, values).map_err(|error| error.at(self.channel.path()))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let path = self.channel.path().to_owned();
        self.end().map_err(|error| error.at(path))
    }
}
