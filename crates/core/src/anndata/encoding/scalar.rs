//! `numeric-scalar` and `string`: arrays without dimensions.

use annstream_store::{ArraySpec, Buffer, Error, Result, StoreWriter};

use super::tag;

/// Writes one value.
pub(crate) fn write(writer: &dyn StoreWriter, path: &str, value: &Buffer) -> Result<()> {
    if value.len() != 1 {
        return Err(Error::internal(format!("a scalar of {} values", value.len())));
    }
    let mut array = writer.array(path, &ArraySpec::new(value.dtype(), vec![]))?;
    array.append(value.clone())?;
    array.finish()?;
    tag(writer, path, if value.as_strings().is_some() { "string" } else { "numeric-scalar" }, "0.2.0")
}
