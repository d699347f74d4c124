//! A subset: what will be done, and doing it.

use annstream_store::{Compression, StoreWriter};
use serde::Serialize;

use super::choose::SubsetSpec;
use super::execute::{MatrixReport, Target, axes, write};
use super::matrices::streams;
use super::selection::Selection;
use crate::anndata::usual_compression;
use crate::anndata::{ColumnSchema, MatrixHeader, Slot, TableName};
use crate::concat::{Axis, ElementSummary, Input};
use crate::element::SparseLayout;
use crate::matrix::BLOCK_BYTES;
use crate::{Error, Exec, Result};

/// What a subset will do.
pub struct SubsetPlan {
    pub(super) obs: Selection,
    pub(super) var: Selection,
    pub(super) compression: Compression,
    /// For people and scripts.
    pub summary: SubsetSummary,
}

/// The plan in numbers and words.
#[derive(Clone, Debug, Serialize)]
pub struct SubsetSummary {
    /// Rows and columns of the input.
    pub input_shape: [u64; 2],
    /// Rows and columns of the result.
    pub shape: [u64; 2],
    /// Compression of the output.
    pub compression: String,
    /// What becomes of each element.
    pub elements: Vec<ElementSummary>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Times the matrices are read, scratch space included.
    pub passes: u32,
    /// Predicted peak memory in bytes.
    pub memory: u64,
    /// Predicted scratch space in bytes.
    pub scratch: u64,
}

/// Finds out what a subset will be. Reads metadata, the index if labels are given, and the columns of conditions; no
/// matrix.
///
/// # Errors
/// `Argument` if a condition does not fit the table, or a label or position is not there; `Invalid` if a label is there
/// twice, or the input is damaged.
pub fn plan_subset(input: &Input, spec: &SubsetSpec, exec: &Exec) -> Result<SubsetPlan> {
    check_budget(input, exec)?;
    let obs = spec.obs.resolve(&input.file, TableName::Obs)?;
    let var = spec.var.resolve(&input.file, TableName::Var)?;
    plan_selection(input, obs, var, spec.compression, exec)
}

/// As [`plan_subset`], of positions that are known.
///
/// # Errors
/// `Memory` if the budget is too small for any work; `Internal` if a selection is of another extent.
pub fn plan_selection(
    input: &Input,
    obs: Selection,
    var: Selection,
    compression: Option<Compression>,
    exec: &Exec,
) -> Result<SubsetPlan> {
    check_budget(input, exec)?;
    if [obs.extent(), var.extent()] != [input.file.n_obs(), input.file.n_vars()] {
        return Err(Error::internal("a selection of another extent").in_file(&input.name));
    }
    let compression = compression.unwrap_or_else(|| usual_compression([&input.file]));
    let mut elements = Vec::new();
    let (mut scratch, mut passes) = (0, 1);
    for (slot, header) in input.file.matrices() {
        let (element, moved) = describe(slot, header, &obs, &var);
        if moved > 0 {
            passes = 2;
        }
        scratch = scratch.max(moved);
        elements.push(element);
    }
    elements.extend(table_elements(input));
    let mut warnings = input.file.warnings();
    for (selection, name) in [(&obs, "obs"), (&var, "var")] {
        if selection.is_empty() && selection.extent() > 0 {
            warnings.push(format!("no {name} is left: the result is empty"));
        }
    }
    let summary = SubsetSummary {
        input_shape: [input.file.n_obs() as u64, input.file.n_vars() as u64],
        shape: [obs.len() as u64, var.len() as u64],
        compression: compression.to_string(),
        elements,
        warnings,
        passes,
        memory: predicted_memory(input, exec),
        scratch,
    };
    Ok(SubsetPlan { obs, var, compression, summary })
}

/// Writes `adata[cells, genes].copy()` and publishes it, as the plan says.
///
/// Reads every matrix once, in stored order; where the order of its compressed axis changes, what is kept is written to
/// scratch space and read from there. Holds blocks in flight within the budget, one column of a table, and one element
/// that is not streamed (tables and awkward arrays of `obsm`, `uns`).
///
/// # Errors
/// If the input is damaged, the budget too small, or writing fails; the target is then untouched.
pub fn subset(
    input: &Input,
    plan: &SubsetPlan,
    writer: Box<dyn StoreWriter>,
    exec: &Exec,
) -> Result<Vec<MatrixReport>> {
    let mut targets = [Target::new(writer.as_ref(), plan.obs.clone(), plan.var.clone())];
    let report = write(&input.file, &input.name, &mut targets, plan.compression, exec)?;
    drop(targets);
    writer.commit()?;
    Ok(report)
}

