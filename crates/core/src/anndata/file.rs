//! An AnnData file opened for reading.

use std::sync::Arc;

use annstream_store::{Error, Result, Store, is_url};
use indexmap::IndexMap;

use super::context::join;
use super::encoding::{dict, read_at, sparse, values};
use super::header::{self, Parts};
use super::{MatrixHeader, RawHeader, ReadContext, Slot, TableHeader, TableName, VirtualSources, Warnings, text_index};
use crate::element::{DenseArray, Dict, Element};
use crate::table::{Column, Table};

/// An AnnData file of any age: what stands in it, and how to read any one part. Opening costs metadata only; nothing
/// that is read is kept.
///
/// What it says equals what `anndata.read_h5ad` gives: graphs that old files keep in `uns/neighbors` appear in `obsp`,
/// categories kept in `uns` at their columns, `raw.X` as `raw`. Headers name the real paths.
pub struct AnnDataFile {
    store: Arc<dyn Store>,
    parts: Parts,
    sources: Option<VirtualSources>,
    warnings: Warnings,
}

impl AnnDataFile {
    /// Looks at a store.
    ///
    /// # Errors
    /// If it is not AnnData, a table or matrix is damaged, sizes do not agree, or a source of a virtual file is not
    /// there; the error names file and element.
    pub fn open(store: Arc<dyn Store>) -> Result<Self> {
        let warnings = Warnings::new();
        let parts = header::find(&ReadContext::new(store.as_ref(), &warnings))
            .map_err(|error| error.in_file(store.location()))?;
        let sources = VirtualSources::read(&store.attrs("")?).map_err(|error| error.in_file(store.location()))?;
        // What stands on a server has no files beside it.
        let sources = sources.filter(|_| !is_url(store.location()));
        for change in
            sources.iter().map(|sources| sources.changes(store.location())).collect::<Result<Vec<_>>>()?.concat()
        {
            warnings.push(change);
        }
        Ok(Self { store, parts, sources, warnings })
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Number of observations (cells).
    pub fn n_obs(&self) -> usize {
        self.parts.obs.len()
    }

    /// Number of variables (genes).
    pub fn n_vars(&self) -> usize {
        self.parts.var.len()
    }

    /// The matrix `X`, if there is one.
    pub fn x(&self) -> Option<&MatrixHeader> {
        self.parts.x.as_ref()
    }

    /// The layers.
    pub fn layers(&self) -> &IndexMap<String, MatrixHeader> {
        &self.parts.layers
    }

    /// Matrices aligned to the observations.
    pub fn obsm(&self) -> &IndexMap<String, MatrixHeader> {
        &self.parts.obsm
    }

    /// Matrices aligned to the variables.
    pub fn varm(&self) -> &IndexMap<String, MatrixHeader> {
        &self.parts.varm
    }

    /// Graphs of the observations.
    pub fn obsp(&self) -> &IndexMap<String, MatrixHeader> {
        &self.parts.obsp
    }

    /// Graphs of the variables.
    pub fn varp(&self) -> &IndexMap<String, MatrixHeader> {
        &self.parts.varp
    }

    /// `raw`, if there is one.
    pub fn raw(&self) -> Option<&RawHeader> {
        self.parts.raw.as_ref()
    }

    /// The names in `uns`.
    pub fn uns_names(&self) -> &[String] {
        &self.parts.uns
    }

    /// Whether the file was written before files had encodings (anndata before 0.8).
    pub fn is_legacy(&self) -> bool {
        self.parts.legacy
    }

    /// What a virtual file is made of; `None` for others.
    pub fn virtual_sources(&self) -> Option<&VirtualSources> {
        self.sources.as_ref()
    }

    /// Everything worth telling the user, so far.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.list()
    }

    /// The header of a table; `None` for the variables of a `raw` that is not there.
    pub fn table(&self, axis: TableName) -> Option<&TableHeader> {
        match axis {
            TableName::Obs => Some(&self.parts.obs),
            TableName::Var => Some(&self.parts.var),
            TableName::RawVar => self.parts.raw.as_ref().map(|raw| &raw.var),
        }
    }

    /// The header of `obs`.
    pub fn obs(&self) -> &TableHeader {
        &self.parts.obs
    }

    /// The header of `var`.
    pub fn var(&self) -> &TableHeader {
        &self.parts.var
    }

    /// The header of a matrix slot; `None` if it is empty, or under `uns`.
    pub fn matrix(&self, slot: Slot) -> Option<&MatrixHeader> {
        let raw = self.parts.raw.as_ref();
        match slot {
            Slot::X => self.parts.x.as_ref(),
            Slot::Layer(name) => self.parts.layers.get(name),
            Slot::Obsm(name) => self.parts.obsm.get(name),
            Slot::Varm(name) => self.parts.varm.get(name),
            Slot::Obsp(name) => self.parts.obsp.get(name),
            Slot::Varp(name) => self.parts.varp.get(name),
            Slot::RawX => raw.and_then(|raw| raw.x.as_ref()),
            Slot::RawVarm(name) => raw.and_then(|raw| raw.varm.get(name)),
            Slot::Uns(_) => None,
        }
    }

