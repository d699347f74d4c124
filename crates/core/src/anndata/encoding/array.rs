//! `array` and `string-array`: dense values of any rank. One without dimensions is a scalar.

use annstream_store::{ArrayType, Buffer, Result, StoreWriter};

use super::{WriteOptions, scalar, tag, values};
use crate::anndata::ReadContext;
use crate::element::{DenseArray, Element, OpaqueElement};

/// Reads a dense array, or a scalar where there are no dimensions.
pub(crate) fn read(context: &ReadContext, path: &str) -> Result<Element> {
    match values::info(context, path)?.dtype {
        ArrayType::Null => return Ok(Element::Null),
        ArrayType::Records(_) => return super::records::read(context, path).map(Element::Records),
        ArrayType::Opaque(what) => {
            context.warnings.push(format!("{path}: values of type {what} are not known; they are left aside"));
            return Ok(Element::Opaque(OpaqueElement { encoding: what, path: path.to_owned(), origin: 0 }));
        }
        ArrayType::Plain(_) => {}
    }
    let (shape, values) = values::read_array(context, path)?;
    Ok(if shape.is_empty() { Element::Scalar(values) } else { Element::Array(DenseArray { shape, values }) })
}

/// Writes a dense array.
pub(crate) fn write(writer: &dyn StoreWriter, path: &str, array: &DenseArray, options: &WriteOptions) -> Result<()> {
    if array.shape.is_empty() {
        return scalar::write(writer, path, &array.values);
    }
    values::write_array(writer, path, &array.shape, &array.values, options)?;
    tag_values(writer, path, &array.values)
}

/// Writes one dimension of values.
pub(crate) fn write_vector(
    writer: &dyn StoreWriter,
    path: &str,
    vector: &Buffer,
    options: &WriteOptions,
) -> Result<()> {
    values::write_array(writer, path, &[vector.len()], vector, options)?;
    tag_values(writer, path, vector)
}

/// Says whether a plain array is text.
fn tag_values(writer: &dyn StoreWriter, path: &str, values: &Buffer) -> Result<()> {
    tag(writer, path, if values.as_strings().is_some() { "string-array" } else { "array" }, "0.2.0")
}
