//! The matrix that is scored, and how scanpy adds up its values.

use std::sync::Arc;

use annstream_core::Exec;
use annstream_core::anndata::{MatrixHeader, TableName};
use annstream_core::concat::Input;
use annstream_core::element::SparseLayout;
use annstream_core::lazy::{LazyMatrix, Precision};
use annstream_core::matrix::MatrixSource;
use annstream_core::op::ToDouble;
use annstream_core::source::{StoredSparse, row_source};
use annstream_core::table::Column;
use annstream_store::Buffer;

use super::cells::{Columns, Order, RowPass, RowSums};
use super::genes::ColumnPass;
use super::{Like, ScoreOptions};
use crate::{Error, Result};

/// Genes and values.
pub struct Scored {
    /// The rows.
    pub rows: LazyMatrix,
    /// The columns of a CSC matrix as rows, where they stand so: each is then added up as scipy does.
    pub columns: Option<Arc<dyn MatrixSource>>,
    /// How the values are stored.
    pub kind: Kind,
    /// Names of the genes.
    pub names: Vec<String>,
    /// Where the values stand, for errors.
    pub element: String,
}

/// How the values of a matrix are stored, on which the order of its sums depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In compressed rows.
    Csr,
    /// In compressed columns.
    Csc,
    /// All of them.
    Dense,
}

impl Scored {
    pub(super) fn open(input: &Input, options: &ScoreOptions, exec: &Exec) -> Result<Self> {
        let file = &input.file;
        let raw = options.use_raw.unwrap_or(options.layer.is_none() && file.raw().is_some());
        let (header, table) = match (&options.layer, raw) {
            (Some(_), true) => return Err(Error::argument("a layer and raw; expected one of them")),
            (Some(name), false) => (file.layers().get(name), TableName::Var),
            (None, true) => (file.raw().and_then(|raw| raw.x.as_ref()), TableName::RawVar),
            (None, false) => (file.x(), TableName::Var),
        };
        let header = header.ok_or_else(|| {
            let what = match &options.layer {
                Some(name) => format!("there is no layer '{name}'"),
                None if raw => "there is no raw/X to score".to_owned(),
                None => "there is no X to score".to_owned(),
            };
            Error::argument(what).in_file(&input.name)
        })?;
        let (Column::Plain(Buffer::Str(index)) | Column::Nullable { values: Buffer::Str(index), .. }) =
            file.read_index(table)?
        else {
            return Err(Error::internal("names of genes that are not text"));
        };
        let names = (0..index.len()).map(|i| index.get(i).to_owned()).collect();
        let rows = LazyMatrix::new(row_source(file, header, exec)?);
        let kind = match header {
            MatrixHeader::Sparse(header) if header.layout == SparseLayout::Csr => Kind::Csr,
            MatrixHeader::Sparse(_) => Kind::Csc,
            _ => Kind::Dense,
        };
        let element = header.path().to_owned();
        let turned = rows.shape().map(|extent| extent as u64);
        let columns: Option<Arc<dyn MatrixSource>> = if kind == Kind::Csc {
            Some(Arc::new(StoredSparse::open(file.store().as_ref(), header.path(), [turned[1], turned[0]])?))
        } else {
            None
        };
        Ok(Self { rows, columns, kind, names, element })
    }

    /// Means of some genes, of the cells that have a number: one pass.
    pub(super) fn means(&self, genes: &[u32], like: Like, exec: &Exec) -> Result<Vec<f64>> {
        self.gene_means(genes, like, exec).map_err(|error| error.at(self.element.clone()))
    }

    fn gene_means(&self, genes: &[u32], like: Like, exec: &Exec) -> Result<Vec<f64>> {
        let [cells, width] = self.rows.shape();
        let kind = self.kind;
        if let Some(source) = self.columns.as_ref().filter(|_| like == Like::V1_11) {
            // A column stands in one piece, and is added up as such.
            let everything: Vec<u32> = (0..u32::try_from(cells).unwrap_or(u32::MAX)).collect();
            let pass = RowPass { sets: vec![Columns::new(cells, &everything)], order: Order::Halves };
            let sums = whole(LazyMatrix::new(source.clone())).run(pass, "means of genes", exec)?.pop();
            let RowSums { sums, missing } = sums.unwrap_or_default();
            return Ok(picked(genes, |gene| mean(sums[gene], cells, missing[gene])));
        }
        let mut matrix = whole(self.rows.clone());
        if kind != Kind::Dense && like == Like::V1_12 {
            matrix = matrix.with(ToDouble);
        }
        let precision = matrix.precision();
        let halves = kind == Kind::Dense && genes.len() < width;
        let sums = matrix.run(ColumnPass { width, rows: cells, precision, halves }, "means of genes", exec)?;
        #[expect(clippy::cast_possible_truncation, reason = "numpy gives means of f32 in f32")]
        let round = |mean: f64| match (kind, precision) {
            (Kind::Dense, Precision::Single) => f64::from(mean as f32),
            _ => mean,
        };
        Ok(picked(genes, |gene| round(mean(sums.sums[gene], cells, sums.missing[gene]))))
    }

    /// Means of sets of genes in each cell, of the genes that have a number: one pass.
    pub(super) fn cells(&self, sets: &[&[u32]], like: Like, exec: &Exec) -> Result<Vec<Vec<f64>>> {
        self.cell_means(sets, like, exec).map_err(|error| error.at(self.element.clone()))
    }

    fn cell_means(&self, sets: &[&[u32]], like: Like, exec: &Exec) -> Result<Vec<Vec<f64>>> {
        let width = self.rows.shape()[1];
        let sets: Vec<Columns> = sets.iter().map(|set| Columns::new(width, set)).collect();
        let counts: Vec<usize> = sets.iter().map(Columns::count).collect();
        let kept: Vec<bool> = (0..width).map(|column| sets.iter().any(|set| set.has(column))).collect();
        let mut matrix = whole(self.rows.clone().keep_columns(&kept)?);
        if self.kind == Kind::Dense || like == Like::V1_12 {
            matrix = matrix.with(ToDouble);
        }
        let order = match (self.kind, like) {
            (Kind::Csr, Like::V1_11) => Order::Halves,
            (Kind::Csr, Like::V1_12) => Order::Stored,
            (Kind::Csc | Kind::Dense, _) => Order::Listed,
        };
        let sums = matrix.run(RowPass { sets, order }, "scores", exec)?;
        let means = sums.into_iter().zip(counts).map(|(set, count)| {
            set.sums.iter().zip(&set.missing).map(|(sum, missing)| mean(*sum, count, *missing)).collect()
        });
        Ok(means.collect())
    }
}

/// Whole numbers are added up exactly.
fn whole(matrix: LazyMatrix) -> LazyMatrix {
    if matrix.stored_dtype().is_float() || !matrix.view().ops().is_empty() { matrix } else { matrix.with(ToDouble) }
}

fn mean(sum: f64, count: usize, missing: u64) -> f64 {
    sum / (count as f64 - missing as f64)
}

fn picked(genes: &[u32], of: impl Fn(usize) -> f64) -> Vec<f64> {
    genes.iter().map(|gene| of(*gene as usize)).collect()
}
