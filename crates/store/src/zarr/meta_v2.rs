//! Arrays of format 2: `.zarray`.

use serde_json::Value;

use super::codec::{Codec, Codecs};
use super::element::Element;
use super::fill;
use super::meta::{Keys, Meta, extents};
use crate::{DType, Error, Result};

/// Most fields of a record.
const MOST_FIELDS: usize = 4096;

/// Reads `.zarray`.
pub(super) fn parse(value: &Value) -> Result<Meta> {
    if value.get("zarr_format").and_then(Value::as_u64) != Some(2) {
        return Err(Error::invalid("'zarr_format' of .zarray is not 2"));
    }
    let shape = extents(value.get("shape"), "shape")?;
    let mut codecs = vec![];
    let mut text = false;
    let filters = value.get("filters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (place, filter) in filters.iter().enumerate() {
        match filter.get("id").and_then(Value::as_str) {
            Some("vlen-utf8") if place == 0 => text = true,
            Some(name) => codecs.push(Codec::named(name, filter)),
            None => return Err(Error::invalid("a filter has no id")),
        }
    }
    match value.get("compressor") {
        None | Some(Value::Null) => {}
        Some(compressor) => match compressor.get("id").and_then(Value::as_str) {
            Some(name) => codecs.push(Codec::named(name, compressor)),
            None => return Err(Error::invalid("the compressor has no id")),
        },
    }
    let dtype = value.get("dtype").ok_or_else(|| Error::invalid("'dtype' is missing"))?;
    let element = element(dtype, text)?;
    let order = match value.get("order").and_then(Value::as_str) {
        Some("F") if shape.len() > 1 => Some((0..shape.len()).rev().collect()),
        Some("C" | "F") | None => None,
        Some(other) => return Err(Error::invalid(format!("order '{other}' is neither C nor F"))),
    };
    let fill = fill::read(value.get("fill_value"), &element)?;
    let meta = Meta {
        shape,
        chunk: extents(value.get("chunks"), "chunks")?,
        shard: None,
        element,
        fill,
        codecs: Codecs(codecs),
        order,
        keys: Keys { prefix: false, separator: Keys::separator(value.get("dimension_separator"), '.')? },
    };
    meta.check()
}

fn element(dtype: &Value, text: bool) -> Result<Element> {
    match dtype {
        Value::String(name) if name == "|O" && text => Ok(Element::Text),
        Value::String(name) if name == "|O" => Ok(Element::Other("Python objects".into())),
        Value::String(name) => simple(name),
        Value::Array(fields) if fields.len() <= MOST_FIELDS => {
            let wrong = || Error::invalid(format!("dtype {dtype} is not a list of fields"));
            let mut members = Vec::with_capacity(fields.len());
            for field in fields {
                let (name, inner, shape) = match field.as_array().map(Vec::as_slice) {
                    Some([name, inner]) => (name, inner, vec![]),
                    Some([name, inner, shape]) => (name, inner, extents(Some(shape), "dtype")?),
                    _ => return Err(wrong()),
                };
                let name = name.as_str().ok_or_else(wrong)?.to_owned();
                let inner = match inner.as_str() {
                    Some(inner) => simple(inner)?,
                    None => Element::Other("nested records".into()),
                };
                members.push((name, shape, inner));
            }
            Element::record(members)
        }
        other => Err(Error::invalid(format!("dtype {other} is not known"))),
    }
}

/// A type as numpy writes it: order of bytes, kind, size.
fn simple(name: &str) -> Result<Element> {
    let wrong = || Error::invalid(format!("dtype '{name}' is not known"));
    let big = name.starts_with('>');
    let rest = name.strip_prefix(['<', '>', '|', '=']).unwrap_or(name);
    let kind = rest.chars().next().ok_or_else(wrong)?;
    let size = rest.get(kind.len_utf8()..).ok_or_else(wrong)?;
    if matches!(kind, 'M' | 'm' | 'V' | 'O') {
        return Ok(Element::Other(match kind {
            'M' => "dates".into(),
            'm' => "durations".into(),
            'V' => "raw bytes".into(),
            _ => "Python objects".into(),
        }));
    }
    let size: usize = size.parse().map_err(|_| wrong())?;
    let dtype = match (kind, size) {
        ('b', 1) => DType::Bool,
        ('i', 1) => DType::I8,
        ('i', 2) => DType::I16,
        ('i', 4) => DType::I32,
        ('i', 8) => DType::I64,
        ('u', 1) => DType::U8,
        ('u', 2) => DType::U16,
        ('u', 4) => DType::U32,
        ('u', 8) => DType::U64,
        ('f', 2) => DType::F16,
        ('f', 4) => DType::F32,
        ('f', 8) => DType::F64,
        ('c', 8) => DType::C64,
        ('c', 16) => DType::C128,
        ('U', _) => return Element::fixed(true, size, big),
        ('S', _) => return Element::fixed(false, size, big),
        _ => return Ok(Element::Other(format!("numpy's '{name}'"))),
    };
    Ok(Element::number(dtype, big))
}
