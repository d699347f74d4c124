//! `awkward-array`: a form as JSON, a length, and the buffers that the form names.

use annstream_store::{AttrValue, Attrs, Error, NodeKind, Result, StoreWriter};
use indexmap::IndexMap;

use super::{WriteOptions, array, tag, values};
use crate::anndata::ReadContext;
use crate::anndata::context::join;
use crate::element::{AwkwardArray, DenseArray};

/// Reads an awkward array with all its buffers.
pub(crate) fn read(context: &ReadContext, path: &str, attrs: &Attrs) -> Result<AwkwardArray> {
    let form = attrs
        .get("form")
        .and_then(AttrValue::as_str)
        .ok_or_else(|| Error::invalid("has no attribute 'form' of text"))?
        .to_owned();
    let length = length(attrs)?;
    let mut buffers = IndexMap::new();
    for name in context.store.children(path)? {
        let member = join(path, &name);
        context.visit(&member)?;
        if context.require(&member)? != NodeKind::Array {
            return Err(Error::invalid("is a group where a buffer is expected").at(member));
        }
        let (shape, values) = values::read_array(context, &member)?;
        buffers.insert(name, DenseArray { shape, values });
    }
    Ok(AwkwardArray { form, length, buffers })
}

/// The declared number of rows.
pub(crate) fn length(attrs: &Attrs) -> Result<usize> {
    attrs
        .get("length")
        .and_then(AttrValue::as_int)
        .and_then(|length| usize::try_from(length).ok())
        .ok_or_else(|| Error::invalid("has no attribute 'length' of a non-negative number"))
}

/// Writes an awkward array.
pub(crate) fn write(
    writer: &dyn StoreWriter,
    path: &str,
    awkward: &AwkwardArray,
    options: &WriteOptions,
) -> Result<()> {
    writer.group(path)?;
    let length = i64::try_from(awkward.length).map_err(|_| Error::internal("length exceeds 63 bits"))?;
    writer.attr(path, "length", &AttrValue::int(length))?;
    writer.attr(path, "form", &AttrValue::text(&awkward.form))?;
    for (name, buffer) in &awkward.buffers {
        super::check_name(name)?;
        array::write(writer, &join(path, name), buffer, options)?;
    }
    tag(writer, path, "awkward-array", "0.1.0")
}
