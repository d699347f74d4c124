//! `rec-array`: structured arrays, field by field.

use annstream_store::{ArraySpec, ArrayType, Error, Result, StoreWriter};

use super::{WriteOptions, tag, values};
use crate::anndata::ReadContext;
use crate::element::RecordArray;

/// Reads all fields of a structured array.
pub(crate) fn read(context: &ReadContext, path: &str) -> Result<RecordArray> {
    let info = values::info(context, path)?;
    let shape = values::shape_of(&info)?;
    let ArrayType::Records(fields) = info.dtype else {
        return Err(Error::invalid(format!("holds {} where records are expected", info.dtype)));
    };
    let values = values::read_fields(context, path, None)?;
    Ok(RecordArray { shape, fields, values })
}

/// Writes a structured array.
pub(crate) fn write(writer: &dyn StoreWriter, path: &str, records: &RecordArray, options: &WriteOptions) -> Result<()> {
    if records.fields.len() != records.values.len() {
        return Err(Error::internal(format!(
            "{} columns of values for {} fields",
            records.values.len(),
            records.fields.len()
        )));
    }
    let shape = records.shape.iter().map(|&extent| extent as u64).collect();
    let spec = ArraySpec::records(records.fields.clone(), shape).compression(options.compression);
    let mut array = writer.array(path, &spec)?;
    for (field, values) in records.values.iter().enumerate() {
        array.write_field(field, values)?;
    }
    array.finish()?;
    tag(writer, path, "rec-array", "0.2.0")
}
