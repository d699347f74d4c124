//! `dict`: names and elements, nested.

use annstream_store::{Error, NodeKind, Result, Store, StoreWriter};

use super::{Encoding, WriteOptions, check_name, read_at, tag, write_element};
use crate::anndata::ReadContext;
use crate::anndata::context::join;
use crate::element::{Dict, Element};

/// Reads a mapping, leaving out the elements whose paths are in `hidden`.
pub(crate) fn read(context: &ReadContext, path: &str, hidden: &[String]) -> Result<Dict> {
    let mut dict = Dict::new();
    for name in context.store.children(path)? {
        let member = join(path, &name);
        if hidden.contains(&member) {
            continue;
        }
        let inside = format!("{member}/");
        let element = if hidden.iter().any(|path| path.starts_with(&inside)) {
            context.visit(&member)?;
            Element::Dict(read(context, &member, hidden)?)
        } else {
            read_at(context, &member)?
        };
        dict.insert(name, element);
    }
    Ok(dict)
}

/// The names in a mapping at the top of a file; none if it is absent or null.
pub(crate) fn names(context: &ReadContext, path: &str) -> Result<Vec<String>> {
    match context.store.node(path)? {
        None => Ok(vec![]),
        Some(NodeKind::Group) => context.store.children(path),
        Some(NodeKind::Array) if Encoding::of(&context.attrs(path)?).is("null", "0.1.0") => Ok(vec![]),
        Some(NodeKind::Array) => Err(Error::invalid("is an array where a mapping is expected").at(path)),
    }
}

/// Writes a mapping.
pub(crate) fn write(
    writer: &dyn StoreWriter,
    path: &str,
    dict: &Dict,
    options: &WriteOptions,
    sources: &[&dyn Store],
) -> Result<()> {
    writer.group(path)?;
    for (name, element) in dict {
        check_name(name)?;
        write_element(writer, &join(path, name), element, options, sources)?;
    }
    tag(writer, path, "dict", "0.1.0")
}
