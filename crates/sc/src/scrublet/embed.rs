//! Coordinates of cells and doublets.

use std::sync::Arc;

use annstream_core::Exec;
use annstream_core::lazy::LazyMatrix;
use annstream_core::op::{DivideRows, Log1p, Scale};

use super::counts::{CountedRows, Observed};
use super::doublets::Doublets;
use super::options::ScrubletOptions;
use super::thin::Thin;
use crate::hvg::Moments;
use crate::normalize::divisors;
use crate::pca::{PcaOptions, Project, fit};
use crate::reduce::{MomentsPass, TotalsPass};
use crate::{Error, Result};

/// The total that cells and doublets get before the components.
const TOTAL: f64 = 1e6;

/// Projects cells and doublets on the components of the cells: cells first, `n_prin_comps` coordinates each. Cells are
/// divided by `by` first; then both are normalised, scaled as the cells are, and centred, as far as the options say.
pub(super) fn embed(
    counts: &Arc<CountedRows>,
    by: Vec<f64>,
    parents: &Arc<[[u32; 2]]>,
    options: &ScrubletOptions,
    exec: &Exec,
) -> Result<Vec<f32>> {
    let rate = options.synthetic_doublet_umi_subsampling;
    let thin = (rate < 1.0).then_some(Thin { rate, seed: options.random_state });
    let cells = LazyMatrix::new(Arc::new(Observed(counts.clone()))).with(DivideRows::new(by));
    let doublets = LazyMatrix::new(Arc::new(Doublets::new(counts.clone(), parents.clone(), thin)));
    let mut cells = normalized(cells, options.log_transform, exec)?;
    let mut doublets = normalized(doublets, options.log_transform, exec)?;
    if options.normalize_variance {
        let deviations = deviations(&cells, exec)?;
        let scale = Scale { means: None, deviations, limit: None };
        cells = cells.with(scale.clone());
        doublets = doublets.with(scale);
    }
    let asked = options.n_prin_comps;
    let pca = PcaOptions { n_comps: Some(asked), zero_center: options.mean_center, ..PcaOptions::default() };
    let pca = fit(&cells, &pca, exec)?;
    let mut values = pca.scores;
    values.extend(doublets.run(Project::new(&pca.model, parents.len()), "doublets", exec)?);
    exec.release();
    Ok(values)
}

/// Rows with the same total.
fn normalized(mut matrix: LazyMatrix, logarithms: bool, exec: &Exec) -> Result<LazyMatrix> {
    if logarithms {
        matrix = matrix.with(Log1p { base: None });
    }
    let totals = matrix.run(TotalsPass::default(), "totals", exec)?;
    let (by, _) = divisors(&totals, TOTAL, matrix.precision());
    Ok(matrix.with(DivideRows::new(by)))
}

/// Standard deviations of the columns; 1 of those that do not vary.
fn deviations(cells: &LazyMatrix, exec: &Exec) -> Result<Arc<[f64]>> {
    let all = cells.run(MomentsPass::new(cells.shape()[1]), "moments", exec)?;
    let own = all.first().ok_or_else(|| Error::internal("no moments"))?;
    let moments = Moments::from_sums(own.rows, &own.sums, &own.squares)?;
    let deviation = |variance: &f64| if *variance > 0.0 { variance.sqrt() } else { 1.0 };
    Ok(moments.variances.iter().map(deviation).collect())
}
