//! [`Matrix`]: a lazy matrix as Python holds it.

mod cut;
mod ops;
mod python;
mod read;
mod reduce;
mod root;

use std::sync::Arc;

use annstream_core::lazy::{LazyMatrix, LazyRows, Precision, Zeros};
use annstream_core::matrix::MatrixSource;
use annstream_core::source::{GatheredRows, PickedRows, RepeatedColumns};
use annstream_core::{Exec, Result};
use annstream_store::{Compression, DType};
use pyo3::prelude::*;

use ops::{Place, Step};
use root::Origin;
pub(crate) use root::{Format, Root, opened};

/// Rows and columns of a root, in any order, with operators on their values. Immutable; a clone costs a few counters.
///
/// Python sees `_annstream.Matrix`. Steps in Rust take a `&Matrix` and ask it for [`lazy`](Self::lazy).
#[pyclass(frozen, module = "annstream._annstream")]
#[derive(Clone)]
pub(crate) struct Matrix {
    root: Arc<Root>,
    /// Ids in the root, in any order, with repetitions; `None` for all.
    rows: Option<Arc<[u32]>>,
    columns: Option<Arc<[u32]>>,
    steps: Vec<Step>,
}

impl Matrix {
    fn whole(root: Root) -> Self {
        Self { root: Arc::new(root), rows: None, columns: None, steps: Vec::new() }
    }

    /// Rows and columns.
    pub(crate) fn shape(&self) -> [usize; 2] {
        let of = |ids: &Option<Arc<[u32]>>, axis: usize| ids.as_ref().map_or(self.root.shape[axis], |ids| ids.len());
        [of(&self.rows, 0), of(&self.columns, 1)]
    }

    /// What is computed in.
    pub(crate) fn precision(&self) -> Precision {
        self.steps.iter().fold(Precision::of(self.root.dtype), |precision, step| step.op.precision(precision))
    }

    /// Type of the values: the stored one, or what operators make of it.
    pub(crate) fn dtype(&self) -> DType {
        if self.steps.is_empty() { self.root.dtype } else { self.precision().dtype() }
    }

    /// What rows are read as.
    pub(crate) fn format(&self) -> Format {
        let moved = self.steps.iter().any(|step| step.op.zeros() == Zeros::Moved);
        if moved { Format::Dense } else { self.root.format }
    }

    /// Number of stored values, where known without reading.
    pub(crate) fn nnz(&self) -> Option<u64> {
        if self.format() == Format::Dense {
            let [rows, columns] = self.shape();
            return Some(rows as u64 * columns as u64);
        }
        self.root.nnz.filter(|_| self.rows.is_none() && self.columns.is_none())
    }

    /// Compression of what is read from.
    pub(crate) fn compression(&self) -> Compression {
        self.root.compression
    }

    /// The columns of a CSC matrix as they are stored, of those that have no operators.
    pub(crate) fn stored_columns(&self, exec: &Exec) -> Result<Option<Arc<dyn MatrixSource>>> {
        let Some(source) = self.root.columns()?.filter(|_| self.steps.is_empty()) else { return Ok(None) };
        self.turned().source_of(source, exec).map(Some)
    }

    /// Rows as columns, for sources of columns.
    fn turned(&self) -> Self {
        Self { rows: self.columns.clone(), columns: self.rows.clone(), steps: Vec::new(), root: self.root.clone() }
    }

    /// For messages.
    pub(crate) fn name(&self) -> String {
        match &self.root.origin {
            Origin::File { path, .. } => path.display().to_string(),
            Origin::Memory { .. } => "a matrix in memory".to_owned(),
            Origin::Stacked { .. } => "stacked matrices".to_owned(),
            Origin::Viewed(matrix) => matrix.name(),
        }
    }

    /// Rows and columns by position in this matrix.
    pub(crate) fn select(&self, rows: Option<&[u32]>, columns: Option<&[u32]>) -> Self {
        fn choose(own: Option<&Arc<[u32]>>, chosen: Option<&[u32]>, extent: usize) -> Option<Arc<[u32]>> {
            let Some(chosen) = chosen else { return own.cloned() };
            let ids: Arc<[u32]> = match own {
                None => chosen.into(),
                Some(own) => chosen.iter().map(|&position| own[position as usize]).collect(),
            };
            let all = ids.len() == extent && (0..).zip(ids.iter()).all(|(place, &id): (u32, _)| place == id);
            (!all).then_some(ids)
        }
        Self {
            rows: choose(self.rows.as_ref(), rows, self.root.shape[0]),
            columns: choose(self.columns.as_ref(), columns, self.root.shape[1]),
            ..self.clone()
        }
    }

    /// The same values as a root of its own: ids are positions from here on.
    pub(crate) fn rebased(&self) -> Self {
        Self::whole(Root::viewed(self.clone()))
    }

    /// The same but for a constant in each column, where the last operator scales: zeros stay zeros then, so that blocks
    /// of sparse matrices leave them out. For steps that do not see such constants.
    pub(crate) fn unshifted(&self, py: Python<'_>) -> PyResult<Self> {
        let mut out = self.clone();
        if let Some(last) = out.steps.last_mut().filter(|last| last.name == "scale") {
            last.op = ops::build("deviations", last.params.bind(py), &last.place)?;
            "deviations".clone_into(&mut last.name);
        }
        Ok(out)
    }

