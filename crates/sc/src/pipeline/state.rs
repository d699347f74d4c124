//! Where a pipeline stands.

use std::sync::Arc;

use annstream_core::Exec;
use annstream_core::anndata::TableName;
use annstream_core::budget::Charge;
use annstream_core::concat::Input;
use annstream_core::edit::Additions;
use annstream_core::lazy::LazyMatrix;
use annstream_core::table::Column;

use super::genes::no_such_column;
use super::stage::Watch;
use super::{Matrix, PipelineReport};
use crate::groups::{Groups, groups};
use crate::recipe::Recipe;
use crate::reduce::GroupMoments;

/// Everything that later steps ask of earlier ones.
pub(super) struct State<'a> {
    pub(super) input: &'a Input,
    pub(super) recipe: &'a Recipe,
    pub(super) exec: &'a Exec,
    /// Whether the matrix is dense.
    pub(super) dense: bool,
    /// Whether scipy counts values of its rows in 64 bits.
    pub(super) wide_rows: bool,
    /// Whether its rows stand in no `X` of the input.
    pub(super) apart: bool,
    /// The matrix as stored, all of it.
    pub(super) stored: LazyMatrix,
    /// As stored, of the cells and genes kept.
    pub(super) raw: LazyMatrix,
    /// The same in the precision that is normalised in.
    pub(super) cast: LazyMatrix,
    /// What the logarithm was taken of, where this pipeline took it.
    pub(super) linear: LazyMatrix,
    /// As the steps leave it.
    pub(super) x: LazyMatrix,
    /// What scaling and PCA look at: `x`, or its residuals.
    pub(super) seen: LazyMatrix,
    /// Of all cells and genes: which are kept.
    pub(super) cells: Vec<bool>,
    pub(super) genes: Vec<bool>,
    /// Of the kept cells: their totals over the kept genes.
    pub(super) totals: Option<Vec<f64>>,
    /// Of all cells: what they are divided by.
    pub(super) divisors: Option<Arc<[f64]>>,
    /// Of the kept genes: which are highly variable.
    pub(super) variable: Option<Vec<bool>>,
    /// Means and variances of `seen`, for scaling.
    pub(super) moments: Option<GroupMoments>,
    /// Of the budget, for what operators know.
    pub(super) charges: Vec<Charge>,
    pub(super) additions: Additions,
    /// Memory of what is kept of each cell until the end.
    held: Vec<Charge>,
    /// Passes over other matrices than the one that is worked on.
    pub(super) other_passes: u32,
    pub(super) report: PipelineReport,
}

impl<'a> State<'a> {
    pub(super) fn new(input: &'a Input, matrix: Matrix, recipe: &'a Recipe, exec: &'a Exec) -> Self {
        let Matrix { source, dense, wide_rows, apart, slow: _ } = matrix;
        let stored = LazyMatrix::new(source);
        let shape = stored.shape();
        Self {
            input,
            recipe,
            exec,
            dense,
            wide_rows,
            apart,
            raw: stored.clone(),
            cast: stored.clone(),
            linear: stored.clone(),
            x: stored.clone(),
            seen: stored.clone(),
            stored,
            cells: vec![true; shape[0]],
            genes: vec![true; shape[1]],
            totals: None,
            divisors: None,
            variable: None,
            moments: None,
            charges: vec![],
            additions: Additions::default(),
            held: Vec::new(),
            other_passes: 0,
            report: PipelineReport { input_shape: shape, shape, ..PipelineReport::default() },
        }
    }

    /// Runs a stage with its time.
    pub(super) fn stage<T>(&mut self, name: &str, run: impl FnOnce(&mut Self) -> crate::Result<T>) -> crate::Result<T> {
        let watch = Watch::start();
        let out = run(self)?;
        self.done(name, watch);
        Ok(out)
    }

    /// Writes down a stage.
    pub(super) fn done(&mut self, name: &str, watch: Watch) {
        self.exec.release();
        self.report.stages.push(watch.stop(name));
        self.report.passes = self.stored.passes() + self.other_passes;
    }

