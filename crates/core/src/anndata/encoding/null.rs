//! `null`: no value.

use annstream_store::{ArraySpec, ArrayType, DType, Result, StoreWriter};

use super::tag;

/// Writes the absence of a value.
pub(crate) fn write(writer: &dyn StoreWriter, path: &str) -> Result<()> {
    let spec = ArraySpec { dtype: ArrayType::Null, ..ArraySpec::new(DType::F32, vec![]) };
    writer.array(path, &spec)?.finish()?;
    tag(writer, path, "null", "0.1.0")
}
