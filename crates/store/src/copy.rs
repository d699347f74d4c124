//! Copying a subtree verbatim, whatever it means.

use crate::{ArraySpec, Error};
use crate::{ArrayType, Buffer, DType, NodeKind, Region, Result, Store, StoreWriter};

/// Values copied at a time.
const PIECE: u64 = 1 << 20;

/// Copies the node at `from` of one store, with everything below it, to `to` of another: groups, attributes, arrays
/// with their types, chunk shapes and compression. Reads every array once; holds at most a few megabytes.
///
/// # Errors
/// If a node cannot be read or written; an array of an unknown type is `Unsupported`.
pub fn copy_tree(source: &dyn Store, from: &str, target: &dyn StoreWriter, to: &str) -> Result<()> {
    copy_node(source, from, target, to, 0).map_err(|error| error.in_file(source.location()).at(from))
}

fn copy_node(source: &dyn Store, from: &str, target: &dyn StoreWriter, to: &str, depth: usize) -> Result<()> {
    if depth > 64 {
        return Err(Error::invalid("groups are nested more than 64 deep").at(from));
    }
    match source.node(from)? {
        Some(NodeKind::Group) => {
            target.group(to)?;
            for name in source.children(from)? {
                copy_node(source, &join(from, &name), target, &join(to, &name), depth + 1)?;
            }
        }
        Some(NodeKind::Array) => copy_array(source, from, target, to)?,
        None => return Err(Error::not_found("nothing stands there").at(from)),
    }
    for (name, value) in source.attrs(from)? {
        target.attr(to, &name, &value)?;
    }
    Ok(())
}

fn copy_array(source: &dyn Store, from: &str, target: &dyn StoreWriter, to: &str) -> Result<()> {
    let reader = source.array(from)?;
    let info = reader.info();
    let spec = ArraySpec {
        dtype: info.dtype.clone(),
        shape: info.shape.clone(),
        growable: false,
        chunk: info.chunk.clone(),
        compression: info.compression,
    };
    if let ArrayType::Opaque(what) = &info.dtype {
        return Err(Error::unsupported(format!("arrays of {what} cannot be copied")).at(from));
    }
    let mut writer = target.array(to, &spec)?;
    let mut values = Buffer::empty(DType::U8);
    match &info.dtype {
        ArrayType::Records(fields) => {
            for field in 0..fields.len() {
                reader.read_field(field, &mut values)?;
                writer.write_field(field, &values)?;
            }
        }
        ArrayType::Plain(dtype) if info.shape.is_empty() => {
            values.reset(*dtype);
            reader.read(&Region::all(&[]), &mut values)?;
            writer.append(values)?;
        }
        ArrayType::Plain(_) if !info.is_empty() => {
            let row: u64 = info.shape[1..].iter().product();
            let step = (PIECE / row.max(1)).max(1);
            let mut start = 0;
            while start < info.shape[0] {
                let stop = (start + step).min(info.shape[0]);
                reader.read(&Region::rows(&info.shape, start..stop), &mut values)?;
                writer.append(std::mem::replace(&mut values, Buffer::empty(DType::U8)))?;
                start = stop;
            }
        }
        _ => {}
    }
    writer.finish()
}

pub(crate) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}
