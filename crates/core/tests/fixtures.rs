//! Real files of many ages, compared value by value with what anndata read from them (`fixtures/expected.py`), as
//! they are and after everything was written anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use annstream_core::anndata::{AnnDataFile, Slot, TableName};
use annstream_core::element::{Element, SparseLayout};
use annstream_core::table::{Column, Table};
use annstream_store::{Buffer, DType, OpenOptions};
use serde_json::{Map, Value, json};

/// The sum that zlib computes.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for &byte in bytes {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
        }
    }
    !sum
}

fn values(values: &Buffer, shape: &[usize]) -> Value {
    let bytes = match values.as_strings() {
        Some(text) => text.iter().collect::<Vec<_>>().join("\0").into_bytes(),
        None => values.as_bytes().unwrap_or_default().to_vec(),
    };
    json!({ "dtype": values.dtype().name(), "shape": shape, "crc": crc32(&bytes) })
}

fn with(kind: &str, value: Value, further: Vec<(&str, Value)>) -> Value {
    let Value::Object(mut object) = value else { panic!("an object expected") };
    object.insert("kind".to_owned(), json!(kind));
    object.extend(further.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Value::Object(object)
}

fn column(column: &Column) -> Value {
    match column {
        Column::Plain(plain) => with("plain", values(plain, &[plain.len()]), vec![]),
        Column::Nullable { values: inner, missing, .. } => {
            let mask = Buffer::Bool(missing.iter().map(|&gone| u8::from(gone)).collect());
            with("nullable", values(inner, &[inner.len()]), vec![("missing", values(&mask, &[missing.len()]))])
        }
        Column::Categorical { codes, categories, ordered } => json!({
            "kind": "categorical",
            "codes": values(&Buffer::I32(codes.clone()), &[codes.len()]),
            "categories": self::column(categories),
            "ordered": ordered,
        }),
    }
}

fn table(table: &Table) -> Value {
    let columns: Map<String, Value> = table.columns.iter().map(|(name, it)| (name.clone(), column(it))).collect();
    json!({
        "kind": "table",
        "index": column(&table.index),
        "index_name": table.index_name,
        "order": table.columns.keys().collect::<Vec<_>>(),
        "columns": columns,
    })
}

fn element(element: &Element) -> Value {
    match element {
        Element::Array(array) => with("array", values(&array.values, &array.shape), vec![]),
        Element::Sparse(matrix) => {
            let crc = |numbers: &[u64]| {
                let signed = Buffer::U64(numbers.to_vec()).cast(DType::I64).unwrap();
                crc32(signed.as_bytes().unwrap())
            };
            json!({
                "kind": if matrix.layout == SparseLayout::Csr { "csr" } else { "csc" },
                "shape": matrix.shape,
                "indptr": crc(&matrix.indptr),
                "indices": crc(&matrix.indices),
                "data": values(&matrix.data, &[matrix.data.len()]),
            })
        }
        Element::Table(it) => table(it),
        Element::Column(it) => column(it),
        Element::Scalar(Buffer::Str(text)) => json!({ "kind": "scalar", "value": text.get(0) }),
        Element::Scalar(value) => {
            json!({ "kind": "scalar", "value": format!("{:016x}", value.get_f64(0).unwrap().to_bits()) })
        }
        Element::Records(records) => {
            let field = |(field, it): (&annstream_store::Field, &Buffer)| {
                let inner = field.shape.iter().map(|&extent| usize::try_from(extent).unwrap());
                let shape: Vec<_> = records.shape.iter().copied().chain(inner).collect();
                (field.name.clone(), values(it, &shape))
            };
            let fields: Map<String, Value> = records.fields.iter().zip(&records.values).map(field).collect();
            json!({ "kind": "records", "fields": fields })
        }
        other => json!({ "kind": other.kind() }),
    }
}

fn flatten(path: &str, it: &Element, out: &mut Map<String, Value>) {
    if let Element::Dict(dict) = it {
        for (name, inner) in dict {
            flatten(&format!("{path}/{name}"), inner, out);
        }
    } else {
        out.insert(path.to_owned(), element(it));
    }
}

fn summary(file: &AnnDataFile) -> Value {
    let mut elements = Map::new();
    for (slot, _) in file.matrices() {
        elements.insert(slot.to_string(), element(&file.read(slot).unwrap()));
    }
    for name in file.uns_names() {
        flatten(&format!("uns/{name}"), &file.read(Slot::Uns(name)).unwrap(), &mut elements);
    }
    let mut tables = Map::new();
    for axis in [TableName::Obs, TableName::Var, TableName::RawVar] {
        if file.table(axis).is_some() {
            tables.insert(axis.to_string(), table(&file.read_table(axis).unwrap()));
        }
    }
    json!({ "shape": [file.n_obs(), file.n_vars()], "tables": tables, "elements": elements })
}

fn differences(path: &str, expected: &Value, found: &Value, out: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))) {
                let side = |it: &Map<String, Value>| it.get(name).cloned().unwrap_or(json!("absent"));
                differences(&format!("{path} {name}"), &side(a), &side(b), out);
            }
        }
        _ if expected == found => {}
        _ => out.push(format!("{path}: found {found}, anndata reads {expected}")),
    }
}

fn open(path: &Path) -> AnnDataFile {
    let store = annstream_store::open(path, OpenOptions::default()).unwrap();
    AnnDataFile::open(Arc::from(store)).unwrap()
}

/// Files with an expectation beside them: those of this folder, and of another one named by `ANNSTREAM_FIXTURES`.
fn fixtures() -> Vec<(PathBuf, Value)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")];
    folders.extend(std::env::var_os("ANNSTREAM_FIXTURES").map(PathBuf::from));
    let mut found = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let expected = path.with_extension("h5ad.json");
            if path.extension().is_some_and(|extension| extension == "h5ad") && expected.exists() {
                let text = std::fs::read_to_string(expected).unwrap();
                found.push((path, serde_json::from_str(&text).unwrap()));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn files_read_as_anndata_reads_them() {
    let mut wrong = Vec::new();
    for (path, expected) in fixtures() {
        let file = open(&path);
        differences(&path.display().to_string(), &expected, &summary(&file), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_survive_being_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (i, (path, expected)) in fixtures().into_iter().enumerate() {
        let copy = folder.path().join(format!("{i}.h5ad"));
        rewrite(&open(&path), &copy);
        differences(&path.display().to_string(), &expected, &summary(&open(&copy)), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn rewrite(file: &AnnDataFile, target: &Path) {
    use annstream_core::anndata::{WriteOptions, write_element, write_root};
    let writer = annstream_store::create(target, annstream_store::CreateOptions::default()).unwrap();
    let options = WriteOptions { compression: "gzip".parse().unwrap() };
    let write = |path: &str, element: &Element| {
        write_element(writer.as_ref(), path, element, &options, &[file.store().as_ref()]).unwrap();
    };
    write_root(writer.as_ref()).unwrap();
    for axis in [TableName::Obs, TableName::Var, TableName::RawVar] {
        if file.table(axis).is_some() {
            write(&axis.to_string(), &Element::Table(file.read_table(axis).unwrap()));
        }
    }
    for (slot, _) in file.matrices() {
        write(&slot.to_string(), &file.read(slot).unwrap());
    }
    write("uns", &Element::Dict(file.read_uns().unwrap()));
    writer.commit().unwrap();
}
