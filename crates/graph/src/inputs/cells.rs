//! The seam between the steps on graphs and where cells come from.

use std::borrow::Cow;
use std::path::PathBuf;

use annstream_core::Exec;
use annstream_core::anndata::{AnnDataFile, MatrixHeader, Slot, TableName};
use annstream_core::element::Element;
use annstream_core::table::Column;

use super::{graph_name, read_graph};
use crate::{Error, Graph, Result};

/// What a step on a graph of cells asks for: embeddings, graphs and groups. A file has them, and so has a pipeline that
/// has not written its file yet. `scanpy` asks an `AnnData`.
pub trait Cells {
    /// The name of the file, for messages.
    fn location(&self) -> PathBuf;

    /// Number of genes.
    fn n_vars(&self) -> usize;

    /// Names in `obsm`.
    fn embeddings(&self) -> Vec<String>;

    /// The extents of `X` or an entry of `obsm`, and the memory that reading it takes; `None` if it is not there, or is no
    /// matrix of numbers.
    fn extent(&self, slot: Slot<'_>) -> Option<Extent>;

    /// Reads `X` or an entry of `obsm`.
    ///
    /// # Errors
    /// If it is not there or damaged.
    fn read(&self, slot: Slot<'_>, exec: &Exec) -> Result<Cow<'_, Element>>;

    /// Names of the columns of `obs`.
    fn columns(&self) -> Vec<String>;

    /// Reads a column of `obs`; `None` if there is none by this name.
    ///
    /// # Errors
    /// If it is damaged.
    fn column(&self, name: &str) -> Result<Option<Column>>;

    /// The graph that a run of neighbours left under `key` (`neighbors` unless given), of the cells for which `kept` is
    /// true, or all; and its name in `obsp`.
    ///
    /// # Errors
    /// As for [`graph_name`] and [`read_graph`].
    fn graph(&self, key: Option<&str>, kept: Option<&[bool]>, exec: &Exec) -> Result<(String, Cow<'_, Graph>)>;
}

/// How large a matrix is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its extents.
    pub shape: Vec<usize>,
    /// Bytes that are held beside what is held already, when it is read.
    pub bytes: u64,
}

impl Extent {
    /// Of a matrix as it is stored; `None` if it is not one of numbers.
    pub fn stored(header: &MatrixHeader) -> Option<Self> {
        header.dtype()?;
        let shape = header.shape();
        let bytes = match header {
            MatrixHeader::Sparse(sparse) => sparse.nnz * 16,
            _ => shape.iter().product::<usize>() * 8,
        };
        Some(Self { shape: shape.clone(), bytes: bytes as u64 })
    }
}

impl Cells for AnnDataFile {
    fn location(&self) -> PathBuf {
        self.store().location().to_owned()
    }

    fn n_vars(&self) -> usize {
        self.n_vars()
    }

    fn embeddings(&self) -> Vec<String> {
        self.obsm().keys().cloned().collect()
    }

    fn extent(&self, slot: Slot<'_>) -> Option<Extent> {
        self.matrix(slot).and_then(Extent::stored)
    }

    fn read(&self, slot: Slot<'_>, _exec: &Exec) -> Result<Cow<'_, Element>> {
        self.read(slot).map(Cow::Owned)
    }

    fn columns(&self) -> Vec<String> {
        self.obs().columns.keys().cloned().collect()
    }

    fn column(&self, name: &str) -> Result<Option<Column>> {
        let known = self.obs().columns.contains_key(name);
        known.then(|| self.read_column(TableName::Obs, name)).transpose()
    }

    fn graph(&self, key: Option<&str>, kept: Option<&[bool]>, exec: &Exec) -> Result<(String, Cow<'_, Graph>)> {
        let place = |error: Error| error.in_file(self.store().location());
        let name = graph_name(self, key).map_err(place)?;
        let graph = read_graph(self, &name, kept, exec)?;
        Ok((name, Cow::Owned(graph)))
    }
}