    /// A column of `obs` of the cells kept: one that a step added, or of the input.
    pub(super) fn obs_column(&self, name: &str) -> crate::Result<Column> {
        if let Some(column) = self.additions.obs.get(name) {
            return Ok(column.clone());
        }
        if !self.input.file.obs().columns.contains_key(name) {
            return Err(no_such_column(self, name));
        }
        chosen(self.input.file.read_column(TableName::Obs, name)?, &self.cells)
    }

    /// A column of `var` of the genes kept: one that a step added, or of the input; `None` if there is none.
    pub(super) fn var_column(&self, name: &str) -> crate::Result<Option<Column>> {
        if let Some(column) = self.additions.var.get(name) {
            return Ok(Some(column.clone()));
        }
        let known = self.input.file.var().columns.contains_key(name);
        known.then(|| chosen(self.input.file.read_column(TableName::Var, name)?, &self.genes)).transpose()
    }

    /// The batches of the cells kept, by a column of `obs`.
    pub(super) fn batches(&self, key: &str) -> crate::Result<Groups> {
        if let Some(column) = self.additions.obs.get(key) {
            return groups(column, &vec![true; column.len()], key);
        }
        if !self.input.file.obs().columns.contains_key(key) {
            return Err(no_such_column(self, key));
        }
        groups(&self.input.file.read_column(TableName::Obs, key)?, &self.cells, key)
    }

    /// Keeps some of the cells that are kept so far.
    pub(super) fn keep_cells(&mut self, mask: &[bool]) -> crate::Result<()> {
        let mut kept = mask.iter();
        for cell in self.cells.iter_mut().filter(|cell| **cell) {
            *cell = kept.next().copied().unwrap_or(false);
        }
        for column in self.additions.obs.values_mut() {
            *column = chosen(column.clone(), mask)?;
        }
        for matrix in [&mut self.raw, &mut self.linear, &mut self.x] {
            *matrix = matrix.clone().keep_rows(mask)?;
        }
        if let Some(totals) = &mut self.totals {
            let mut kept = mask.iter();
            totals.retain(|_| kept.next().copied().unwrap_or(false));
        }
        self.report.shape = self.raw.shape();
        Ok(())
    }

    /// Charges what is kept until the end.
    pub(super) fn hold(&mut self, bytes: u64, what: &str) -> crate::Result<()> {
        self.held.push(self.exec.budget().charge(bytes, what)?);
        Ok(())
    }

    /// Charges the columns of cells that were added.
    pub(super) fn hold_columns(&mut self) -> crate::Result<()> {
        let bytes = |column: &Column| match column {
            Column::Plain(values) => (values.len() * values.dtype().size()) as u64,
            _ => 0,
        };
        self.hold(self.additions.obs.values().map(bytes).sum(), "the columns of the cells")
    }

    /// Adds a column of all cells, of which those that are kept stay.
    pub(super) fn add_obs(&mut self, name: String, column: Column) {
        let column = kept(column, &self.cells);
        self.additions.obs.insert(name, column);
    }

    /// Adds a column of all genes, of which those that are kept stay.
    pub(super) fn add_var(&mut self, name: String, column: Column) {
        let column = kept(column, &self.genes);
        self.additions.var.insert(name, column);
    }

    /// Says something that the user should know.
    pub(super) fn warn(&mut self, message: impl Into<String>) {
        self.report.warnings.push(message.into());
    }
}

/// The values of a column of numbers that are kept.
pub(super) fn kept(column: Column, mask: &[bool]) -> Column {
    match column {
        Column::Plain(values) if !mask.iter().all(|keep| *keep) => Column::Plain(values.take(&positions(mask))),
        other => other,
    }
}

/// The values of any column that are kept.
pub(super) fn chosen(column: Column, mask: &[bool]) -> crate::Result<Column> {
    let all = mask.len() == column.len() && mask.iter().all(|keep| *keep);
    if all { Ok(column) } else { column.reindex(&positions(mask)) }
}

/// Where something is kept.
fn positions(mask: &[bool]) -> Vec<i64> {
    (0..).zip(mask).filter(|(_, keep)| **keep).map(|(at, _)| at).collect()
}