    fn place(&self) -> Place {
        Place { rows: self.rows.clone(), columns: self.columns.clone(), root: self.root.shape }
    }

    /// As a lazy matrix of the engine: rows and columns in the order of this one, operators included. One that is in
    /// another order than its root, or repeats rows, is gathered in scratch space first; a CSC matrix is sorted there,
    /// once for all views of it.
    ///
    /// # Errors
    /// If the file is damaged, or there is too little memory or scratch space.
    pub(crate) fn lazy(&self, exec: &Exec) -> Result<LazyMatrix> {
        if !rises(self.rows.as_deref()) || !rises(self.columns.as_deref()) {
            return Ok(LazyMatrix::new(self.source(exec)?));
        }
        Ok(self.changed(self.rising(LazyMatrix::new(self.root.rows(exec)?))?, false))
    }

    /// The same after `expm1` of `factor` times the values, where that is the way back from the last operator, and shorter than
    /// there and back again; else `None`.
    ///
    /// # Errors
    /// As [`lazy`](Self::lazy).
    pub(crate) fn lazy_and_back(&self, factor: f64, exec: &Exec) -> Result<Option<LazyMatrix>> {
        let fused = self.steps.last().and_then(|last| last.fused.as_ref());
        #[expect(clippy::float_cmp, reason = "the way back from this very base")]
        let there = fused.is_some_and(|fused| fused.factor == factor);
        if !there || !rises(self.rows.as_deref()) || !rises(self.columns.as_deref()) {
            return Ok(None);
        }
        Ok(Some(self.changed(self.rising(LazyMatrix::new(self.root.rows(exec)?))?, true)))
    }

    /// With all operators; the last one back again if so asked.
    fn changed(&self, mut matrix: LazyMatrix, back: bool) -> LazyMatrix {
        for (i, step) in self.steps.iter().enumerate() {
            let next = self.steps.get(i + 1);
            matrix = match &step.fused {
                _ if next.is_some_and(|next| next.fused.is_some()) => matrix,
                Some(fused) if back && next.is_none() => matrix.with(fused.op.clone().and_back()),
                Some(fused) => matrix.with(fused.op.clone()),
                None => matrix.with_shared(step.op.clone()),
            };
        }
        matrix
    }

    /// The rows and columns of a root that are kept, each once, in the order of the root.
    fn rising(&self, mut matrix: LazyMatrix) -> Result<LazyMatrix> {
        if let Some(rows) = &self.rows {
            matrix = matrix.with_rows(distinct(rows).into_iter().map(u64::from).collect::<Vec<_>>())?;
        }
        if let Some(columns) = &self.columns {
            matrix = matrix.with_columns(distinct(columns))?;
        }
        Ok(matrix)
    }

    /// As a source of rows: without operators, values come in the stored type and as they are stored.
    ///
    /// # Errors
    /// As [`lazy`](Self::lazy).
    pub(crate) fn source(&self, exec: &Exec) -> Result<Arc<dyn MatrixSource>> {
        self.source_of(self.root.rows(exec)?, exec)
    }

    fn source_of(&self, root: Arc<dyn MatrixSource>, exec: &Exec) -> Result<Arc<dyn MatrixSource>> {
        let (mut rows, mut columns) = (self.rows.clone(), self.columns.clone());
        let mut source = root;
        if !self.steps.is_empty() {
            let matrix = self.rising(LazyMatrix::new(source))?;
            let changed = LazyRows::new(self.changed(matrix, false))?;
            source = Arc::new(if self.format() == Format::Dense { changed.into_dense() } else { changed });
            (rows, columns) = (rows.and_then(|ids| places(&ids)), columns.and_then(|ids| places(&ids)));
        }
        if let Some(rows) = rows {
            source = if rises(Some(&rows)) {
                Arc::new(PickedRows::new(source, rows.iter().map(|&row| i64::from(row)).collect())?)
            } else {
                Arc::new(GatheredRows::gather(Box::new(source), &rows, exec)?)
            };
        }
        if let Some(columns) = columns {
            source = Arc::new(RepeatedColumns::new(source, columns.to_vec())?);
        }
        Ok(source)
    }
}

/// Whether ids rise strictly.
fn rises(ids: Option<&[u32]>) -> bool {
    ids.is_none_or(|ids| ids.is_sorted_by(|a, b| a < b))
}

/// Ids in order, each once.
fn distinct(ids: &[u32]) -> Vec<u32> {
    let mut out = ids.to_vec();
    if !rises(Some(ids)) {
        out.sort_unstable();
        out.dedup();
    }
    out
}

/// For each id its place among the distinct ones; `None` if those are all in order.
fn places(ids: &[u32]) -> Option<Arc<[u32]>> {
    if rises(Some(ids)) {
        return None;
    }
    let distinct = distinct(ids);
    let place = |id| u32::try_from(distinct.partition_point(|&other| other < id)).unwrap_or(u32::MAX);
    Some(ids.iter().map(|&id| place(id)).collect())
}

fn twice(ids: Option<&[u32]>) -> bool {
    ids.is_some_and(|ids| distinct(ids).len() < ids.len())
}
