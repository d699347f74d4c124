//! `nullable-integer`, `nullable-boolean`, `nullable-string-array`: values and a mask that is true where one is missing.

use annstream_store::{AttrValue, Attrs, Buffer, DType, Error, Result, StoreWriter};

use super::{WriteOptions, array, tag, values};
use crate::anndata::ReadContext;
use crate::anndata::context::join;
use crate::table::{Column, NaValue};

/// Reads values and mask; what lies under the mask becomes zero, false or empty.
pub(crate) fn read(context: &ReadContext, path: &str, attrs: &Attrs) -> Result<Column> {
    let stored = values::read_vector(context, &join(path, "values"))?;
    let missing = read_mask(context, &join(path, "mask"))?;
    if missing.len() != stored.len() {
        let message = format!("the mask has {} values, {} expected", missing.len(), stored.len());
        return Err(Error::invalid(message).at(path));
    }
    let na = match attrs.get("na-value").and_then(AttrValue::as_str) {
        Some("NaN") => NaValue::NaN,
        _ => NaValue::Na,
    };
    let values = if missing.contains(&true) {
        let positions: Vec<i64> = (0i64..).zip(&missing).map(|(i, &gone)| if gone { -1 } else { i }).collect();
        stored.take(&positions)
    } else {
        stored
    };
    Ok(Column::Nullable { values, missing, na })
}

fn read_mask(context: &ReadContext, path: &str) -> Result<Vec<bool>> {
    match values::read_vector(context, path)? {
        Buffer::Bool(mask) | Buffer::U8(mask) => Ok(mask.into_iter().map(|value| value != 0).collect()),
        other => match other.cast(DType::Bool) {
            Ok(Buffer::Bool(mask)) => Ok(mask.into_iter().map(|value| value != 0).collect()),
            _ => Err(Error::invalid(format!("is of type {}, bool expected", other.dtype())).at(path)),
        },
    }
}

/// Writes values and mask.
pub(crate) fn write(
    writer: &dyn StoreWriter,
    path: &str,
    (values, missing, na): (&Buffer, &[bool], NaValue),
    options: &WriteOptions,
) -> Result<()> {
    if values.len() != missing.len() {
        return Err(Error::internal(format!("a mask of {} for {} values", missing.len(), values.len())));
    }
    let name = match values.dtype() {
        DType::Bool => "nullable-boolean",
        DType::Str => "nullable-string-array",
        dtype if dtype.is_integer() => "nullable-integer",
        dtype => return Err(Error::unsupported(format!("AnnData has no encoding for masked values of {dtype}"))),
    };
    writer.group(path)?;
    array::write_vector(writer, &join(path, "values"), values, options)?;
    let mask = Buffer::Bool(missing.iter().map(|&gone| u8::from(gone)).collect());
    array::write_vector(writer, &join(path, "mask"), &mask, options)?;
    if na == NaValue::NaN && values.dtype() == DType::Str {
        writer.attr(path, "na-value", &AttrValue::text("NaN"))?;
    }
    tag(writer, path, name, "0.1.0")
}
