//! A concatenation of which `X` is not copied: its rows come from the inputs, and all else stands in a file of its own.

use std::sync::Arc;

use annstream_store::{CreateOptions, OpenOptions, create, open};
use tempfile::TempDir;

use super::execute::execute_without_x;
use super::inputs::{Input, View};
use super::matrices::{Container, MatrixPlan};
use super::plan::ConcatPlan;
use super::spec::Axis;
use crate::anndata::{AnnDataFile, Slot};
use crate::matrix::MatrixSource;
use crate::source::{StackedPart, StackedRows};
use crate::{Error, Exec, Result};

/// The two sides of the result.
pub struct Apart {
    /// The rows of `X`, read from the inputs whenever somebody looks.
    pub x: Arc<StackedRows>,
    /// Everything but `X`.
    pub rest: Input,
    /// Where the file of the rest is; it goes when this does.
    _folder: TempDir,
}

/// Concatenates along `obs` without a copy of `X`. Tables, layers and all else are written to scratch space as
/// [`execute`](super::execute()) writes them, with their values read once. `X` is opened: CSC inputs are sorted in scratch
/// space, and the values of each row counted, see [`StackedRows::sparse`].
///
/// # Errors
/// If the plan is for the other axis or has no `X`, an input is damaged, or there is too little memory or scratch space.
pub fn apart(inputs: &[Input], plan: &ConcatPlan, exec: &Exec) -> Result<Apart> {
    if plan.spec.axis != Axis::Obs || plan.spec.virtual_from.is_some() {
        return Err(Error::internal("only cells are stacked without a copy of X"));
    }
    let name = inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>().join(" + ");
    if plan.main.x.is_none() {
        return Err(Error::invalid("there is no X to work on").in_file(name).at("X"));
    }
    let folder = tempfile::Builder::new().prefix(".annstream-").tempdir_in(exec.scratch());
    let folder = folder.map_err(|error| Error::io(error, exec.scratch()).at("scratch space (--tmpdir)"))?;
    let path = folder.path().join("rest.h5ad");
    let options = CreateOptions { pool: Some(exec.pool().clone()), ..CreateOptions::default() };
    execute_without_x(inputs, plan, create(&path, options)?, exec)?;
    let file = AnnDataFile::open(Arc::from(open(&path, OpenOptions::default())?))?;
    let x = Arc::new(stacked_x(inputs, plan, exec)?);
    Ok(Apart { x, rest: Input { name, file }, _folder: folder })
}

fn stacked_x(inputs: &[Input], plan: &ConcatPlan, exec: &Exec) -> Result<StackedRows> {
    let matrix = plan.main.x.as_ref().ok_or_else(|| Error::internal("a plan without X"))?;
    let stacked = stacked(inputs, plan, matrix, Slot::X, exec)?;
    if stacked.shape() != matrix.shape {
        return Err(Error::internal("stacked rows of another shape than planned").at(&matrix.path));
    }
    Ok(stacked)
}

/// The rows of a matrix of the result. Those of a sparse one are counted.
pub(super) fn stacked(
    inputs: &[Input],
    plan: &ConcatPlan,
    matrix: &MatrixPlan,
    slot: Slot<'_>,
    exec: &Exec,
) -> Result<StackedRows> {
    let place = |error: Error| error.at(&matrix.path);
    let view = View { inputs, raw: false };
    let sorting = matrix.sorted_values(&plan.main.alignment);
    if sorting > 0 {
        exec.progress().begin(&format!("{} (sorting)", matrix.path), sorting, "values");
    }
    let parts = matrix.open(view, slot, &plan.main.alignment, exec)?;
    if sorting > 0 {
        exec.progress().end();
        exec.release();
    }
    let parts: Vec<StackedPart> =
        parts.into_iter().map(|part| StackedPart { name: part.name, source: part.source, remap: part.remap }).collect();
    let [rows, columns] = matrix.shape;
    Ok(match matrix.container {
        Container::Dense(_) => StackedRows::dense(parts, columns, matrix.dtype, plan.compression),
        Container::Sparse(_) => {
            exec.progress().begin(&format!("{} (counting)", matrix.path), rows, "cells");
            let stacked = StackedRows::sparse(parts, columns, matrix.dtype, exec).map_err(place)?;
            exec.progress().end();
            stacked
        }
    })
}
