//! Elements that are not restructured: copied array by array, in the encodings of today.

use std::cell::RefCell;

use annstream_store::{ArraySpec, ArrayType, AttrValue, Buffer, Compression, DType, NodeKind, Region, StoreWriter};

use super::Compat;
use super::matrix::{MatrixTarget, restructure};
use super::spec::Layout;
use crate::anndata::encoding::{Encoding, awkward, check_name, column, dataframe, read_at, tag, values};
use crate::anndata::{
    AnnDataFile, DenseHeader, MatrixHeader, ReadContext, SparseHeader, TableHeader, WriteOptions, write_element,
};
use crate::element::Element;
use crate::table::Column;
use crate::{Error, Exec, Result};

/// Texts copied at a time.
const TEXTS: u64 = 1 << 16;

/// Copies elements of one file to another. Arrays go through in blocks; held at a time are one column of a table, or one
/// array of records.
pub(super) struct Copier<'a> {
    pub(super) file: &'a AnnDataFile,
    pub(super) context: ReadContext<'a>,
    pub(super) writer: &'a dyn StoreWriter,
    pub(super) exec: &'a Exec,
    pub(super) compression: Compression,
    pub(super) chunk: Option<u64>,
    pub(super) compat: Compat,
    /// What was rewritten for an older anndata.
    pub(super) changes: RefCell<Vec<String>>,
}

