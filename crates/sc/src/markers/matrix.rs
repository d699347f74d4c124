//! The matrix that is looked at, row by row or gene by gene.

use std::sync::Arc;

use annstream_core::anndata::{AnnDataFile, MatrixHeader, TableName};
use annstream_core::element::SparseLayout;
use annstream_core::lazy::{LazyMatrix, LazyRows};
use annstream_core::matrix::{DROPPED, MatrixSource};
use annstream_core::op::ToDouble;
use annstream_core::source::{
    CompressedRows, PickedRows, RowPlacement, SortedRows, StoredDense, StoredSparse, row_source,
};
use annstream_core::table::Column;
use annstream_core::{Error, Exec, Result};

use super::MarkerOptions;
use crate::groups::truths;

/// The matrix that scanpy would choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which<'a> {
    X,
    Layer(&'a str),
    Raw,
}

impl<'a> Which<'a> {
    /// `raw` if there is one, unless it is said.
    ///
    /// # Errors
    /// `Argument` if the options exclude each other.
    pub(crate) fn of(options: &'a MarkerOptions, has_raw: bool) -> Result<Self> {
        match (&options.layer, options.use_raw.unwrap_or(has_raw)) {
            (Some(_), true) => {
                Err(Error::argument("a layer is named, and raw is to be used").hint("give --no-raw too"))
            }
            (Some(name), false) => Ok(Self::Layer(name)),
            (None, true) => Ok(Self::Raw),
            (None, false) => Ok(Self::X),
        }
    }

    /// Its header.
    ///
    /// # Errors
    /// `Argument` if it is not there.
    pub(crate) fn header(self, file: &AnnDataFile) -> Result<&MatrixHeader> {
        match self {
            Self::Layer(name) => file.layers().get(name).ok_or_else(|| no_layer(name, file.layers().keys())),
            Self::Raw => {
                let raw = file.raw().ok_or_else(no_raw)?;
                raw.x.as_ref().ok_or_else(|| Error::invalid("raw has no X").at("raw"))
            }
            Self::X => {
                let none = || Error::invalid("there is no X to work on").at("X").hint("name a layer: --layer NAME");
                file.x().ok_or_else(none)
            }
        }
    }

    /// Whose variables it has.
    pub(crate) fn var(self) -> TableName {
        if self == Self::Raw { TableName::RawVar } else { TableName::Var }
    }
}

/// Refuses options that ask for a layer or a `raw` that is not there, by names alone.
///
/// # Errors
/// `Argument`.
pub fn check_matrix(options: &MarkerOptions, layers: &[String], has_raw: bool) -> Result<()> {
    match Which::of(options, has_raw)? {
        Which::Layer(name) if !layers.iter().any(|known| known == name) => Err(no_layer(name, layers.iter())),
        Which::Raw if !has_raw => Err(no_raw()),
        _ => Ok(()),
    }
}

fn no_layer<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Error {
    let known: Vec<&str> = known.map(String::as_str).take(20).collect();
    Error::argument(format!("there is no layer '{name}'")).hint(format!("the layers are: {}", known.join(", ")))
}

fn no_raw() -> Error {
    Error::argument("raw is to be used, and there is none")
}

/// Where the values are.
#[derive(Clone)]
pub(super) enum Origin<'a> {
    /// In the file.
    Stored(&'a MatrixHeader),
    /// In a matrix of a pipeline, whose rows are the cells and whose columns are the genes.
    Lazy(LazyMatrix),
}

/// Which matrix is read, and which of its genes.
#[derive(Clone)]
pub(super) struct Chosen<'a> {
    pub(super) origin: Origin<'a>,
    /// Whether `raw` was chosen; `use_raw` of the parameters that scanpy stores.
    pub(super) use_raw: bool,
    /// The genes that are looked at; `None` for all.
    pub(super) mask: Option<Vec<bool>>,
}

impl<'a> Chosen<'a> {
    /// Chooses as scanpy: `raw` if there is one, unless it is said.
    ///
    /// # Errors
    /// `Argument` if it is not there, or the options exclude each other.
    pub(super) fn of(file: &'a AnnDataFile, options: &MarkerOptions) -> Result<Self> {
        let which = Which::of(options, file.raw().is_some())?;
        let header = which.header(file)?;
        let mask = options.mask_var.as_ref().map(|name| mask(file, which.var(), name)).transpose()?;
        Ok(Self { origin: Origin::Stored(header), use_raw: which == Which::Raw, mask })
    }

    /// Number of genes that are looked at.
    pub(super) fn width(&self) -> usize {
        let all = || match &self.origin {
            Origin::Stored(header) => header.shape().get(1).copied().unwrap_or(0),
            Origin::Lazy(matrix) => matrix.shape()[1],
        };
        self.mask.as_ref().map_or_else(all, |mask| mask.iter().filter(|kept| **kept).count())
    }

    /// Whether its genes are stored one after the other.
    pub(super) fn by_gene(&self) -> bool {
        matches!(self.origin, Origin::Stored(MatrixHeader::Sparse(sparse)) if sparse.layout == SparseLayout::Csc)
    }

