//! `normalize_pearson_residuals` and `regress_out`: a pass each, after which the matrix is dense to who looks at it; and the
//! means and variances that scaling needs.

use annstream_core::anndata::TableName;
use annstream_core::table::Column;

use super::genes::no_such_column;
use super::state::State;
use crate::Result;
use crate::pearson::normalize_pearson_residuals;
use crate::reduce::MomentsPass;
use crate::regress::{covariates, regress_out};

pub(super) fn run(state: &mut State<'_>) -> Result<()> {
    if let Some(options) = state.recipe.normalize_pearson_residuals {
        let found = state
            .stage("totals", |state| normalize_pearson_residuals(&state.raw, &options, state.exec))
            .map_err(|error| error.at("X"))?;
        if found.not_counts {
            state.warn("normalize_pearson_residuals expects counts, and X has values that are none");
        }
        let [cells, genes] = found.empty;
        if cells + genes > 0 {
            state.warn(format!("{cells} cells and {genes} genes have no counts; their residuals are NaN"));
        }
        state.x = found.matrix;
        state.additions.set_uns(["pearson_residuals_normalization"], options.uns());
    }
    state.seen = state.x.clone();
    if let Some(options) = &state.recipe.regress_out {
        let columns =
            options.keys.iter().map(|key| Ok((key.clone(), column(state, key)?))).collect::<Result<Vec<_>>>()?;
        let covariates = covariates(&columns)?;
        let regressed = state
            .stage("regression", |state| regress_out(&state.x, &covariates, state.exec))
            .map_err(|error| error.at("X"))?;
        state.seen = regressed.matrix;
        state.charges.push(regressed.charge);
        state.moments = None;
    }
    if state.recipe.scale.is_some() && state.moments.is_none() {
        let pass = MomentsPass::new(state.seen.shape()[1]);
        let moments = state.stage("moments", |state| state.seen.run(pass, "moments", state.exec))?;
        state.moments = moments.into_iter().next();
    }
    Ok(())
}

/// A column of `obs` of the cells kept: one that an earlier step added, or of the input.
fn column(state: &State<'_>, key: &str) -> Result<Column> {
    if let Some(column) = state.additions.obs.get(key) {
        return Ok(column.clone());
    }
    if !state.input.file.obs().columns.contains_key(key) {
        return Err(no_such_column(state, key));
    }
    let column = state.input.file.read_column(TableName::Obs, key)?;
    let kept: Vec<i64> = (0..).zip(&state.cells).filter(|(_, keep)| **keep).map(|(at, _)| at).collect();
    if kept.len() < column.len() { column.reindex(&kept) } else { Ok(column) }
}
