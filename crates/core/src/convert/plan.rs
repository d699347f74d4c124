//! What becomes of every element, found out from metadata.

use std::path::Path;

use annstream_store::{Compression, DType};
use serde::Serialize;

use super::cast::possible;
use super::matrix::{MatrixTarget, layout_of, transposes};
use super::spec::{ConvertSpec, Layout};
use crate::anndata::{AnnDataFile, MatrixHeader, Slot, TreeEntry, tree, usual_compression};
use crate::matrix::BLOCK_BYTES;
use crate::{Error, Exec, Result};

/// What a conversion will do.
pub struct ConvertPlan {
    pub(super) spec: ConvertSpec,
    pub(super) compression: Compression,
    /// For people and scripts.
    pub summary: PlanSummary,
}

/// The plan in numbers and words.
#[derive(Clone, Debug, Serialize)]
pub struct PlanSummary {
    /// The input.
    pub input: String,
    /// Rows and columns.
    pub shape: [u64; 2],
    /// Compression of the output.
    pub compression: String,
    /// The oldest anndata that reads the output.
    pub compat: String,
    /// What becomes of each element.
    pub elements: Vec<ElementSummary>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Times the matrices are read.
    pub passes: u32,
    /// Predicted peak memory in bytes.
    pub memory: u64,
    /// Predicted scratch space in bytes.
    pub scratch: u64,
    /// Predicted size of the matrices before compression, in bytes.
    pub output: u64,
}

/// What becomes of one element.
#[derive(Clone, Debug, Serialize)]
pub struct ElementSummary {
    /// Its path in the result.
    pub path: String,
    /// `copy`, `convert` or `drop`.
    pub action: &'static str,
    /// Of what kind, and what changes.
    pub detail: String,
}

/// Finds out what a conversion will do. Reads metadata only.
///
/// # Errors
/// If the file holds what cannot become what was asked for.
pub fn plan(file: &AnnDataFile, spec: &ConvertSpec, exec: &Exec) -> Result<ConvertPlan> {
    let name = file.store().location();
    look(file, spec, exec, name).map_err(|error| error.in_file(name))
}

fn look(file: &AnnDataFile, spec: &ConvertSpec, exec: &Exec, name: &Path) -> Result<ConvertPlan> {
    // One column of a table and a few blocks are held whatever else happens.
    let column = (file.n_obs().max(file.n_vars()) as u64).saturating_mul(64);
    drop(exec.budget().charge(column.max(BLOCK_BYTES * 3), "the work")?);
    let compression = spec.compression.unwrap_or_else(|| usual_compression([file]));
    let mut notes = Notes::default();
    for (slot, header) in file.matrices() {
        notes.matrix(slot, header, spec, compression)?;
    }
    for path in ["obs", "var", "raw/var"] {
        let table = match path {
            "obs" => Some(file.obs()),
            "var" => Some(file.var()),
            _ => file.raw().map(|raw| &raw.var),
        };
        if let Some(table) = table {
            let [rows, columns] = table.shape();
            notes.element(path, "copy", format!("dataframe, {rows} rows, {columns} columns"));
        }
    }
    for name in file.uns_names() {
        notes.element(&format!("uns/{name}"), "copy", "with everything below it".to_owned());
    }
    let mut warnings = file.warnings();
    compat(&tree(file.store().as_ref())?, spec, &mut notes, &mut warnings)?;
    let blocks = (2 * exec.threads() as u64 + 1).saturating_mul(BLOCK_BYTES * 3).min(notes.output.saturating_mul(4));
    let sort = notes.scratch.saturating_mul(2).min(exec.budget().total() / 4);
    let memory = column.saturating_add((60 << 20) + blocks.max(sort)).min(exec.budget().total());
    let summary = PlanSummary {
        input: name.display().to_string(),
        shape: [file.n_obs() as u64, file.n_vars() as u64],
        compression: compression.to_string(),
        compat: format!("anndata={}", spec.compat),
        elements: notes.elements,
        warnings,
        passes: if notes.scratch > 0 { 3 } else { 1 },
        memory,
        scratch: notes.scratch,
        output: notes.output,
    };
    Ok(ConvertPlan { spec: spec.clone(), compression, summary })
}