impl Copier<'_> {
    fn options(&self) -> WriteOptions {
        WriteOptions { compression: self.compression }
    }

    /// Copies what stands at `from`, whatever it is.
    ///
    /// # Errors
    /// If it is damaged, cannot be written in this format or for this version, or writing fails.
    pub(super) fn element(&self, from: &str, to: &str) -> Result<()> {
        self.exec.check()?;
        self.dispatch(from, to).map_err(|error| error.at(from))
    }

    fn dispatch(&self, from: &str, to: &str) -> Result<()> {
        check_name(to.rsplit('/').next().unwrap_or(to))?;
        self.context.visit(from)?;
        let attrs = self.context.attrs(from)?;
        let encoding = Encoding::of(&attrs);
        let old = encoding.name.is_empty();
        if encoding.is("null", "0.1.0") {
            return self.whole(&Element::Null, to);
        }
        if self.context.require(from)? == NodeKind::Array {
            let plain = old || encoding.is("array", "0.2.0") || encoding.is("string-array", "0.2.0");
            return if plain && self.streams(from, old)? { self.array(from, to) } else { self.read(from, to) };
        }
        if encoding.sparse().is_some() || attrs.contains_key("h5sparse_format") {
            let header = MatrixHeader::Sparse(SparseHeader::open(&self.context, from)?);
            self.numbers(&header, to)
        } else if encoding.dataframe() {
            self.table(&TableHeader::open(&self.context, from)?, to)
        } else if encoding.is("awkward-array", "0.1.0") {
            self.awkward(from, to)
        } else if old || encoding.is("dict", "0.1.0") {
            self.dict(from, to)
        } else {
            self.read(from, to)
        }
    }

    /// Copies a matrix from its slot.
    ///
    /// # Errors
    /// As [`element`](Self::element).
    pub(super) fn matrix(&self, header: &MatrixHeader, to: &str) -> Result<()> {
        match header {
            MatrixHeader::Dense(dense) if dense.dtype == DType::Str && dense.field.is_none() => {
                self.text(&dense.path, &dense.shape, to)
            }
            MatrixHeader::Sparse(_) | MatrixHeader::Dense(_) => self.numbers(header, to),
            MatrixHeader::Table(table) => self.table(table, to),
            MatrixHeader::Other { path, .. } => self.element(path, to),
        }
    }

    /// Copies a mapping, without what belongs elsewhere.
    fn dict(&self, from: &str, to: &str) -> Result<()> {
        self.writer.group(to)?;
        for name in self.context.store.children(from)? {
            let member = format!("{from}/{name}");
            if !self.file.hidden().contains(&member) {
                self.element(&member, &format!("{to}/{name}"))?;
            }
        }
        tag(self.writer, to, "dict", "0.1.0")
    }

    /// Whether an array can be copied in pieces: it has rows of plain values. One fixed text of old files is a scalar.
    fn streams(&self, path: &str, old: bool) -> Result<bool> {
        let reader = self.context.store.array(path)?;
        let info = reader.info();
        let scalar = old && reader.fixed_text() && info.shape.first() == Some(&1);
        Ok(matches!(info.dtype, ArrayType::Plain(_)) && !info.shape.is_empty() && !scalar)
    }

    fn array(&self, from: &str, to: &str) -> Result<()> {
        let info = values::info(&self.context, from)?;
        let Some(dtype) = info.dtype.plain() else { return self.read(from, to) };
        let shape = values::shape_of(&info)?;
        values::check_size(&info, dtype.size())?;
        if dtype == DType::Str {
            return self.text(from, &shape, to);
        }
        let header = DenseHeader {
            path: from.to_owned(),
            field: None,
            shape,
            dtype,
            compression: info.compression,
            chunk: info.chunk,
            stored_bytes: info.stored_bytes,
        };
        self.numbers(&MatrixHeader::Dense(header), to)
    }

    /// Copies numbers as they are laid out.
    fn numbers(&self, header: &MatrixHeader, to: &str) -> Result<()> {
        let (layout, dtype) = match header {
            MatrixHeader::Sparse(header) => (Layout::Sparse(header.layout), header.dtype),
            MatrixHeader::Dense(header) if header.field.is_none() => (Layout::Dense, header.dtype),
            MatrixHeader::Dense(header) => return self.field(header, to),
            _ => return Err(Error::internal("is not a matrix of numbers").at(to)),
        };
        let shape = header.shape().iter().map(|&extent| extent as u64).collect();
        let (compression, chunk) = (self.compression, self.chunk);
        let target = MatrixTarget { path: to.to_owned(), layout, dtype, shape, compression, chunk };
        restructure(self.file, header, &target, self.writer, self.exec).map(drop)
    }

    /// Copies a field of a record array, which files before 0.7 have for a matrix.
    fn field(&self, header: &DenseHeader, to: &str) -> Result<()> {
        let mut fields = values::read_fields(&self.context, &header.path, header.field)?;
        let values = fields.pop().ok_or_else(|| Error::internal("the field is missing").at(to))?;
        let dense = crate::element::DenseArray { shape: header.shape.clone(), values };
        self.whole(&Element::Array(dense), to)
    }

    /// Copies text, some rows at a time.
    fn text(&self, from: &str, shape: &[usize], to: &str) -> Result<()> {
        let reader = self.context.store.array(from)?;
        let stored = reader.shape();
        let shape = shape.iter().map(|&extent| extent as u64).collect();
        let mut array = self.writer.array(to, &ArraySpec::new(DType::Str, shape).compression(self.compression))?;
        let row: u64 = stored.iter().skip(1).product();
        let step = (TEXTS / row.max(1)).max(1);
        let rows = if reader.info().is_empty() { 0 } else { stored[0] };
        let mut start = 0;
        while start < rows {
            let stop = (start + step).min(rows);
            let mut texts = Buffer::empty(DType::Str);
            reader.read(&Region::rows(stored, start..stop), &mut texts)?;
            array.append(texts)?;
            start = stop;
        }
        array.finish()?;
        tag(self.writer, to, "string-array", "0.2.0")
    }

    /// Copies a table, its index as stored.
    fn table(&self, header: &TableHeader, to: &str) -> Result<()> {
        let index = header.index.read(&self.context)?;
        self.columns(header, index, to)
    }

    /// Copies a table column by column, with the given index.
    ///
    /// # Errors
    /// As [`element`](Self::element).
    pub(super) fn columns(&self, header: &TableHeader, index: Column, to: &str) -> Result<()> {
        let index_name = header.index_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(dataframe::UNNAMED);
        dataframe::begin(self.writer, to, index_name, header.columns.keys().map(String::as_str))?;
        let index = self.compat.index(index).map_err(|error| error.at(&header.path))?;
        column::write(self.writer, &format!("{to}/{index_name}"), &index, &self.options())?;
        for (name, column_header) in &header.columns {
            self.exec.check()?;
            let place = |error: Error| error.at(format!("{}/{name}", header.path));
            dataframe::check_column(name).map_err(place)?;
            if name != index_name {
                let own = column_header.read(&self.context).map_err(place)?;
                column::write(self.writer, &format!("{to}/{name}"), &self.changed(own, to, name), &self.options())?;
            }
        }
        tag(self.writer, to, "dataframe", "0.2.0")
    }

    fn changed(&self, own: Column, table: &str, name: &str) -> Column {
        let (column, change) = self.compat.column(own);
        if let Some(change) = change {
            self.changes.borrow_mut().push(format!("{table}/{name}: {change}"));
        }
        column
    }

    fn awkward(&self, from: &str, to: &str) -> Result<()> {
        if !self.compat.awkward() {
            return Err(Error::unsupported(format!("an awkward array, which anndata {} cannot read", self.compat)));
        }
        let attrs = self.context.attrs(from)?;
        let length = awkward::length(&attrs)?;
        let form = attrs.get("form").and_then(AttrValue::as_str);
        let form = form.ok_or_else(|| Error::invalid("has no attribute 'form' of text"))?;
        self.writer.group(to)?;
        let length = i64::try_from(length).map_err(|_| Error::internal("length exceeds 63 bits"))?;
        self.writer.attr(to, "length", &AttrValue::int(length))?;
        self.writer.attr(to, "form", &AttrValue::text(form))?;
        for name in self.context.store.children(from)? {
            self.element(&format!("{from}/{name}"), &format!("{to}/{name}"))?;
        }
        tag(self.writer, to, "awkward-array", "0.1.0")
    }

    /// Copies an element by way of memory: scalars, columns, records, and what is not known.
    fn read(&self, from: &str, to: &str) -> Result<()> {
        self.whole(&read_at(&self.context, from)?, to)
    }

    fn whole(&self, element: &Element, to: &str) -> Result<()> {
        let store = self.file.store().as_ref();
        match element {
            Element::Null if !self.compat.null() => Ok(()),
            Element::Column(own) => {
                let (column, change) = self.compat.column(own.clone());
                if let Some(change) = change {
                    self.changes.borrow_mut().push(format!("{to}: {change}"));
                }
                column::write(self.writer, to, &column, &self.options())
            }
            other => write_element(self.writer, to, other, &self.options(), &[store]),
        }
    }
}
