//! `scrublet`: three passes over the counts of the cells and genes that are kept.

use annstream_core::table::Column;
use annstream_store::Buffer;

use super::filters::Filtered;
use super::state::State;
use crate::scrublet::{Search, of_matrix};
use crate::{Error, Result};

pub(super) fn run(state: &mut State<'_>, search: Option<&Search<'_>>) -> Result<()> {
    let recipe = state.recipe;
    let Some(step) = &recipe.scrublet else { return Ok(()) };
    let search = search.ok_or_else(|| Error::internal("scrublet without a search for neighbours"))?;
    let batches = step.options.batch_key.as_ref().map(|key| state.batches(key)).transpose()?;
    let found = state.stage("scrublet", |state| {
        let found = of_matrix(&state.raw, batches, &step.options, search, state.exec)?;
        state.other_passes += found.passes;
        Ok(found)
    })?;
    for warning in found.warnings() {
        state.warn(warning);
    }
    state.report.doublets = found.summaries();
    let bytes: usize = found.batches.iter().map(|batch| batch.parents.len() * 24 + batch.cells.len() * 10).sum();
    state.hold(bytes as u64, "the doublets")?;
    state.additions.merge(found.additions());
    if step.filter {
        remove(state)?;
    }
    Ok(())
}

/// Removes the cells that are called doublets.
fn remove(state: &mut State<'_>) -> Result<()> {
    let keep: Vec<bool> = match state.additions.obs.get("predicted_doublet") {
        Some(Column::Plain(Buffer::Bool(calls))) => calls.iter().map(|call| *call == 0).collect(),
        Some(Column::Nullable { values: Buffer::Bool(calls), missing, .. }) => {
            calls.iter().zip(missing).map(|(call, missing)| *missing || *call == 0).collect()
        }
        _ => return Err(Error::internal("calls that are no truth values")),
    };
    let left = keep.iter().filter(|keep| **keep).count();
    let removed = (keep.len() - left) as u64;
    let rule = "no predicted doublet".to_owned();
    state.report.filters.push(Filtered { axis: "cells", rule, removed, left: left as u64 });
    if left == 0 {
        return Err(Error::argument("all cells are called doublets, and would be removed").at("[scrublet]"));
    }
    state.keep_cells(&keep)
}
