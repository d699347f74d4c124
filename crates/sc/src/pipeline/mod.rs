//! A recipe, step by step, in as few passes over the matrix as it takes.
//!
//! | pass | gathers |
//! |---|---|
//! | counts | quality control, the filters, totals of the cells; entries of rare genes, so that the totals are right after those genes went |
//! | moments | means and variances for the variable genes, and for scaling |
//! | last | the variable columns, which are kept; the same pass writes `X` and the counts |
//!
//! `scrublet` comes after the first of these, and looks at the counts of the cells and genes that are left, in three passes
//! of its own. `normalize_pearson_residuals` and `regress_out` take a pass each, for totals and for sums of products; what
//! they leave is worked out again, a few dense rows at a time, whenever somebody looks.
//!
//! Products of columns and scores come from what the last pass kept, not from the file. `seurat_v3` and
//! `pearson_residuals` take one pass more, as do genes that are left out of totals. A recipe without a step that needs a
//! pass does without it.
//!
//! [`run`] does all of a recipe. Steps that know nothing of matrices, and those that follow them, come between [`begin`],
//! after which `X` is written and scores are known, and [`Unfinished::finish`], which writes all else.

mod components;
mod counts;
mod doublets;
mod filters;
mod genes;
mod markers;
mod matrix;
mod names;
mod normalized;
mod residuals;
mod stage;
mod state;
mod unfinished;
mod write;

use annstream_core::Exec;
use annstream_core::concat::Input;
use annstream_store::{Compression, StoreWriter};
use serde::Serialize;

use crate::hvg::Flavor;
use crate::recipe::Recipe;
use crate::scrublet::{DoubletSummary, Search};
use crate::{Error, Result};
pub use filters::Filtered;
pub use matrix::{Matrix, no_x};
pub use names::ColumnNames;
pub use stage::Stage;
use state::State;
pub use unfinished::Unfinished;

/// What becomes of the matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepX {
    /// `X` as the steps leave it.
    Normalized,
    /// `X` as it was.
    Raw,
    /// `X` as the steps leave it, and as it was in `layers["counts"]`.
    #[default]
    Both,
    /// `X` as PCA sees it, if the recipe regresses or scales: dense, where zeros move.
    Scaled,
    /// No `X`.
    None,
}

/// How a pipeline writes.
#[derive(Clone, Copy, Debug)]
pub struct PipelineOptions {
    /// What becomes of the matrix.
    pub keep_x: KeepX,
    /// Compression of what is written.
    pub compression: Compression,
    /// Whether the scores of the cells stay in memory for the steps that follow; else they are written while they are worked
    /// out. Whoever runs these steps decides.
    pub keep_scores: bool,
}

/// What a pipeline did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PipelineReport {
    /// Rows and columns of the input.
    pub input_shape: [usize; 2],
    /// Rows and columns of the result.
    pub shape: [usize; 2],
    /// Passes over the matrix.
    pub passes: u32,
    /// Genes that are highly variable.
    pub variable_genes: Option<usize>,
    /// What each filter removed, in order.
    pub filters: Vec<Filtered>,
    /// Doublets, batch by batch.
    pub doublets: Vec<DoubletSummary>,
    /// Seconds by stage, in order.
    pub stages: Vec<Stage>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Runs a recipe on a file and writes the result; does not commit. `matrix` is that of the file, or one in its place with as
/// many rows and columns; the file then need not have one. `search` finds neighbours for `scrublet`.
///
/// # Errors
/// If an option does not fit the data, the input is damaged, the budget too small, or writing fails.
pub fn run(
    input: &Input,
    matrix: Matrix,
    recipe: &Recipe,
    options: PipelineOptions,
    search: Option<&Search<'_>>,
    writer: &dyn StoreWriter,
    exec: &Exec,
) -> Result<PipelineReport> {
    begin(input, matrix, recipe, options, search, writer, exec)?.finish()
}

