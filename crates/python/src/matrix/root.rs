//! What a matrix is a view of: an element of a file, an array in memory, several matrices as one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use annstream_core::anndata::{AnnDataFile, MatrixHeader, Slot};
use annstream_core::element::SparseLayout;
use annstream_core::matrix::{DROPPED, MatrixSource, Remap};
use annstream_core::source::{
    KeptRows, RowPlacement, SortedRows, StackedPart, StackedRows, StoredSparse, row_source, worth_keeping,
};
use annstream_core::{Error, ErrorKind, Exec, Result};
use annstream_store::{Compression, DType, OpenOptions, is_url, open};
use pyo3::prelude::*;

use super::Matrix;
use super::cut::CutOnce;

/// How the values of a root stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csr,
    Csc,
    Dense,
}

impl Format {
    /// The name that scipy has for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Csr => "csr",
            Self::Csc => "csc",
            Self::Dense => "dense",
        }
    }
}

/// Rows and columns with ids of their own, in which operators speak.
pub(crate) struct Root {
    pub(crate) origin: Origin,
    pub(crate) shape: [usize; 2],
    pub(crate) dtype: DType,
    pub(crate) format: Format,
    /// Stored values, where known without reading.
    pub(crate) nnz: Option<u64>,
    pub(crate) compression: Compression,
    /// The rows, once somebody asked: a CSC matrix is put in order in scratch space for them.
    rows: Mutex<Option<Arc<dyn MatrixSource>>>,
    /// The file, if it is to go with this.
    _scratch: Option<Scratch>,
}

/// A file that is removed.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may be gone already, and nobody is there to be told of anything else.
        drop(std::fs::remove_file(&self.0));
    }
}

/// Where the values are.
pub(crate) enum Origin {
    /// In a file.
    File { file: Arc<AnnDataFile>, path: PathBuf, element: String, folder: Option<(u64, u64)> },
    /// In memory, along the compressed axis; the object of Python that they came from.
    Memory { source: Arc<dyn MatrixSource>, object: Py<PyAny> },
    /// In other matrices, one below the other. For each the new column of its own ones, negative for those that leave;
    /// what nobody has is `fill`.
    Stacked { parts: Vec<(Matrix, Option<Vec<i64>>)>, fill: Option<f64> },
    /// In another matrix, whose positions are the ids.
    Viewed(Matrix),
}

impl Root {
    fn new(origin: Origin, shape: [usize; 2], dtype: DType, format: Format, nnz: Option<u64>) -> Self {
        let compression = Compression::None;
        Self { origin, shape, dtype, format, nnz, compression, rows: Mutex::default(), _scratch: None }
    }

    /// The same, whose file is removed when nobody reads from it any more.
    pub(crate) fn scratch(self, path: PathBuf) -> Self {
        Self { _scratch: Some(Scratch(path)), ..self }
    }

    /// A matrix slot of a file, by its path: `X`, `layers/counts`, `raw/X`, `obsm/X_pca`.
    pub(crate) fn file(path: &Path, element: &str, allow_external: bool) -> Result<Self> {
        let file = opened(path, allow_external)?;
        let place = |error: Error| error.in_file(path).at(element);
        let header = header(&file, element).ok_or_else(|| place(Error::not_found("nothing stands there")))?;
        let (shape, dtype, format, nnz, compression) = match header {
            MatrixHeader::Sparse(sparse) => {
                let format = if sparse.layout == SparseLayout::Csr { Format::Csr } else { Format::Csc };
                (sparse.shape, sparse.dtype, format, Some(sparse.nnz as u64), sparse.compression)
            }
            MatrixHeader::Dense(dense) => {
                let &[rows, columns] = dense.shape.as_slice() else {
                    return Err(place(Error::unsupported(format!("has {} dimensions", dense.shape.len()))));
                };
                ([rows, columns], dense.dtype, Format::Dense, Some(rows as u64 * columns as u64), dense.compression)
            }
            _ => return Err(place(Error::unsupported("is not a matrix of numbers"))),
        };
        if dtype == DType::Str {
            return Err(place(Error::unsupported("is not a matrix of numbers")));
        }
        let origin = Origin::File { file, path: path.to_owned(), element: element.to_owned(), folder: folder(path) };
        Ok(Self { compression, ..Self::new(origin, shape, dtype, format, nnz) })
    }