    /// Every matrix slot that is filled, with its header.
    pub fn matrices(&self) -> Vec<(Slot<'_>, &MatrixHeader)> {
        fn named<'a>(
            entries: &'a IndexMap<String, MatrixHeader>,
            slot: fn(&'a str) -> Slot<'a>,
        ) -> impl Iterator<Item = (Slot<'a>, &'a MatrixHeader)> {
            entries.iter().map(move |(name, header)| (slot(name), header))
        }
        let mut all: Vec<_> = self.parts.x.iter().map(|header| (Slot::X, header)).collect();
        all.extend(named(&self.parts.layers, Slot::Layer));
        all.extend(named(&self.parts.obsm, Slot::Obsm));
        all.extend(named(&self.parts.varm, Slot::Varm));
        all.extend(named(&self.parts.obsp, Slot::Obsp));
        all.extend(named(&self.parts.varp, Slot::Varp));
        if let Some(raw) = &self.parts.raw {
            all.extend(raw.x.iter().map(|header| (Slot::RawX, header)));
            all.extend(named(&raw.varm, Slot::RawVarm));
        }
        all
    }

    /// Reads the index of a table, as text: anndata turns numbers and categories into text too.
    ///
    /// # Errors
    /// If the table is not there or the index is damaged.
    pub fn read_index(&self, axis: TableName) -> Result<Column> {
        let header = self.require(axis)?;
        let read = || {
            let (index, changed) = text_index(header.index.read(&self.context())?)?;
            if changed {
                self.warnings.push(format!("{axis}: the index is not text; it was turned into text"));
            }
            Ok(index)
        };
        read().map_err(|error: Error| self.place(error, &header.path))
    }

    /// Reads one column of a table.
    ///
    /// # Errors
    /// If the table or column is not there, or the column is damaged.
    pub fn read_column(&self, axis: TableName, name: &str) -> Result<Column> {
        let header = self.require(axis)?;
        let column = header.columns.get(name).ok_or_else(|| {
            Error::not_found(format!("has no column '{name}'")).at(&header.path).in_file(self.store.location())
        })?;
        column.read(&self.context()).map_err(|error| self.place(error, &join(&header.path, name)))
    }

    /// Reads a table; its index as text.
    ///
    /// # Errors
    /// If the table is not there or a column is damaged.
    pub fn read_table(&self, axis: TableName) -> Result<Table> {
        let header = self.require(axis)?;
        let mut table = Table::new(self.read_index(axis)?);
        table.index_name.clone_from(&header.index_name);
        for name in header.columns.keys() {
            table.columns.insert(name.clone(), self.read_column(axis, name)?);
        }
        Ok(table)
    }

    /// Reads all of `uns`.
    ///
    /// # Errors
    /// If an element is damaged.
    pub fn read_uns(&self) -> Result<Dict> {
        if self.parts.uns.is_empty() {
            return Ok(Dict::new());
        }
        dict::read(&self.context(), "uns", &self.parts.hidden).map_err(|error| self.place(error, "uns"))
    }

    /// Reads one matrix (or an entry of `uns`) into memory.
    ///
    /// # Errors
    /// If the slot is empty or its element is damaged.
    pub fn read(&self, slot: Slot) -> Result<Element> {
        let context = self.context();
        let absent = || Error::not_found("nothing stands there").at(slot.to_string()).in_file(self.store.location());
        let element = match (slot, self.matrix(slot)) {
            (Slot::Uns(name), _) if self.parts.uns.iter().any(|known| known == name) => {
                let path = join("uns", name);
                let inside = format!("{path}/");
                if self.parts.hidden.iter().any(|hidden| hidden.starts_with(&inside)) {
                    dict::read(&context, &path, &self.parts.hidden).map(Element::Dict)
                } else {
                    read_at(&context, &path)
                }
            }
            (_, Some(header)) => self.read_matrix(&context, slot, header),
            _ => return Err(absent()),
        };
        element.map_err(|error| self.place(error, &slot.to_string()))
    }

    fn read_matrix(&self, context: &ReadContext, slot: Slot, header: &MatrixHeader) -> Result<Element> {
        match header {
            MatrixHeader::Sparse(header) => sparse::read(context, &header.path).map(Element::Sparse),
            MatrixHeader::Dense(header) => {
                let values = match header.field {
                    Some(field) => values::read_fields(context, &header.path, Some(field))?.swap_remove(0),
                    None => values::read_array(context, &header.path)?.1,
                };
                let expected = header.shape.iter().product::<usize>();
                if values.len() != expected {
                    let message = format!("{} values, {expected} expected", values.len());
                    return Err(Error::invalid(message).at(&header.path));
                }
                Ok(Element::Array(DenseArray { shape: header.shape.clone(), values }))
            }
            MatrixHeader::Table(header) => {
                let mut table = header.read(context)?;
                // anndata gives tables aligned to an axis the name of that axis.
                let names = match slot {
                    Slot::Obsm(_) => &self.parts.obs.index_name,
                    Slot::Varm(_) => &self.parts.var.index_name,
                    _ => &table.index_name,
                };
                table.index_name = names.clone();
                Ok(Element::Table(table))
            }
            MatrixHeader::Other { path, .. } => read_at(context, path),
        }
    }

    /// Bytes on disk of all arrays of the file.
    ///
    /// # Errors
    /// If a node cannot be looked at.
    pub fn stored_bytes(&self) -> Result<u64> {
        Ok(super::tree(self.store.as_ref())?.iter().map(|entry| entry.stored_bytes).sum())
    }

    /// Paths below `uns` of what belongs, and is found, elsewhere.
    pub(crate) fn hidden(&self) -> &[String] {
        &self.parts.hidden
    }

    pub(crate) fn context(&self) -> ReadContext<'_> {
        ReadContext::new(self.store.as_ref(), &self.warnings)
    }

    fn require(&self, axis: TableName) -> Result<&TableHeader> {
        self.table(axis)
            .ok_or_else(|| Error::not_found("nothing stands there").at(axis.to_string()).in_file(self.store.location()))
    }

    fn place(&self, error: Error, element: &str) -> Error {
        error.at(element).in_file(self.store.location())
    }
}
