//! `normalize_total` and `log1p`: no pass, once the totals are known.

use std::sync::Arc;

use annstream_core::element::{Dict, Element};
use annstream_core::lazy::Precision;
use annstream_core::op::{DivideRows, Log1p, LogNormalize, ToDouble, ToSingle};
use annstream_core::table::Column;
use annstream_store::Buffer;

use super::state::State;
use crate::normalize::{NormalizeOptions, divisors, median_total};
use crate::qc::float_column;
use crate::reduce::{DominantPass, TotalsPass};
use crate::{Error, Result};

pub(super) fn run(state: &mut State<'_>) -> Result<()> {
    if let Some(options) = state.recipe.normalize_total.clone() {
        normalize(state, &options)?;
    }
    if let Some(options) = state.recipe.log1p {
        if state.input.file.uns_names().iter().any(|name| name == "log1p") && state.recipe.normalize_total.is_none() {
            state.warn("uns has 'log1p': X seems to be logarithmised already");
        }
        if options.base.is_some_and(|base| !(base > 0.0 && base.is_finite() && base.ln() != 0.0)) {
            return Err(Error::argument("the base of a logarithm is above 0 and not 1"));
        }
        state.x = match &state.divisors {
            Some(divisors) => {
                let both = LogNormalize::new(divisors.clone(), options.base);
                // What `seurat` looks at.
                state.linear = state.cast.clone().with(both.clone().and_back());
                state.cast.clone().with(both)
            }
            None if state.stored.stored_dtype().is_integer() => {
                state.x.clone().with(ToDouble).with(Log1p { base: options.base })
            }
            None => state.x.clone().with(Log1p { base: options.base }),
        };
        let base = options.base.map_or(Element::Null, |base| Element::Scalar(Buffer::F64(vec![base])));
        state.additions.set_uns(["log1p"], Element::Dict(Dict::from_iter([("base".to_owned(), base)])));
    }
    Ok(())
}

fn normalize(state: &mut State<'_>, options: &NormalizeOptions) -> Result<()> {
    if !(0.0..=1.0).contains(&options.max_fraction) {
        return Err(Error::argument(format!("max_fraction is {}, expected 0 to 1", options.max_fraction)));
    }
    let dtype = state.stored.stored_dtype();
    let whole = dtype.is_integer();
    let mut raw = state.raw.clone();
    if whole {
        raw = raw.with(ToSingle);
    }
    let precision = if whole { Precision::Single } else { raw.precision() };
    let mut totals = state.totals.take().ok_or_else(|| Error::internal("totals were not counted"))?;
    if options.exclude_highly_expressed {
        let pass = DominantPass { width: raw.shape()[1], totals: &totals, fraction: options.max_fraction };
        let excluded = state.stage("dominant genes", |state| raw.run(pass, "dominant genes", state.exec))?;
        let pass = TotalsPass { excluded, only_counts: true };
        totals = state.stage("totals", |state| raw.run(pass, "totals", state.exec))?;
    }
    let target = options.target_sum.unwrap_or_else(|| median_total(&totals, precision));
    if options.target_sum.is_some_and(|target| !(target > 0.0 && target.is_finite())) {
        return Err(Error::argument(format!("target_sum is {target}, expected a number above 0")));
    }
    let empty = totals.iter().filter(|total| **total == 0.0).count();
    if empty > 0 {
        state.warn(format!("{empty} cells have no counts; they stay as they are"));
    }
    let (by, factors) = divisors(&totals, target, precision);
    if let Some(key) = &options.key_added {
        let column: Column = float_column(&factors, precision == Precision::Single);
        state.additions.obs.insert(key.clone(), column);
    }
    // Operators speak of rows of the source.
    let mut of_source = vec![1.0; state.stored.shape()[0]];
    for (id, by) in state.raw.row_ids().into_iter().zip(by) {
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| of_source.get_mut(id)) {
            *slot = by;
        }
    }
    let of_source: Arc<[f64]> = of_source.into();
    state.hold(of_source.len() as u64 * 8, "the divisors of the cells")?;
    state.divisors = Some(of_source.clone());
    state.cast = raw.clone();
    state.x = raw.with(DivideRows::new(of_source));
    Ok(())
}
