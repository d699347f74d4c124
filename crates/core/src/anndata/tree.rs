//! A store element by element, for people.

use annstream_store::{ArrayType, AttrValue, Error, NodeKind, Result, Store};

use super::context::join;
use super::encoding::{Encoding, values};
use super::{ColumnHeader, ColumnSchema, ReadContext, SparseHeader, Warnings};

/// One element: facts that cost no data reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TreeEntry {
    /// Path in the store.
    pub path: String,
    /// How many groups it lies below.
    pub depth: usize,
    /// Whether it is a group whose members follow as entries of their own.
    pub is_group: bool,
    /// Its `encoding-type`, empty if it has none.
    pub encoding: String,
    /// Its `encoding-version`, empty if it has none.
    pub version: String,
    /// Type of the values; of a categorical, that of the categories.
    pub dtype: Option<String>,
    /// Extents.
    pub shape: Option<Vec<u64>>,
    /// Number of stored values of a sparse matrix.
    pub nnz: Option<u64>,
    /// Stored values by all values of a sparse matrix.
    pub density: Option<f64>,
    /// Number of categories of a categorical.
    pub categories: Option<u64>,
    /// The codecs in words, empty if uncompressed.
    pub codecs: String,
    /// Extent of a chunk, if stored in chunks.
    pub chunk: Option<Vec<u64>>,
    /// Bytes on disk of the element; zero for a group whose members follow.
    pub stored_bytes: u64,
}

/// Lists every element of a store, each group before its members. Sparse matrices, categoricals and masked arrays are
/// one entry each, not three. Damaged elements are listed as what they claim to be.
///
/// # Errors
/// If a node cannot be looked at, or groups are nested without end.
pub fn tree(store: &dyn Store) -> Result<Vec<TreeEntry>> {
    let warnings = Warnings::new();
    let context = ReadContext::new(store, &warnings);
    let mut out = Vec::new();
    walk(&context, "", 0, &mut out).map_err(|error| error.in_file(store.location()))?;
    Ok(out)
}

fn walk(context: &ReadContext, path: &str, depth: usize, out: &mut Vec<TreeEntry>) -> Result<()> {
    context.visit(path)?;
    let attrs = context.attrs(path)?;
    let Encoding { name: encoding, version } = Encoding::of(&attrs);
    let mut entry = TreeEntry { path: path.to_owned(), depth, encoding, version, ..TreeEntry::default() };
    if context.require(path)? == NodeKind::Array {
        add_array(context, path, &mut entry)?;
        out.push(entry);
        return Ok(());
    }
    let known = Encoding::of(&attrs);
    let leaf = if known.sparse().is_some() || attrs.contains_key("h5sparse_format") {
        add_sparse(context, path, &mut entry)
    } else if known.nullable() || known.is("categorical", "0.2.0") {
        add_column(context, path, &mut entry)
    } else {
        Err(Error::internal("not a leaf"))
    };
    if leaf.is_ok() {
        entry.stored_bytes = total(context, path)?;
        out.push(entry);
        return Ok(());
    }
    entry.is_group = true;
    if let Some(extents) = attrs.get("shape").and_then(AttrValue::as_ints) {
        entry.shape = extents.into_iter().map(|extent| u64::try_from(extent).ok()).collect();
    }
    out.push(entry);
    for child in context.store.children(path)? {
        walk(context, &join(path, &child), depth + 1, out)?;
    }
    Ok(())
}

fn add_array(context: &ReadContext, path: &str, entry: &mut TreeEntry) -> Result<()> {
    let info = values::info(context, path)?;
    entry.dtype = Some(info.dtype.to_string());
    entry.shape = (info.dtype != ArrayType::Null).then_some(info.shape);
    entry.codecs = info.codecs;
    entry.chunk = info.chunk;
    entry.stored_bytes = info.stored_bytes;
    Ok(())
}

fn add_sparse(context: &ReadContext, path: &str, entry: &mut TreeEntry) -> Result<()> {
    let header = SparseHeader::open(context, path)?;
    add_array(context, &join(path, "data"), entry)?;
    let [rows, columns] = header.shape;
    entry.shape = Some(vec![rows as u64, columns as u64]);
    entry.nnz = Some(header.nnz as u64);
    entry.density = (rows > 0 && columns > 0).then(|| header.nnz as f64 / (rows as f64 * columns as f64));
    Ok(())
}

fn add_column(context: &ReadContext, path: &str, entry: &mut TreeEntry) -> Result<()> {
    let header = ColumnHeader::open(context, path)?;
    let values = if matches!(header.schema, ColumnSchema::Categorical { .. }) { "codes" } else { "values" };
    add_array(context, &join(path, values), entry)?;
    if let ColumnSchema::Categorical { categories, len, .. } = header.schema {
        entry.dtype = Some(categories.to_string());
        entry.categories = Some(len as u64);
    }
    Ok(())
}

fn total(context: &ReadContext, path: &str) -> Result<u64> {
    context.visit(path)?;
    if context.is_array(path)? {
        return Ok(values::info(context, path)?.stored_bytes);
    }
    let mut sum = 0;
    for child in context.store.children(path)? {
        sum += total(context, &join(path, &child))?;
    }
    Ok(sum)
}
