//! `normalize_pearson_residuals` and `regress_out`: a pass each, after which the matrix is dense to who looks at it; and the
//! means and variances that scaling needs.

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
            options.keys.iter().map(|key| Ok((key.clone(), state.obs_column(key)?))).collect::<Result<Vec<_>>>()?;
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
