//! One column, in whichever encoding it stands.

use annstream_store::{Error, Result, StoreWriter};

use super::{WriteOptions, array, categorical, nullable, read_at};
use crate::anndata::ReadContext;
use crate::element::Element;
use crate::table::Column;

/// Reads a node that must be a column: one dimension of values, masked values or codes.
pub(crate) fn read(context: &ReadContext, path: &str) -> Result<Column> {
    match read_at(context, path)? {
        Element::Array(array) if array.shape.len() == 1 => Ok(Column::Plain(array.values)),
        Element::Column(column) => Ok(column),
        Element::Array(array) => {
            Err(Error::invalid(format!("has {} dimensions, 1 expected", array.shape.len())).at(path))
        }
        Element::Opaque(opaque) => {
            Err(Error::unsupported(format!("columns of encoding '{}' are not known", opaque.encoding)).at(path))
        }
        other => Err(Error::invalid(format!("is a {}, which cannot be a column", other.kind())).at(path)),
    }
}

/// Writes a column in its encoding.
pub(crate) fn write(writer: &dyn StoreWriter, path: &str, column: &Column, options: &WriteOptions) -> Result<()> {
    match column {
        Column::Plain(values) => array::write_vector(writer, path, values, options),
        Column::Nullable { values, missing, na } => nullable::write(writer, path, (values, missing, *na), options),
        Column::Categorical { codes, categories, ordered } => {
            categorical::write(writer, path, (codes, categories, *ordered), options)
        }
    }
    .map_err(|error| error.at(path))
}
