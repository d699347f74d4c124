//! The encodings of AnnData, one file each, both directions.
//!
//! A node says what it is in the attributes `encoding-type` and `encoding-version`; nodes of old files say nothing and
//! are told apart by their form ([`legacy`](self)). [`read_element`] and [`write_element`] choose the file; adding an
//! encoding is one file and one arm in each.

mod array;
pub(crate) mod awkward;
pub(crate) mod categorical;
pub(crate) mod column;
pub(crate) mod dataframe;
pub(crate) mod dict;
pub(crate) mod legacy;
mod null;
mod nullable;
mod records;
mod scalar;
pub(crate) mod sparse;
pub(crate) mod values;

use annstream_store::{AttrValue, Attrs, Compression, Error, NodeKind, Result, Store, StoreWriter, copy_tree};

use super::ReadContext;
use crate::element::{Element, OpaqueElement, SparseLayout};

/// How elements are written.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Compression of every array that is not a scalar.
    pub compression: Compression,
}

/// What a node says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) name: String,
    pub(crate) version: String,
}

impl Encoding {
    pub(crate) fn of(attrs: &Attrs) -> Self {
        let text = |name| attrs.get(name).and_then(AttrValue::as_str).unwrap_or_default().to_owned();
        Self { name: text("encoding-type"), version: text("encoding-version") }
    }

    /// Whether this is the named encoding, for a node that gives the version or none.
    pub(crate) fn is(&self, name: &str, version: &str) -> bool {
        self.name == name && (self.version == version || self.version.is_empty())
    }

    /// The layout of a sparse matrix, if this is one.
    pub(crate) fn sparse(&self) -> Option<SparseLayout> {
        if self.is("csr_matrix", "0.1.0") {
            Some(SparseLayout::Csr)
        } else if self.is("csc_matrix", "0.1.0") {
            Some(SparseLayout::Csc)
        } else {
            None
        }
    }

    /// Whether this is a mask over values.
    pub(crate) fn nullable(&self) -> bool {
        ["nullable-integer", "nullable-boolean", "nullable-string-array"].iter().any(|name| self.is(name, "0.1.0"))
    }

    /// Whether this is a table, of any version we read.
    pub(crate) fn dataframe(&self) -> bool {
        self.is("dataframe", "0.2.0") || self.is("dataframe", "0.1.0")
    }
}

/// Reads the element at `path`, whatever its encoding and age, as `anndata.io.read_elem` does. What this version does
/// not know becomes [`Element::Opaque`] and a warning. Reads the whole element into memory.
///
/// # Errors
/// If nothing stands at `path`, or the element breaks the rules of its encoding; the error names the element.
pub fn read_element(context: &ReadContext, path: &str) -> Result<Element> {
    read_at(context, path).map_err(|error| error.in_file(context.store.location()).at(path))
}

pub(crate) fn read_at(context: &ReadContext, path: &str) -> Result<Element> {
    context.visit(path)?;
    let node = context
        .store
        .node(path)?
        .ok_or_else(|| Error::invalid("nothing stands there (a link to nothing?)").at(path))?;
    let attrs = context.attrs(path)?;
    let encoding = Encoding::of(&attrs);
    if encoding.is("null", "0.1.0") {
        return Ok(Element::Null);
    }
    let known = match node {
        NodeKind::Group => read_group(context, path, &attrs, &encoding),
        NodeKind::Array => read_array(context, path, &encoding),
    };
    match known {
        Some(element) => element.map_err(|error| error.at(path)),
        None => Ok(opaque(context, path, &encoding)),
    }
}

fn read_group(context: &ReadContext, path: &str, attrs: &Attrs, encoding: &Encoding) -> Option<Result<Element>> {
    Some(if encoding.sparse().is_some() {
        sparse::read(context, path).map(Element::Sparse)
    } else if encoding.dataframe() {
        dataframe::read(context, path).map(Element::Table)
    } else if encoding.is("categorical", "0.2.0") {
        categorical::read(context, path).map(Element::Column)
    } else if encoding.nullable() {
        nullable::read(context, path, attrs).map(Element::Column)
    } else if encoding.is("dict", "0.1.0") {
        dict::read(context, path, &[]).map(Element::Dict)
    } else if encoding.is("awkward-array", "0.1.0") {
        awkward::read(context, path, attrs).map(Element::Awkward)
    } else if encoding.name.is_empty() {
        legacy::read_group(context, path, attrs)
    } else {
        return None;
    })
}

fn read_array(context: &ReadContext, path: &str, encoding: &Encoding) -> Option<Result<Element>> {
    let plain = ["array", "string-array", "numeric-scalar", "string", "bytes"];
    Some(if plain.iter().any(|name| encoding.is(name, "0.2.0")) {
        array::read(context, path)
    } else if encoding.is("rec-array", "0.2.0") {
        records::read(context, path).map(Element::Records)
    } else if encoding.name.is_empty() {
        legacy::read_array(context, path)
    } else {
        return None;
    })
}

/// An element that is carried along without being understood.
pub(crate) fn opaque(context: &ReadContext, path: &str, encoding: &Encoding) -> Element {
    let Encoding { name, version } = encoding;
    context.warnings.push(format!("{path}: encoding '{name}' version '{version}' is not known; it is only copied"));
    Element::Opaque(OpaqueElement { encoding: name.clone(), path: path.to_owned(), origin: 0 })
}

/// Writes an element at `path`, in the encoding and layout that anndata 0.12 gives it. [`Element::Opaque`] is copied
/// verbatim from the store it was read from: `sources[origin]`.
///
/// # Errors
/// If the element contradicts itself, has no encoding (a masked float), or writing fails.
pub fn write_element(
    writer: &dyn StoreWriter,
    path: &str,
    element: &Element,
    options: &WriteOptions,
    sources: &[&dyn Store],
) -> Result<()> {
    let result = match element {
        Element::Array(dense) => array::write(writer, path, dense, options),
        Element::Sparse(matrix) => sparse::write(writer, path, matrix, options),
        Element::Table(table) => dataframe::write(writer, path, table, options),
        Element::Column(column) => column::write(writer, path, column, options),
        Element::Scalar(value) => scalar::write(writer, path, value),
        Element::Null => null::write(writer, path),
        Element::Records(records) => records::write(writer, path, records, options),
        Element::Awkward(awkward) => awkward::write(writer, path, awkward, options),
        Element::Dict(dict) => dict::write(writer, path, dict, options, sources),
        Element::Opaque(opaque) => match sources.get(opaque.origin) {
            Some(&source) => copy_tree(source, &opaque.path, writer, path),
            None => Err(Error::internal(format!("no source to copy '{}' from", opaque.path))),
        },
    };
    result.map_err(|error| error.in_file(writer.location()).at(path))
}

/// Marks the root of a store as AnnData.
///
/// # Errors
/// If writing fails.
pub fn write_root(writer: &dyn StoreWriter) -> Result<()> {
    tag(writer, "", "anndata", "0.1.0")
}

/// Says what a node is.
pub(crate) fn tag(writer: &dyn StoreWriter, path: &str, name: &str, version: &str) -> Result<()> {
    writer.attr(path, "encoding-type", &AttrValue::text(name))?;
    writer.attr(path, "encoding-version", &AttrValue::text(version))
}

/// Refuses names that no store can hold as a member of a group.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name == "." || name == ".." {
        return Err(Error::unsupported(format!("'{name}' cannot be the name of an element")));
    }
    Ok(())
}