/// How a matrix of `slot` will be stored: `X` and layers as asked for, others as they are. `None` if it is no matrix of
/// numbers, and only copied.
///
/// # Errors
/// If it cannot become what was asked for.
pub(super) fn target(
    slot: Slot<'_>,
    header: &MatrixHeader,
    spec: &ConvertSpec,
    compression: Compression,
) -> Result<Option<MatrixTarget>> {
    let path = slot.to_string();
    let main = matches!(slot, Slot::X | Slot::Layer(_));
    let asked = main && (spec.layout.is_some() || spec.dtype.is_some());
    let (Some(from), Some(dtype)) = (layout_of(header), header.dtype()) else {
        if asked && !matches!(header, MatrixHeader::Dense(_)) {
            let message = "is neither a sparse nor a dense matrix; it has no layout and no dtype";
            return Err(Error::unsupported(message).at(path));
        }
        if asked && header.dtype() == Some(DType::Str) {
            return Err(Error::unsupported("holds text; it has no other layout or dtype").at(path));
        }
        return Ok(None);
    };
    let shape: Vec<u64> = header.shape().iter().map(|&extent| extent as u64).collect();
    let layout = if main { spec.layout.unwrap_or(from) } else { from };
    let to = if main { spec.dtype.unwrap_or(dtype) } else { dtype };
    if !possible(dtype, to) {
        let message = format!("holds {dtype}, which cannot become {to}");
        return Err(Error::incompatible(message).at(path).hint("ask for a complex --dtype, or leave it out"));
    }
    if layout != Layout::Dense && shape.len() != 2 {
        return Err(Error::incompatible(format!("has {} dimensions; a sparse matrix has 2", shape.len())).at(path));
    }
    if layout != Layout::Dense && to == DType::F16 && (layout, to) != (from, dtype) {
        let message = "would be a sparse matrix of float16, which scipy does not have";
        return Err(Error::incompatible(message).at(path).hint("ask for --dtype float32"));
    }
    Ok(Some(MatrixTarget { path, layout, dtype: to, shape, compression, chunk: spec.chunk }))
}

#[derive(Default)]
struct Notes {
    elements: Vec<ElementSummary>,
    scratch: u64,
    output: u64,
}

impl Notes {
    fn element(&mut self, path: &str, action: &'static str, detail: String) {
        self.elements.push(ElementSummary { path: path.to_owned(), action, detail });
    }

    fn matrix(
        &mut self,
        slot: Slot<'_>,
        header: &MatrixHeader,
        spec: &ConvertSpec,
        compression: Compression,
    ) -> Result<()> {
        let path = slot.to_string();
        let Some(target) = target(slot, header, spec, compression)? else {
            let detail = match header {
                MatrixHeader::Table(_) => "dataframe, column by column".to_owned(),
                MatrixHeader::Other { kind, .. } => kind.clone(),
                _ => format!("dense {:?}", header.shape()),
            };
            self.element(&path, "copy", detail);
            return Ok(());
        };
        let (Some(from), Some(dtype)) = (layout_of(header), header.dtype()) else { return Ok(()) };
        let stored = match header {
            MatrixHeader::Sparse(header) => header.nnz as u64,
            _ => target.shape.iter().fold(1_u64, |all, &extent| all.saturating_mul(extent)),
        };
        let positions = target.shape.iter().fold(1_u64, |all, &extent| all.saturating_mul(extent));
        let size = target.dtype.size() as u64;
        self.output = self.output.saturating_add(match target.layout {
            Layout::Dense => positions.saturating_mul(size),
            Layout::Sparse(_) => stored.saturating_mul(size + 4),
        });
        let mut changes = Vec::new();
        if from != target.layout {
            changes.push(format!("{from} to {}", target.layout));
        }
        if dtype != target.dtype {
            changes.push(format!("{dtype} to {}", target.dtype));
        }
        if transposes(from, target.layout) {
            self.scratch = self.scratch.saturating_add(stored.saturating_mul(8 + dtype.size() as u64));
            changes.push("sorted in scratch space".to_owned());
        }
        let detail = format!("{} {} {:?}, {stored} values", target.layout, target.dtype, target.shape);
        if changes.is_empty() {
            self.element(&path, "copy", detail);
        } else {
            self.element(&path, "convert", format!("{detail}; {}", changes.join(", ")));
        }
        Ok(())
    }
}

/// What an older anndata does not read: refused, dropped or rewritten.
fn compat(entries: &[TreeEntry], spec: &ConvertSpec, notes: &mut Notes, warnings: &mut Vec<String>) -> Result<()> {
    let version = spec.compat;
    for entry in entries {
        match entry.encoding.as_str() {
            "awkward-array" if !version.awkward() => {
                let message = format!("is an awkward array, which anndata {version} cannot read");
                let hint = "remove it, or ask for --compat anndata=0.10 or newer";
                return Err(Error::unsupported(message).at(&entry.path).hint(hint));
            }
            "null" if !version.null() => {
                let message = format!("None, which anndata {version} cannot read");
                notes.element(&entry.path, "drop", message.clone());
                warnings.push(format!("{}: is {message}; it is left out", entry.path));
            }
            "nullable-string-array" if !version.nullable_strings() => {
                let message = format!("nullable strings, which anndata {version} cannot read");
                warnings.push(format!(
                    "{}: holds {message}; they become plain strings, or categories if any is missing",
                    entry.path
                ));
            }
            _ => {}
        }
    }
    Ok(())
}