/// Runs a recipe as [`run`] does, until only tables, embeddings and the like are left to be written.
///
/// # Errors
/// As [`run`].
pub fn begin<'a>(
    input: &'a Input,
    matrix: Matrix,
    recipe: &'a Recipe,
    options: PipelineOptions,
    search: Option<&Search<'_>>,
    writer: &'a dyn StoreWriter,
    exec: &'a Exec,
) -> Result<Unfinished<'a>> {
    let shape = [input.file.n_obs(), input.file.n_vars()];
    if matrix.source.shape() != shape.map(|extent| extent as u64) {
        return Err(Error::internal("a matrix of another shape than the tables").in_file(&input.name));
    }
    recipe.check()?;
    let matrix = if passes(recipe, options.keep_x).len() > 1 { matrix.kept(exec) } else { matrix };
    let mut state = State::new(input, matrix, recipe, exec);
    if state.stored.stored_dtype().is_complex() {
        return Err(Error::invalid("complex numbers, expected real ones").at("X").in_file(&input.name));
    }
    counts::run(&mut state).map_err(|error| error.at("X").in_file(&input.name))?;
    doublets::run(&mut state, search).map_err(|error| error.in_file(&input.name))?;
    normalized::run(&mut state).map_err(|error| error.at("X").in_file(&input.name))?;
    genes::run(&mut state).map_err(|error| error.in_file(&input.name))?;
    residuals::run(&mut state).map_err(|error| error.in_file(&input.name))?;
    let spec = write::matrices(&mut state, options, writer)?;
    Ok(Unfinished::new(state, spec, writer))
}

/// What each pass over the matrix is for, as far as the recipe tells; totals may take one more, where filters remove
/// genes that are not rare, doublets one where batches do not stand in one piece, and components of very many genes take
/// several.
pub fn passes(recipe: &Recipe, keep_x: KeepX) -> Vec<String> {
    let mut out = Vec::new();
    let mut first = Vec::new();
    for (step, asked) in [
        ("quality control", recipe.qc.is_some()),
        ("filters", recipe.filter_cells.is_some() || recipe.filter_genes.is_some()),
        ("totals", recipe.normalize_total.is_some()),
    ] {
        if asked {
            first.push(step);
        }
    }
    if !first.is_empty() {
        out.push(first.join(", "));
    }
    if recipe.scrublet.is_some() {
        let passes = ["counts", "variable genes", "counts of variable genes"];
        out.extend(passes.map(|pass| format!("doublets: {pass}")));
    }
    if recipe.normalize_total.as_ref().is_some_and(|options| options.exclude_highly_expressed) {
        out.extend(["dominant genes".to_owned(), "totals without them".to_owned()]);
    }
    match recipe.highly_variable_genes.as_ref().map(|step| step.options.flavor) {
        None => {}
        Some(Flavor::SeuratV3 | Flavor::SeuratV3Paper) => {
            out.extend(["means and variances of counts".to_owned(), "clipped variances".to_owned()]);
        }
        Some(Flavor::PearsonResiduals) => {
            out.extend(["means and variances of counts".to_owned(), "residuals".to_owned()]);
        }
        Some(Flavor::Seurat | Flavor::CellRanger) => out.push("means and variances".to_owned()),
    }
    // What `cell_ranger` looks at without batches is what is scaled.
    let known = recipe
        .highly_variable_genes
        .as_ref()
        .is_some_and(|step| step.options.flavor == Flavor::CellRanger && step.batch_key.is_none())
        && recipe.regress_out.is_none();
    if recipe.normalize_pearson_residuals.is_some() {
        out.push("totals of cells and genes".to_owned());
    }
    if recipe.regress_out.is_some() {
        out.push("regression".to_owned());
    }
    if recipe.scale.is_some() && !known {
        out.push("means and variances of X".to_owned());
    }
    let written = matches!(keep_x, KeepX::Both | KeepX::Normalized) && recipe.changes_x();
    match (recipe.pca.is_some(), written) {
        (true, true) => out.push("products of variable genes; X is written".to_owned()),
        (true, false) => out.push("products of variable genes".to_owned()),
        (false, true) => out.push("X is written".to_owned()),
        (false, false) => {}
    }
    if keep_x == KeepX::Scaled && (recipe.scale.is_some() || recipe.regress_out.is_some()) {
        out.push(format!("X is written, {}", if recipe.scale.is_some() { "scaled" } else { "regressed" }));
    }
    out
}
