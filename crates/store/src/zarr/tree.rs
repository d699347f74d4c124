//! The metadata of a store that is being written, as zarr-python writes it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::encode::{codec_v3, compressor_v2};
use super::files::join;
use super::layout::Layout;
use super::output::{create, write_error};
use crate::{Compression, DType, Error, Result, ZarrFormat};

/// What the values of an array are.
pub(super) enum Kind {
    Number(DType),
    Text,
    /// Fields as each format describes them.
    Records {
        two: Value,
        three: Value,
        size: usize,
    },
}

/// A node: the metadata of an array, or a group.
#[derive(Default)]
pub(super) struct Node {
    pub(super) array: Option<Value>,
    pub(super) attrs: Map<String, Value>,
}

/// All nodes by path.
pub(super) type Nodes = BTreeMap<String, Node>;

/// The metadata of an array.
pub(super) fn describe(
    format: ZarrFormat,
    kind: &Kind,
    shape: &[u64],
    layout: &Layout,
    compression: Compression,
) -> Value {
    match format {
        ZarrFormat::V2 => describe_v2(kind, shape, layout, compression),
        ZarrFormat::V3 => describe_v3(kind, shape, layout, compression),
    }
}

fn describe_v2(kind: &Kind, shape: &[u64], layout: &Layout, compression: Compression) -> Value {
    let (dtype, fill, filters, size) = match kind {
        Kind::Number(dtype) => (json!(numpy_name(*dtype)), zero(*dtype), Value::Null, dtype.size()),
        Kind::Text => (json!("|O"), json!(""), json!([{"id": "vlen-utf8"}]), 1),
        Kind::Records { two, size, .. } => (two.clone(), json!(zeros(*size)), Value::Null, 1),
    };
    json!({
        "shape": shape,
        "chunks": layout.chunk,
        "dtype": dtype,
        "fill_value": fill,
        "order": "C",
        "filters": filters,
        "dimension_separator": ".",
        "compressor": compressor_v2(compression, size),
        "zarr_format": 2,
    })
}

fn describe_v3(kind: &Kind, shape: &[u64], layout: &Layout, compression: Compression) -> Value {
    let little = json!({"name": "bytes", "configuration": {"endian": "little"}});
    let (dtype, fill, to_bytes, size) = match kind {
        Kind::Number(dtype) if dtype.size() == 1 => (json!(dtype.name()), zero(*dtype), json!({"name": "bytes"}), 1),
        Kind::Number(dtype) => (json!(dtype.name()), zero(*dtype), little.clone(), dtype.size()),
        Kind::Text => (json!("string"), json!(""), json!({"name": "vlen-utf8", "configuration": {}}), 1),
        Kind::Records { three, size, .. } => {
            let dtype = json!({"name": "structured", "configuration": {"fields": three}});
            (dtype, json!(zeros(*size)), little.clone(), 1)
        }
    };
    let mut codecs = vec![to_bytes];
    codecs.extend(codec_v3(compression, size));
    if layout.shard.is_some() {
        codecs = vec![json!({"name": "sharding_indexed", "configuration": {
            "chunk_shape": layout.chunk,
            "codecs": codecs,
            "index_codecs": [little, {"name": "crc32c"}],
            "index_location": "end",
        }})];
    }
    json!({
        "shape": shape,
        "data_type": dtype,
        "chunk_grid": {"name": "regular",
            "configuration": {"chunk_shape": layout.shard.as_ref().unwrap_or(&layout.chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill,
        "codecs": codecs,
        "attributes": {},
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    })
}

/// numpy's name of a type in memory order of most machines.
pub(super) fn numpy_name(dtype: DType) -> String {
    let kind = match dtype {
        DType::Bool => 'b',
        DType::C64 | DType::C128 => 'c',
        dtype if dtype.is_float() => 'f',
        dtype if dtype.is_signed() => 'i',
        _ => 'u',
    };
    format!("{}{kind}{}", if dtype.size() == 1 { '|' } else { '<' }, dtype.size())
}

fn zero(dtype: DType) -> Value {
    match dtype {
        DType::Bool => json!(false),
        DType::C64 | DType::C128 => json!([0.0, 0.0]),
        dtype if dtype.is_float() => json!(0.0),
        _ => json!(0),
    }
}

/// Base64 of so many zeros.
fn zeros(size: usize) -> String {
    let rest = (3 - size % 3) % 3;
    format!("{}{}", "A".repeat(size.div_ceil(3) * 4 - rest), "=".repeat(rest))
}

/// Writes the metadata of all nodes, the root last.
pub(super) fn write(format: ZarrFormat, folder: &Path, nodes: &Nodes) -> Result<()> {
    match format {
        ZarrFormat::V2 => write_v2(folder, nodes),
        ZarrFormat::V3 => write_v3(folder, nodes),
    }
}

fn write_v2(folder: &Path, nodes: &Nodes) -> Result<()> {
    let mut all = Map::new();
    for (path, node) in nodes.iter().rev() {
        let (name, own) = match &node.array {
            Some(array) => (".zarray", array.clone()),
            None => (".zgroup", json!({"zarr_format": 2})),
        };
        all.insert(join(path, ".zattrs"), Value::Object(node.attrs.clone()));
        all.insert(join(path, name), own);
    }
    let mut keys: Vec<&String> = all.keys().collect();
    keys.sort_unstable();
    keys.iter().rev().filter(|key| key.contains('/')).try_for_each(|key| save(&folder.join(key), &all[*key]))?;
    let sorted: Map<String, Value> = keys.iter().map(|key| ((*key).clone(), all[*key].clone())).collect();
    save(&folder.join(".zmetadata"), &json!({"metadata": sorted, "zarr_consolidated_format": 1}))?;
    [".zattrs", ".zgroup"].iter().try_for_each(|name| save(&folder.join(name), &all[*name]))
}

fn write_v3(folder: &Path, nodes: &Nodes) -> Result<()> {
    let mut all = Map::new();
    for (path, node) in nodes.iter().filter(|(path, _)| !path.is_empty()) {
        let mut own = node.array.clone().unwrap_or_else(|| json!({"attributes": {}}));
        own["attributes"] = Value::Object(node.attrs.clone());
        if node.array.is_none() {
            own["zarr_format"] = json!(3);
            own["node_type"] = json!("group");
        }
        save(&folder.join(path).join("zarr.json"), &own)?;
        all.insert(path.clone(), own);
    }
    let attrs = nodes.get("").map(|root| root.attrs.clone()).unwrap_or_default();
    let root = json!({
        "attributes": attrs,
        "zarr_format": 3,
        "consolidated_metadata": {"kind": "inline", "must_understand": false, "metadata": all},
        "node_type": "group",
    });
    save(&folder.join("zarr.json"), &root)
}

fn save(path: &Path, value: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::internal(format!("JSON: {error}")))?;
    create(path)?.write_all(text.as_bytes()).map_err(|error| write_error(&error))
}
