//! `rank_genes_groups`: one more pass over `X` as the steps leave it, or over a layer or `raw` of the input.

use annstream_core::lazy::LazyMatrix;
use annstream_core::source::row_source;
use annstream_core::table::Column;

use super::state::{State, chosen};
use crate::markers::{self, Compared, MarkerOptions, MarkersStep, Which};
use crate::normalize::stored_base;
use crate::{Error, Result};

/// Ranks genes; `written` are the layers that hold the matrix as it was.
pub(super) fn run(state: &mut State<'_>, step: &MarkersStep, written: &[String]) -> Result<()> {
    let mut options = step.options.clone().resolved();
    let groups = state.obs_column(&options.groupby)?;
    if options.groups.is_none() && !large_enough(state, &groups, &mut options)? {
        return Ok(());
    }
    let which = Which::of(&options, state.input.file.raw().is_some())?;
    let (matrix, own) = matrix(state, which, written)?;
    let compared = Compared {
        mask: mask(state, which, options.mask_var.as_deref(), matrix.shape()[1])?,
        matrix: matrix.clone(),
        use_raw: which == Which::Raw,
        groups,
        genes: genes(state, which)?,
        index_name: state.input.file.table(which.var()).and_then(|table| table.index_name.clone()),
        log_base: match state.recipe.log1p {
            Some(log) => log.base,
            None => stored_base(&state.input.file)?,
        },
    };
    let plan = markers::plan_of(compared, options)?;
    let ranked = state.stage("rank_genes_groups", |state| {
        let ranked = markers::rank(&plan, state.input, state.exec)?;
        if own {
            state.other_passes += matrix.passes();
        }
        Ok(ranked)
    })?;
    for warning in &ranked.warnings {
        state.warn(warning.clone());
    }
    let values: usize = ranked.groups.iter().map(|group| group.genes.len()).sum();
    state.hold(values as u64 * 48, "the ranked genes")?;
    state.additions.set_uns([step.key_added.as_str()], markers::uns_entry(&plan, &ranked)?);
    Ok(())
}

/// Leaves out the groups that have no statistics; false if nothing is left to compare.
fn large_enough(state: &mut State<'_>, column: &Column, options: &mut MarkerOptions) -> Result<bool> {
    let name = &options.groupby;
    let sizes = markers::sizes(column).map_err(|error| error.at(format!("obs/{name}")))?;
    let large: Vec<String> = sizes.iter().filter(|(_, cells)| *cells >= 2).map(|(name, _)| name.clone()).collect();
    let all = sizes.iter().map(|(_, cells)| *cells).max() == Some(column.len() as u64);
    if large.is_empty() || (all && options.reference.is_none()) {
        state.warn(format!("rank_genes_groups is left out: by '{name}' there are no groups to compare"));
        return Ok(false);
    }
    let small: Vec<&str> = sizes.iter().filter(|(_, cells)| *cells == 1).map(|(name, _)| name.as_str()).collect();
    if !small.is_empty() {
        let named = small.iter().take(20).copied().collect::<Vec<_>>().join(", ");
        state.warn(format!("rank_genes_groups leaves out groups of a single cell, which have no statistics: {named}"));
    }
    if large.len() < sizes.len() {
        options.groups = Some(large);
    }
    Ok(true)
}

/// The values: cells that are kept x genes; and whether its passes are counted by itself.
fn matrix(state: &State<'_>, which: Which<'_>, written: &[String]) -> Result<(LazyMatrix, bool)> {
    match which {
        Which::X => return Ok((state.x.clone(), false)),
        Which::Layer(name) if written.iter().any(|layer| layer == name) => return Ok((state.raw.clone(), false)),
        Which::Layer(_) | Which::Raw => {}
    }
    let header = which.header(&state.input.file)?;
    let rows = LazyMatrix::new(row_source(&state.input.file, header, state.exec)?).keep_rows(&state.cells)?;
    Ok((if which == Which::Raw { rows } else { rows.keep_columns(&state.genes)? }, true))
}

fn genes(state: &State<'_>, which: Which<'_>) -> Result<Column> {
    let all = state.input.file.read_index(which.var())?;
    if which == Which::Raw { Ok(all) } else { chosen(all, &state.genes) }
}

/// A column of `var`: one that a step added, or of the input.
fn mask(state: &State<'_>, which: Which<'_>, name: Option<&str>, width: usize) -> Result<Option<Vec<bool>>> {
    let Some(name) = name else { return Ok(None) };
    let column = state.var_column(name)?.ok_or_else(|| Error::argument(format!("var has no column '{name}'")))?;
    let width = if which == Which::Raw { width } else { state.x.shape()[1] };
    markers::mask_of(&column, name, width).map(Some)
}