    /// Cells x genes: the cells that are kept, and the genes that are looked at.
    pub(super) fn rows(&self, file: Option<&AnnDataFile>, cells: &[bool], exec: &Exec) -> Result<LazyMatrix> {
        let matrix = match &self.origin {
            Origin::Stored(header) => LazyMatrix::new(row_source(known(file)?, header, exec)?),
            Origin::Lazy(matrix) => matrix.clone(),
        };
        let matrix = matrix.keep_rows(cells)?;
        let matrix = match &self.mask {
            Some(mask) => matrix.keep_columns(mask)?,
            None => matrix,
        };
        Ok(exact(matrix))
    }

    /// Genes x cells: those of a CSC matrix where they stand, those of others by way of an external sort, which leaves
    /// out what is not looked at.
    pub(super) fn genes(&self, file: Option<&AnnDataFile>, cells: &[bool], exec: &Exec) -> Result<LazyMatrix> {
        let header = match &self.origin {
            Origin::Stored(header) => *header,
            Origin::Lazy(matrix) => {
                let rows = LazyRows::new(matrix.clone().keep_rows(cells)?)?;
                // One to count the values of each gene, and one to deal them.
                matrix.count_passes(2);
                return self.sorted(&rows, "X", exec);
            }
        };
        let store = known(file)?.store().as_ref();
        let place = |error: Error| error.in_file(store.location()).at(header.path());
        let shape = header.shape();
        let &[rows, columns] = shape.as_slice() else {
            return Err(place(Error::unsupported(format!("has {} dimensions, expected 2", shape.len()))));
        };
        let (rows, columns) = (rows as u64, columns as u64);
        let source: Box<dyn MatrixSource> = match header {
            MatrixHeader::Sparse(sparse) if sparse.layout == SparseLayout::Csc => {
                let genes = LazyMatrix::new(Arc::new(StoredSparse::open(store, header.path(), [columns, rows])?));
                let genes = genes.keep_columns(cells)?;
                return Ok(exact(match &self.mask {
                    Some(mask) => genes.keep_rows(mask)?,
                    None => genes,
                }));
            }
            MatrixHeader::Sparse(_) => Box::new(StoredSparse::open(store, header.path(), [rows, columns])?),
            MatrixHeader::Dense(dense) if dense.field.is_none() => {
                Box::new(CompressedRows(StoredDense::open(store, header.path())?))
            }
            _ => return Err(place(Error::unsupported("is not a matrix of numbers"))),
        };
        let source: Box<dyn MatrixSource> = if cells.contains(&false) {
            let kept = (0_i64..).zip(cells).filter(|(_, kept)| **kept).map(|(cell, _)| cell).collect();
            Box::new(PickedRows::new(source, kept)?)
        } else {
            source
        };
        self.sorted(source.as_ref(), header.path(), exec).map_err(place)
    }

    /// The genes of a matrix of cells, by way of scratch space.
    fn sorted(&self, cells: &dyn MatrixSource, path: &str, exec: &Exec) -> Result<LazyMatrix> {
        let map = self.mask.as_ref().map(|mask| {
            let mut next = 0..;
            let place = |kept: &bool| if *kept { next.next().unwrap_or(DROPPED) } else { DROPPED };
            mask.iter().map(place).collect::<Vec<u32>>()
        });
        let width = self.width() as u64;
        exec.progress().begin(&format!("{path} (sorting)"), 0, "values");
        let sorted = SortedRows::sort(cells, RowPlacement::Columns(map.as_deref()), width, 1, exec)?;
        exec.progress().end();
        exec.release();
        Ok(exact(LazyMatrix::new(Arc::new(sorted))))
    }
}

/// The file of a matrix that is stored in one.
fn known(file: Option<&AnnDataFile>) -> Result<&AnnDataFile> {
    file.ok_or_else(|| Error::internal("a stored matrix without its file"))
}

/// Whole numbers and their squares are added exactly.
fn exact(matrix: LazyMatrix) -> LazyMatrix {
    if matrix.stored_dtype().is_float() { matrix } else { matrix.with(ToDouble) }
}

fn mask(file: &AnnDataFile, var: TableName, name: &str) -> Result<Vec<bool>> {
    if !file.var().columns.contains_key(name) {
        return Err(Error::argument(format!("var has no column '{name}'")));
    }
    let width = file.table(var).map_or(0, annstream_core::anndata::TableHeader::len);
    mask_of(&file.read_column(TableName::Var, name)?, name, width)
}

/// The truth values of a column of `var`, for so many genes.
///
/// # Errors
/// `Argument` if they are none, or have another length.
pub(crate) fn mask_of(column: &Column, name: &str, width: usize) -> Result<Vec<bool>> {
    let mask = truths(column).ok_or_else(|| {
        Error::argument("is not a column of truth values").at(format!("var/{name}")).hint("--mask-var chooses genes")
    })?;
    if mask.len() != width {
        let message = format!("chooses among {} genes, and raw has {width}", mask.len());
        return Err(Error::argument(message).at(format!("var/{name}")).hint("give --no-raw"));
    }
    Ok(mask)
}