    /// An array in memory.
    pub(crate) fn memory(
        source: Arc<dyn MatrixSource>,
        object: Py<PyAny>,
        shape: [usize; 2],
        format: Format,
        nnz: u64,
    ) -> Self {
        let dtype = source.dtype();
        Self::new(Origin::Memory { source, object }, shape, dtype, format, Some(nnz))
    }

    /// Matrices one below the other.
    pub(crate) fn stacked(
        parts: Vec<(Matrix, Option<Vec<i64>>)>,
        columns: usize,
        dtype: DType,
        dense: bool,
        fill: Option<f64>,
    ) -> Self {
        let rows = parts.iter().map(|(part, _)| part.shape()[0]).sum();
        let whole = parts.iter().all(|(_, map)| map.is_none());
        let nnz = parts.iter().map(|(part, _)| part.nnz()).sum::<Option<u64>>().filter(|_| whole);
        let compression = parts.first().map_or(Compression::None, |(part, _)| part.root.compression);
        let format = if dense { Format::Dense } else { Format::Csr };
        Self { compression, ..Self::new(Origin::Stacked { parts, fill }, [rows, columns], dtype, format, nnz) }
    }

    /// A matrix whose positions become ids.
    pub(crate) fn viewed(matrix: Matrix) -> Self {
        let compression = matrix.root.compression;
        let (shape, dtype, format, nnz) = (matrix.shape(), matrix.dtype(), matrix.format(), matrix.nnz());
        Self { compression, ..Self::new(Origin::Viewed(matrix), shape, dtype, format, nnz) }
    }

    /// The rows. What must be sorted is sorted once, and kept in scratch space as long as this lives.
    pub(crate) fn rows(&self, exec: &Exec) -> Result<Arc<dyn MatrixSource>> {
        self.check()?;
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = &*rows {
            return Ok(rows.clone());
        }
        let made: Arc<dyn MatrixSource> = match &self.origin {
            Origin::File { file, path, element, .. } => {
                let header = header(file, element).ok_or_else(|| Error::internal("a matrix that is gone"))?;
                let rows = row_source(file, header, exec).map_err(|error| error.in_file(path))?;
                let values = self.nnz.filter(|_| worth_keeping(file, header));
                values.map_or_else(|| rows.clone(), |values| Arc::new(KeptRows::new(rows.clone(), values, exec)))
            }
            Origin::Memory { source, .. } if self.format == Format::Csc => {
                let sorted = SortedRows::sort(source, RowPlacement::Columns(None), self.shape[0] as u64, 1, exec)?;
                exec.release();
                Arc::new(sorted)
            }
            Origin::Memory { source, .. } => source.clone(),
            Origin::Stacked { parts, fill } => Arc::new(self.stack(parts, *fill, exec)?),
            Origin::Viewed(matrix) => matrix.source(exec)?,
        };
        let made: Arc<dyn MatrixSource> = Arc::new(CutOnce::new(made));
        *rows = Some(made.clone());
        Ok(made)
    }

    /// Refuses to read from a store that was replaced: an open file lives on, but the files of a folder are opened anew.
    fn check(&self) -> Result<()> {
        match &self.origin {
            Origin::File { path, folder: Some(then), .. } if folder(path) != Some(*then) => {
                let error = Error::new(ErrorKind::Io, "was replaced or removed since it was opened").in_file(path);
                Err(error.hint("open it again"))
            }
            Origin::Stacked { parts, .. } => parts.iter().try_for_each(|(part, _)| part.root.check()),
            Origin::Viewed(matrix) => matrix.root.check(),
            _ => Ok(()),
        }
    }

