//! Arrays of format 3: `zarr.json`.

use serde_json::Value;

use super::codec::{Codec, Codecs};
use super::element::{Element, by_name};
use super::fill;
use super::meta::{Keys, Meta, Sharding, extents};
use crate::{Error, Result};

/// Most fields of a record.
const MOST_FIELDS: usize = 4096;

/// What a chain of codecs says.
#[derive(Default)]
struct Chain {
    big: bool,
    text: bool,
    order: Option<Vec<usize>>,
    codecs: Vec<Codec>,
    /// Settings of sharding, if that is the codec from array to bytes.
    sharding: Option<Value>,
}

/// Reads the `zarr.json` of an array.
pub(super) fn parse(value: &Value) -> Result<Meta> {
    let shape = extents(value.get("shape"), "shape")?;
    let (grid, settings) = named(value.get("chunk_grid"), "chunk_grid")?;
    if grid != "regular" {
        return Err(Error::unsupported(format!("chunk grid '{grid}' is not known")));
    }
    let outer = extents(settings.get("chunk_shape"), "chunk_shape")?;
    if value.get("storage_transformers").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        return Err(Error::unsupported("storage transformers are not known"));
    }
    let mut chain = chain(value.get("codecs"))?;
    let (mut chunk, mut shard) = (outer.clone(), None);
    if let Some(settings) = chain.sharding.take() {
        if chain.order.is_some() || !chain.codecs.is_empty() {
            return Err(Error::unsupported("codecs around shards are not known"));
        }
        chunk = extents(settings.get("chunk_shape"), "chunk_shape")?;
        shard = Some(sharding(outer, &settings)?);
        chain = self::chain(settings.get("codecs"))?;
        if chain.sharding.is_some() {
            return Err(Error::unsupported("shards inside of shards are not known"));
        }
    }
    let data_type = value.get("data_type").ok_or_else(|| Error::invalid("'data_type' is missing"))?;
    let element = element(data_type, chain.big)?;
    if (element == Element::Text) != chain.text && !matches!(element, Element::Other(_)) {
        return Err(Error::invalid(format!("codecs do not fit data type {data_type}")));
    }
    let keys = keys(value)?;
    let fill = fill::read(value.get("fill_value"), &element)?;
    Meta { shape, chunk, shard, element, fill, codecs: Codecs(chain.codecs), order: chain.order, keys }.check()
}

/// The name and the settings of an extension point.
fn named<'a>(value: Option<&'a Value>, what: &str) -> Result<(&'a str, &'a Value)> {
    const NOTHING: &Value = &Value::Null;
    match value {
        Some(Value::String(name)) => Ok((name, NOTHING)),
        Some(value) => match value.get("name").and_then(Value::as_str) {
            Some(name) => Ok((name, value.get("configuration").unwrap_or(NOTHING))),
            None => Err(Error::invalid(format!("'{what}' has no name"))),
        },
        None => Err(Error::invalid(format!("'{what}' is missing"))),
    }
}

fn chain(value: Option<&Value>) -> Result<Chain> {
    let list = value.and_then(Value::as_array).ok_or_else(|| Error::invalid("'codecs' is not a list"))?;
    let mut chain = Chain::default();
    let mut to_bytes = false;
    for codec in list {
        let (name, settings) = named(Some(codec), "codecs")?;
        match name {
            "transpose" if !to_bytes && chain.order.is_none() => {
                let order = extents(settings.get("order"), "order")?;
                let order: Option<Vec<usize>> = order.into_iter().map(|i| usize::try_from(i).ok()).collect();
                chain.order = Some(order.ok_or_else(|| Error::invalid("'order' is impossible"))?);
            }
            "bytes" if !to_bytes => {
                chain.big = settings.get("endian").is_some_and(|endian| endian == "big");
                to_bytes = true;
            }
            "vlen-utf8" if !to_bytes => (chain.text, to_bytes) = (true, true),
            "sharding_indexed" if !to_bytes => (chain.sharding, to_bytes) = (Some(settings.clone()), true),
            _ if to_bytes => chain.codecs.push(Codec::named(name, settings)),
            _ => return Err(Error::unsupported(format!("codec '{name}' is not available"))),
        }
    }
    if to_bytes { Ok(chain) } else { Err(Error::invalid("no codec turns values into bytes")) }
}

fn sharding(shape: Vec<u64>, settings: &Value) -> Result<Sharding> {
    let at_end = match settings.get("index_location").map(|place| place.as_str()) {
        None | Some(Some("end")) => true,
        Some(Some("start")) => false,
        _ => return Err(Error::invalid("'index_location' is neither start nor end")),
    };
    let chain = match settings.get("index_codecs") {
        None => return Err(Error::invalid("'index_codecs' is missing")),
        value => chain(value)?,
    };
    let checksum = match chain.codecs.as_slice() {
        [] => false,
        [Codec::Crc32c] => true,
        _ => return Err(Error::unsupported("the index of shards is compressed")),
    };
    if chain.big || chain.text || chain.order.is_some() || chain.sharding.is_some() {
        return Err(Error::unsupported("the index of shards is not little-endian"));
    }
    Ok(Sharding { shape, at_end, checksum })
}

fn keys(value: &Value) -> Result<Keys> {
    let (name, settings) = named(value.get("chunk_key_encoding"), "chunk_key_encoding")?;
    match name {
        "default" => Ok(Keys { prefix: true, separator: Keys::separator(settings.get("separator"), '/')? }),
        "v2" => Ok(Keys { prefix: false, separator: Keys::separator(settings.get("separator"), '.')? }),
        other => Err(Error::unsupported(format!("chunk keys of encoding '{other}' are not known"))),
    }
}

fn element(value: &Value, big: bool) -> Result<Element> {
    let (name, settings) = named(Some(value), "data_type")?;
    let length = |divisor: u64| {
        let bytes = settings.get("length_bytes").and_then(Value::as_u64).filter(|bytes| bytes % divisor == 0);
        let length = bytes.and_then(|bytes| usize::try_from(bytes / divisor).ok());
        length.ok_or_else(|| Error::invalid(format!("'length_bytes' of {name} is impossible")))
    };
    if let Some(dtype) = by_name(name) {
        return Ok(Element::number(dtype, big));
    }
    match name {
        "string" => Ok(Element::Text),
        "fixed_length_utf32" => Element::fixed(true, length(4)?, big),
        "null_terminated_bytes" => Element::fixed(false, length(1)?, big),
        "structured" | "struct" => {
            let fields = settings.get("fields").and_then(Value::as_array).filter(|fields| fields.len() <= MOST_FIELDS);
            let wrong = || Error::invalid("'fields' is not a list of fields");
            let mut members = vec![];
            for field in fields.ok_or_else(wrong)? {
                let (name, inner) = match field {
                    Value::Array(pair) if pair.len() == 2 => (&pair[0], &pair[1]),
                    Value::Object(pair) => {
                        (pair.get("name").ok_or_else(wrong)?, pair.get("data_type").ok_or_else(wrong)?)
                    }
                    _ => return Err(wrong()),
                };
                let inner = match self::element(inner, big)? {
                    Element::Record { .. } => Element::Other("nested records".into()),
                    inner => inner,
                };
                members.push((name.as_str().ok_or_else(wrong)?.to_owned(), vec![], inner));
            }
            Element::record(members)
        }
        other => Ok(Element::Other(format!("zarr's '{other}'"))),
    }
}
