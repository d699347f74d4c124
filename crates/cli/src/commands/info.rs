//! `annstream info`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use annstream_core::anndata::{AnnDataFile, ColumnSchema, MatrixHeader, TableHeader, TreeEntry, tree};
use annstream_core::table::ColumnKind;
use annstream_core::{Error, Result};
use annstream_store::{OpenOptions, is_url, open};
use clap::Args;
use serde_json::{Value, json};

use super::common::disk_bytes;
use super::output::input_name;
use crate::printer::{Level, Printer, bytes, count};

/// Show what a file holds: shapes, types, encodings, density, compression and sizes, from its metadata only.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// File or store to look at (.h5ad, .zarr, .zarr.zip, or the URL of a .zarr: s3://, gs://, https://)
    #[arg(value_name = "FILE", value_parser = input_name())]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// List every element
    #[arg(long)]
    tree: bool,
    /// Follow external links, external storage and virtual datasets
    #[arg(long)]
    allow_external: bool,
}

/// Shows a file.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let printer = Printer { level: Level::Normal };
    let store = open(&arguments.file, OpenOptions { allow_external: arguments.allow_external })?;
    let entries = tree(store.as_ref())?;
    let format = store.format();
    let file = AnnDataFile::open(Arc::from(store)).map_err(|error: Error| error.in_file(&arguments.file))?;
    if arguments.json {
        printer.out(&serde_json::to_string_pretty(&as_json(arguments, format, &file, &entries)).unwrap_or_default());
        return Ok(());
    }
    let size = stored(&arguments.file).map_or_else(|| "sizes uncompressed".to_owned(), bytes);
    printer.out(&format!(
        "{}: {} obs x {} vars, {format}, {size}",
        arguments.file.display(),
        count(file.n_obs() as u64),
        count(file.n_vars() as u64),
    ));
    if arguments.tree {
        for entry in &entries {
            printer.out(&tree_line(entry));
        }
    } else {
        overview(&file, printer);
    }
    if let Some(virtual_file) = file.virtual_sources() {
        printer.out(&format!("  virtual: the matrices are those of {} inputs", virtual_file.sources.len()));
        for source in &virtual_file.sources {
            let [rows, columns] = source.shape.map(count);
            printer.out(&format!("    {rows} x {columns}, {}  {}", bytes(source.size), source.path));
        }
    }
    for warning in file.warnings() {
        printer.warn(&warning);
    }
    Ok(())
}

/// Bytes of the input on disk; nobody counts those on a server, where each element tells the size of its values instead.
fn stored(file: &Path) -> Option<u64> {
    (!is_url(file)).then(|| disk_bytes(file))
}

fn overview(file: &AnnDataFile, printer: Printer) {
    let line = |name: &str, text: String| printer.out(&format!("  {name:22} {text}"));
    for (slot, header) in file.matrices() {
        line(&slot.to_string(), matrix(header));
    }
    let mut tables = vec![("obs", file.obs()), ("var", file.var())];
    tables.extend(file.raw().map(|raw| ("raw/var", &raw.var)));
    for (name, table) in tables {
        line(name, columns(table));
    }
    if !file.uns_names().is_empty() {
        line("uns", file.uns_names().join(", "));
    }
}

fn matrix(header: &MatrixHeader) -> String {
    let shape = header.shape().iter().map(|&extent| count(extent as u64)).collect::<Vec<_>>().join(" x ");
    match header {
        MatrixHeader::Sparse(sparse) => {
            let cells = sparse.shape[0] as f64 * sparse.shape[1] as f64;
            let density = if cells > 0.0 { sparse.nnz as f64 / cells * 100.0 } else { 0.0 };
            let layout = format!("{:?}", sparse.layout).to_lowercase();
            format!(
                "{layout} {} {shape}, {} values ({density:.1} %), {}, {}",
                sparse.dtype,
                count(sparse.nnz as u64),
                sparse.compression,
                bytes(sparse.stored_bytes)
            )
        }
        MatrixHeader::Dense(dense) => {
            format!("dense {} {shape}, {}, {}", dense.dtype, dense.compression, bytes(dense.stored_bytes))
        }
        MatrixHeader::Table(table) => format!("dataframe {shape}: {}", columns(table)),
        MatrixHeader::Other { kind, .. } => format!("{kind} {shape}"),
    }
}

fn columns(table: &TableHeader) -> String {
    let described = table.columns.iter().map(|(name, column)| format!("{name} ({})", kind(&column.schema)));
    let list = described.collect::<Vec<_>>().join(", ");
    if list.is_empty() { "no columns".to_owned() } else { list }
}

fn kind(schema: &ColumnSchema) -> String {
    match *schema {
        ColumnSchema::Plain(dtype) => ColumnKind::Plain(dtype).to_string(),
        ColumnSchema::Nullable(dtype) => ColumnKind::Nullable(dtype).to_string(),
        ColumnSchema::Categorical { categories, len, ordered } => {
            format!("{} of {len}", ColumnKind::Categorical { categories, ordered })
        }
    }
}

fn tree_line(entry: &TreeEntry) -> String {
    let name = entry.path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("/");
    let mut text = format!("{}{name}", "  ".repeat(entry.depth + 1));
    let mut facts = Vec::new();
    if !entry.encoding.is_empty() {
        facts.push(format!("{} {}", entry.encoding, entry.version));
    }
    facts.extend(entry.dtype.clone());
    facts.extend(entry.shape.as_ref().map(|shape| format!("{shape:?}")));
    facts.extend(entry.nnz.map(|nnz| format!("{} values", count(nnz))));
    facts.extend(entry.density.map(|density| format!("{:.1} %", density * 100.0)));
    facts.extend(entry.categories.map(|categories| format!("{categories} categories")));
    facts.extend(Some(entry.codecs.clone()).filter(|codecs| !codecs.is_empty()));
    facts.extend(entry.chunk.as_ref().map(|chunk| format!("chunks {chunk:?}")));
    if !entry.is_group {
        facts.push(bytes(entry.stored_bytes));
    }
    if !facts.is_empty() {
        text.push_str(&format!("  [{}]", facts.join(", ")));
    }
    text
}

fn as_json(arguments: &Arguments, format: &str, file: &AnnDataFile, entries: &[TreeEntry]) -> Value {
    let elements: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let stored = (!is_url(&arguments.file)).then_some(entry.stored_bytes);
            json!({
                "path": entry.path, "group": entry.is_group, "encoding": entry.encoding, "version": entry.version,
                "dtype": entry.dtype, "shape": entry.shape, "nnz": entry.nnz, "density": entry.density,
                "categories": entry.categories, "codecs": entry.codecs, "chunk": entry.chunk,
                "stored_bytes": stored,
            })
        })
        .collect();
    json!({
        "file": arguments.file.display().to_string(),
        "format": format,
        "bytes": stored(&arguments.file),
        "shape": [file.n_obs(), file.n_vars()],
        "legacy": file.is_legacy(),
        "virtual": file.virtual_sources().map(|virtual_file| &virtual_file.sources),
        "warnings": file.warnings(),
        "elements": elements,
    })
}