    /// Whether [`rows`](Self::rows) costs nothing.
    pub(crate) fn has_rows(&self) -> bool {
        self.format != Format::Csc || self.rows.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The columns of a CSC matrix, where they stand.
    pub(crate) fn columns(&self) -> Result<Option<Arc<dyn MatrixSource>>> {
        if self.format != Format::Csc {
            return Ok(None);
        }
        self.check()?;
        Ok(match &self.origin {
            Origin::File { file, element, .. } => {
                let [rows, columns] = self.shape.map(|extent| extent as u64);
                let path = header(file, element).map_or(element.as_str(), MatrixHeader::path);
                Some(Arc::new(StoredSparse::open(file.store().as_ref(), path, [columns, rows])?))
            }
            Origin::Memory { source, .. } => Some(source.clone()),
            Origin::Stacked { .. } | Origin::Viewed(_) => None,
        })
    }

    fn stack(&self, parts: &[(Matrix, Option<Vec<i64>>)], fill: Option<f64>, exec: &Exec) -> Result<StackedRows> {
        let columns = self.shape[1];
        let dense = self.format == Format::Dense;
        let mut stacked = Vec::with_capacity(parts.len());
        for (part, map) in parts {
            let own = part.shape()[1];
            let remap = match map {
                None => Remap::same(columns, self.dtype),
                Some(map) => {
                    if map.len() != own || map.iter().any(|&new| new >= columns as i64) {
                        return Err(Error::argument("columns of a part that do not fit the result"));
                    }
                    let new = map.iter().map(|&new| u32::try_from(new).unwrap_or(DROPPED)).collect();
                    let fill = if dense { Some(fill.unwrap_or(f64::NAN)) } else { fill.filter(|&fill| fill != 0.0) };
                    Remap::new(new, columns, self.dtype, fill)
                }
            };
            stacked.push(StackedPart { name: part.name(), source: Box::new(part.source(exec)?), remap });
        }
        if dense {
            return Ok(StackedRows::dense(stacked, columns as u64, self.dtype, self.compression));
        }
        exec.progress().begin("counting", self.shape[0] as u64, "cells");
        let rows = StackedRows::sparse(stacked, columns as u64, self.dtype, exec)?;
        exec.progress().end();
        Ok(rows)
    }
}

fn header<'a>(file: &'a AnnDataFile, element: &str) -> Option<&'a MatrixHeader> {
    let slot = match element.split_once('/') {
        None if element == "X" => Slot::X,
        Some(("raw", "X")) => Slot::RawX,
        Some(("layers", name)) => Slot::Layer(name),
        Some(("obsm", name)) => Slot::Obsm(name),
        Some(("varm", name)) => Slot::Varm(name),
        Some(("obsp", name)) => Slot::Obsp(name),
        Some(("varp", name)) => Slot::Varp(name),
        _ => return None,
    };
    file.matrix(slot)
}

/// What tells a folder from another one of the same name.
fn folder(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let data = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_dir)?;
    Some((data.dev(), data.ino()))
}

/// What tells a file from another one, or from itself after a change.
#[derive(Clone, Debug, PartialEq)]
struct Stamp(Option<(u64, u64, u64, SystemTime)>);

impl Stamp {
    fn of(path: &Path) -> Self {
        use std::os::unix::fs::MetadataExt;
        let look = || {
            std::fs::metadata(path)
                .ok()
                .and_then(|data| Some((data.dev(), data.ino(), data.len(), data.modified().ok()?)))
        };
        Self(if is_url(path) { None } else { look() })
    }
}

type Known = HashMap<(PathBuf, bool), (Stamp, Weak<AnnDataFile>)>;

/// Files that somebody reads from: the matrices of a file share its descriptors.
static OPEN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// Opens a file, or shares it if it is open and did not change.
pub(crate) fn opened(path: &Path, allow_external: bool) -> Result<Arc<AnnDataFile>> {
    let key = (std::path::absolute(path).unwrap_or_else(|_| path.to_owned()), allow_external);
    let stamp = Stamp::of(path);
    let mut known = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|_, (_, file)| file.strong_count() > 0);
    if let Some((then, file)) = known.get(&key)
        && *then == stamp
        && let Some(file) = file.upgrade()
    {
        return Ok(file);
    }
    let store = open(path, OpenOptions { allow_external })?;
    let file = Arc::new(AnnDataFile::open(Arc::from(store)).map_err(|error| error.in_file(path))?);
    known.insert(key, (stamp, Arc::downgrade(&file)));
    Ok(file)
}
