//! Whole arrays in and out of memory, with sizes checked before anything is allocated.

use annstream_store::{
    ArrayInfo, ArrayReader, ArraySpec, ArrayType, Buffer, DType, Error, Field, Region, Result, StoreWriter,
};

use super::WriteOptions;
use crate::anndata::ReadContext;

/// An array up to this size in memory is read whatever it occupies on disk.
const ALWAYS_READ: u64 = 256 << 20;

/// Values handed to a writer at a time.
const PIECE: usize = 1 << 20;

/// No codec makes real annotations smaller than this; a file that claims more is damaged or hostile.
const MAX_RATIO: u64 = 10_000;

/// The shape as memory sizes.
pub(crate) fn shape_of(info: &ArrayInfo) -> Result<Vec<usize>> {
    info.shape
        .iter()
        .map(|&extent| usize::try_from(extent).map_err(|_| Error::invalid("an extent exceeds this machine's memory")))
        .collect()
}

/// Checks that the values could be there at all, before memory is set aside for them.
pub(crate) fn check_size(info: &ArrayInfo, value_size: usize) -> Result<()> {
    let too_large = || Error::invalid(format!("shape {:?} exceeds this machine's memory", info.shape));
    let bytes = info
        .shape
        .iter()
        .try_fold(value_size as u64, |product, &extent| product.checked_mul(extent))
        .filter(|&bytes| isize::try_from(bytes).is_ok())
        .ok_or_else(too_large)?;
    if bytes > ALWAYS_READ && bytes / MAX_RATIO > info.stored_bytes {
        let stored = info.stored_bytes;
        return Err(Error::invalid(format!("declares {bytes} bytes of values but stores {stored}"))
            .hint("the file is damaged, or was made to exhaust memory"));
    }
    Ok(())
}

fn field_size(field: &Field) -> usize {
    let values = field
        .shape
        .iter()
        .fold(1, |product: usize, &extent| product.saturating_mul(usize::try_from(extent).unwrap_or(usize::MAX)));
    values.saturating_mul(field.dtype.size())
}

/// All values of a plain array, and its shape.
pub(crate) fn read_array(context: &ReadContext, path: &str) -> Result<(Vec<usize>, Buffer)> {
    context.require(path)?;
    let reader = context.store.array(path).map_err(|error| error.at(path))?;
    read_all(reader.as_ref()).map_err(|error| error.at(path))
}

fn read_all(reader: &dyn ArrayReader) -> Result<(Vec<usize>, Buffer)> {
    let info = reader.info();
    let Some(dtype) = info.dtype.plain() else {
        return Err(Error::invalid(format!("holds {} where plain values are expected", info.dtype)));
    };
    check_size(info, dtype.size())?;
    let shape = shape_of(info)?;
    let mut values = Buffer::empty(dtype);
    reader.read(&Region::all(&info.shape), &mut values)?;
    Ok((shape, values))
}

/// All values of an array that must have one dimension.
pub(crate) fn read_vector(context: &ReadContext, path: &str) -> Result<Buffer> {
    let (shape, values) = read_array(context, path)?;
    if shape.len() == 1 {
        Ok(values)
    } else {
        Err(Error::invalid(format!("has {} dimensions, 1 expected", shape.len())).at(path))
    }
}

/// The fields of a record array, all of them or one.
pub(crate) fn read_fields(context: &ReadContext, path: &str, only: Option<usize>) -> Result<Vec<Buffer>> {
    let reader = context.store.array(path).map_err(|error| error.at(path))?;
    let info = reader.info();
    let ArrayType::Records(fields) = &info.dtype else {
        return Err(Error::invalid(format!("holds {} where records are expected", info.dtype)).at(path));
    };
    let wanted = only.map_or(0..fields.len(), |field| field..field + 1);
    let size = fields[wanted.clone()].iter().map(field_size).fold(0, usize::saturating_add);
    check_size(info, size).map_err(|error| error.at(path))?;
    let mut out = Vec::with_capacity(wanted.len());
    for field in wanted {
        let mut values = Buffer::empty(fields[field].dtype);
        reader.read_field(field, &mut values).map_err(|error| error.at(path))?;
        out.push(values);
    }
    Ok(out)
}

/// What is known of an array without reading it.
pub(crate) fn info(context: &ReadContext, path: &str) -> Result<ArrayInfo> {
    context.require(path)?;
    let reader = context.store.array(path).map_err(|error| error.at(path))?;
    Ok(reader.info().clone())
}

/// The type and length of an array that must be plain and have one dimension.
pub(crate) fn vector_info(context: &ReadContext, path: &str) -> Result<(DType, usize)> {
    let info = info(context, path)?;
    match (info.dtype.plain(), shape_of(&info).map_err(|error| error.at(path))?.as_slice()) {
        (Some(dtype), &[len]) => Ok((dtype, len)),
        (None, _) => Err(Error::invalid(format!("holds {} where plain values are expected", info.dtype)).at(path)),
        (_, shape) => Err(Error::invalid(format!("has {} dimensions, 1 expected", shape.len())).at(path)),
    }
}

/// Writes all values of a plain array.
pub(crate) fn write_array(
    writer: &dyn StoreWriter,
    path: &str,
    shape: &[usize],
    values: &Buffer,
    options: &WriteOptions,
) -> Result<()> {
    let extents = shape.iter().map(|&extent| extent as u64).collect();
    write_spec(writer, path, &ArraySpec::new(values.dtype(), extents).compression(options.compression), values)
}

/// Writes one run of values that readers may extend.
pub(crate) fn write_growable(
    writer: &dyn StoreWriter,
    path: &str,
    values: &Buffer,
    options: &WriteOptions,
) -> Result<()> {
    let spec = ArraySpec::new(values.dtype(), vec![values.len() as u64]).compression(options.compression).growable();
    write_spec(writer, path, &spec, values)
}

fn write_spec(writer: &dyn StoreWriter, path: &str, spec: &ArraySpec, values: &Buffer) -> Result<()> {
    let mut array = writer.array(path, spec)?;
    let mut start = 0;
    while start < values.len() {
        let end = values.len().min(start + PIECE);
        array.append(values.slice(start..end))?;
        start = end;
    }
    array.finish().map_err(|error| error.at(path))
}