/// Fails before any work if the budget holds neither a column nor a few blocks.
pub(super) fn check_budget(input: &Input, exec: &Exec) -> Result<()> {
    let longest = input.file.n_obs().max(input.file.n_vars()) as u64;
    let columns = longest.saturating_mul(64);
    let what = if columns > BLOCK_BYTES * 3 { "a column of the table" } else { "the work" };
    exec.budget().charge(columns.max(BLOCK_BYTES * 3), what).map(drop).map_err(|error| error.in_file(&input.name))
}

pub(super) fn predicted_memory(input: &Input, exec: &Exec) -> u64 {
    let blocks = (2 * exec.threads() as u64 + 1) * BLOCK_BYTES * 4;
    let stored: u64 = input.file.matrices().iter().map(|(_, header)| bytes(header)).max().unwrap_or(0);
    let columns = (input.file.n_obs() as u64).saturating_mul(96);
    ((60 << 20) + blocks.min(stored.saturating_mul(4)) + columns).min(exec.budget().total())
}

/// Bytes of the values of a matrix, uncompressed.
fn bytes(header: &MatrixHeader) -> u64 {
    match header {
        MatrixHeader::Sparse(sparse) => sparse.nnz as u64 * (sparse.dtype.size() as u64 + 4),
        MatrixHeader::Dense(dense) => {
            dense.shape.iter().map(|&extent| extent as u64).product::<u64>() * dense.dtype.size() as u64
        }
        _ => 0,
    }
}

/// What becomes of a matrix, and the bytes of it that go through scratch space, at most.
fn describe(slot: Slot<'_>, header: &MatrixHeader, obs: &Selection, var: &Selection) -> (ElementSummary, u64) {
    let (rows, columns) = axes(slot);
    let of = |axis: Option<Axis>| match axis {
        Some(Axis::Obs) => Some(obs),
        Some(Axis::Var) => Some(var),
        None => None,
    };
    let chosen = [rows, columns].into_iter().filter_map(of).any(|selection| selection.positions().is_some());
    let (mut detail, major) = match header {
        MatrixHeader::Sparse(sparse) => {
            let csr = sparse.layout == SparseLayout::Csr;
            (format!("{} {}", if csr { "csr" } else { "csc" }, sparse.dtype), of(if csr { rows } else { columns }))
        }
        MatrixHeader::Dense(dense) => (format!("dense {}", dense.dtype), of(rows)),
        MatrixHeader::Table(table) => (format!("dataframe of {} columns", table.columns.len()), None),
        MatrixHeader::Other { kind, .. } => (kind.clone(), None),
    };
    let mut moved = 0;
    if let Some(selection) = major.filter(|selection| streams(header) && !selection.rises()) {
        let share = selection.len() as f64 / selection.extent().max(1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate")]
        let estimate = (bytes(header) as f64 * share.min(1.0)) as u64;
        moved = estimate.max(1);
        detail.push_str("; put in order in scratch space");
    }
    let action = if chosen { "subset" } else { "keep" };
    (ElementSummary { path: slot.to_string(), action, detail }, moved)
}

/// What is said of tables and `uns`.
pub(super) fn table_elements(input: &Input) -> Vec<ElementSummary> {
    let mut out = Vec::new();
    for (name, table) in [("obs", input.file.obs()), ("var", input.file.var())] {
        let categorical = |schema: &ColumnSchema| matches!(schema, ColumnSchema::Categorical { .. });
        let count = table.columns.values().filter(|column| categorical(&column.schema)).count();
        let mut detail = format!("{} columns", table.columns.len());
        if count > 0 {
            detail.push_str(&format!("; unused categories of {count} are removed"));
        }
        out.push(ElementSummary { path: name.to_owned(), action: "subset", detail });
    }
    if input.file.raw().is_some() {
        let detail = "all its variables are kept, as in anndata".to_owned();
        out.push(ElementSummary { path: "raw/var".to_owned(), action: "keep", detail });
    }
    if !input.file.uns_names().is_empty() {
        let detail = "colours follow their categories".to_owned();
        out.push(ElementSummary { path: "uns".to_owned(), action: "keep", detail });
    }
    out
}
