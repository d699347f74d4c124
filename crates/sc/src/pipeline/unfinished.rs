//! A pipeline whose matrices are written, and whose tables are not.

use annstream_core::Exec;
use annstream_core::concat::Input;
use annstream_core::edit::{Additions, EditSpec};
use annstream_core::lazy::LazyMatrix;
use annstream_core::table::Column;
use annstream_store::StoreWriter;

use super::state::State;
use super::{PipelineReport, markers, write};
use crate::Result;
use crate::markers::MarkersStep;

/// Where a pipeline stands after the last pass that its recipe needs: steps that follow look at it and add to it.
pub struct Unfinished<'a> {
    state: State<'a>,
    spec: EditSpec,
    writer: &'a dyn StoreWriter,
}

impl<'a> Unfinished<'a> {
    pub(super) fn new(state: State<'a>, spec: EditSpec, writer: &'a dyn StoreWriter) -> Self {
        Self { state, spec, writer }
    }

    /// What the pipeline runs on.
    pub fn input(&self) -> &'a Input {
        self.state.input
    }

    /// Threads, memory and so on.
    pub fn exec(&self) -> &'a Exec {
        self.state.exec
    }

    /// Cells and genes that are kept.
    pub fn shape(&self) -> [usize; 2] {
        self.state.x.shape()
    }

    /// Of all cells of the input: which are kept.
    pub fn kept(&self) -> &[bool] {
        &self.state.cells
    }

    /// `X` as the steps leave it, whatever is written of it: cells and genes that are kept, worked out again by each pass.
    pub fn matrix(&self) -> &LazyMatrix {
        &self.state.x
    }

    /// A column of `obs` of the cells that are kept: one that a step added, or of the input.
    ///
    /// # Errors
    /// If there is none by this name, or it is damaged.
    pub fn obs_column(&self, name: &str) -> Result<Column> {
        self.state.obs_column(name)
    }

    /// What the result has beside what the input has, so far.
    pub fn additions(&self) -> &Additions {
        &self.state.additions
    }

    /// Adds to it.
    pub fn add(&mut self, additions: Additions) {
        self.state.additions.merge(additions);
    }

    /// Runs a stage that looks at what is there, with its time and memory in the report.
    ///
    /// # Errors
    /// Those of the stage.
    pub fn stage<T>(&mut self, name: &str, run: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let watch = super::stage::Watch::start();
        let out = run(self)?;
        self.state.done(name, watch);
        Ok(out)
    }

    /// Charges what is kept until the end.
    ///
    /// # Errors
    /// `Memory` if it is not there.
    pub fn hold(&mut self, bytes: u64, what: &str) -> Result<()> {
        self.state.hold(bytes, what)
    }

    /// Says something that the user should know.
    pub fn warn(&mut self, message: impl Into<String>) {
        self.state.warn(message);
    }

    /// Ranks the genes of groups of cells: `scanpy.tl.rank_genes_groups`, of `X` as the steps leave it, or a layer or `raw`.
    /// One pass for t-tests, two and scratch space for `wilcoxon`.
    ///
    /// Unless groups are named, those of fewer than two cells are left out with a warning, and so is the whole step where
    /// there is but one group: what was computed before is worth more than an error.
    ///
    /// # Errors
    /// If a column, a layer or a group that is named is not there, or the budget is too small.
    pub fn rank_genes_groups(&mut self, step: &MarkersStep) -> Result<()> {
        let name = &self.state.input.name;
        markers::run(&mut self.state, step, &self.spec.layers).map_err(|error| error.in_file(name))
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// If an addition does not fit, the budget is too small, or writing fails.
    pub fn finish(mut self) -> Result<PipelineReport> {
        write::tables(&mut self.state, &self.spec, self.writer)?;
        let State { report, .. } = self.state;
        Ok(report)
    }
}
