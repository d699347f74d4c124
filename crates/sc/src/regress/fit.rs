//! Least squares, gene by gene.

use std::sync::Arc;

use annstream_core::budget::Charge;
use annstream_core::lazy::LazyMatrix;
use annstream_core::op::{Design, Regress, ToDouble, ToSingle};
use annstream_core::{Error, Exec, Result};

use super::covariates::Covariates;
use crate::reduce::{ConstantPass, GroupMoments, MomentsPass, ProductsPass};

/// Group means that differ by less than this share of the largest are equal.
const EQUAL: f64 = 1e-13;

/// What each column of a matrix is predicted to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Terms x columns: of each vector of the basis; or of each group, and last of the rows that have none.
    pub coefficients: Vec<f64>,
    /// Number of terms.
    pub terms: usize,
    /// Whether values are taken as single ones.
    pub single: bool,
    /// Whether they are taken as doubles, after that.
    pub double: bool,
}

/// The residuals.
pub struct Regressed {
    /// The matrix with one more operator; its rows are dense.
    pub matrix: LazyMatrix,
    /// Of the budget, for what the operator knows of rows and columns.
    pub charge: Charge,
}

/// What is left of each gene when its prediction from what is known of the cells is subtracted: one pass over `matrix`.
/// The residuals themselves are worked out whenever the result is read, a few dense rows at a time.
///
/// The prediction is that of least squares: on numbers with an intercept, or on the mean of the gene in the cell's group.
/// Residuals have the precision of the values (single for whole numbers of up to 32 bits); doubles, and genes that never
/// vary as they are, where scanpy takes statsmodels: for groups, and for numbers that depend on each other. Cells without
/// a group count as a group of mean 0, also as there. Memory: 8 bytes for each row of the source and number, or for each
/// group and column.
///
/// Equals `scanpy.pp.regress_out`, up to the single precision of its group means, and its inverse of nearly singular
/// matrices, where these residuals are exact.
///
/// # Errors
/// If there are more or fewer covariates than rows, the budget is too small, or reading fails.
pub fn regress_out(matrix: &LazyMatrix, covariates: &Covariates, exec: &Exec) -> Result<Regressed> {
    let [rows, width] = matrix.shape();
    let [source_rows, source_width] = matrix.source_shape();
    let (known, terms) = extent(covariates, rows)?;
    let per_row = (known / rows.max(1)) as u64;
    let bytes = (source_width as u64 * terms as u64).saturating_add(source_rows as u64 * per_row).saturating_mul(8);
    let charge = exec.budget().charge(bytes, "the regression")?;
    let Prediction { coefficients: own, terms, single, double } = predict(matrix, covariates, exec)?;
    let design = match covariates {
        Covariates::Numbers(basis) => {
            Design::Numbers(of_source(matrix, source_rows, &basis.entries, terms, 0.0)?, terms)
        }
        Covariates::Groups { codes, .. } => Design::Groups(of_source(matrix, source_rows, codes, 1, 0)?),
    };
    let matrix = if single { matrix.clone().with(ToSingle) } else { matrix.clone() };
    let matrix = if double { matrix.with(ToDouble) } else { matrix };
    let mut coefficients = vec![0.0; terms * source_width];
    let columns = matrix.column_ids();
    for (of_source, own) in coefficients.chunks_mut(source_width.max(1)).zip(own.chunks(width.max(1))) {
        for (&id, &own) in columns.iter().zip(own) {
            *of_source.get_mut(id as usize).ok_or_else(|| Error::internal("a column beyond the source"))? = own;
        }
    }
    let op = Regress { design, coefficients: coefficients.into(), width: source_width };
    Ok(Regressed { matrix: matrix.with(op), charge })
}

/// How many covariates there are, and how many terms predictions have.
fn extent(covariates: &Covariates, rows: usize) -> Result<(usize, usize)> {
    let (known, terms) = match covariates {
        Covariates::Numbers(basis) => (basis.entries.len(), basis.count),
        Covariates::Groups { codes, count } => (codes.len(), *count as usize + 1),
    };
    let expected = if matches!(covariates, Covariates::Numbers(_)) { rows * terms } else { rows };
    if known != expected {
        return Err(Error::internal(format!("{known} covariates for {rows} rows")));
    }
    Ok((known, terms))
}

/// The predictions that [`regress_out`] subtracts, and in which precision: one pass over `matrix`.
///
/// # Errors
/// As [`regress_out`].
pub fn predict(matrix: &LazyMatrix, covariates: &Covariates, exec: &Exec) -> Result<Prediction> {
    let [rows, width] = matrix.shape();
    let (_, terms) = extent(covariates, rows)?;
    let whole = matrix.view().ops().is_empty() && matrix.stored_dtype().is_integer();
    let small = whole && matrix.stored_dtype().size() <= 4;
    let single = if small { matrix.clone().with(ToSingle) } else { matrix.clone() };
    match covariates {
        Covariates::Numbers(basis) => {
            let pass = ProductsPass { width, count: terms, vectors: &basis.entries };
            let constants = basis.deficient.then_some(ConstantPass { width });
            let base = if basis.deficient { matrix.clone() } else { single };
            let (mut own, constants) = base.run((pass, constants), "the regression", exec)?;
            let constants = constants.unwrap_or_default();
            leave(&mut own, width, &constants);
            let double = basis.deficient && varies(&constants);
            Ok(Prediction { coefficients: own, terms, single: small && !basis.deficient, double })
        }
        Covariates::Groups { codes, count } => {
            let groups = Some(Arc::from(codes.as_slice()));
            let pass = MomentsPass { groups, count: terms, ..MomentsPass::new(width) };
            let (moments, constants) = single.run((pass, ConstantPass { width }), "the regression", exec)?;
            let mut own = predictions(&moments, *count as usize, width);
            leave(&mut own, width, &constants);
            Ok(Prediction { coefficients: own, terms, single: small, double: varies(&constants) })
        }
    }
}

/// Doubles are for statsmodels, to which nothing is left if no column varies.
fn varies(constants: &[bool]) -> bool {
    !constants.iter().all(|constant| *constant)
}

/// Predicts zeros for some columns.
fn leave(coefficients: &mut [f64], width: usize, constants: &[bool]) {
    for own in coefficients.chunks_mut(width.max(1)) {
        own.iter_mut().zip(constants).filter(|(_, constant)| **constant).for_each(|(own, _)| *own = 0.0);
    }
}

/// What is known of the rows of a matrix, put where their ids in the source say.
fn of_source<T: Copy>(matrix: &LazyMatrix, rows: usize, own: &[T], terms: usize, rest: T) -> Result<Arc<[T]>> {
    let mut out = vec![rest; rows.saturating_mul(terms)];
    if terms > 0 {
        for (id, own) in matrix.row_ids().into_iter().zip(own.chunks(terms)) {
            let slot = usize::try_from(id).ok().and_then(|id| out.chunks_mut(terms).nth(id));
            slot.ok_or_else(|| Error::internal("a row beyond the source"))?.copy_from_slice(own);
        }
    }
    Ok(out.into())
}

/// What each column is predicted to be in each group, the last of which holds the rows without a group: the regression on
/// the mean of the row's group, which is that mean where every row has a group.
fn predictions(moments: &[GroupMoments], count: usize, width: usize) -> Vec<f64> {
    let mut out = vec![0.0; (count + 1) * width];
    let missing = moments.get(count).map_or(0, |own| own.rows);
    let rows = moments.iter().map(|own| own.rows).sum::<u64>() as f64;
    for column in 0..width {
        let mean = |group: usize| {
            let own = &moments[group];
            if group == count || own.rows == 0 { 0.0 } else { own.sums[column] / own.rows as f64 }
        };
        if missing == 0 {
            (0..count).for_each(|group| out[group * width + column] = mean(group));
            continue;
        }
        let total: f64 = moments.iter().map(|own| own.sums[column]).sum();
        let centre = total / rows;
        let regressor =
            moments.iter().enumerate().map(|(group, own)| own.rows as f64 * mean(group)).sum::<f64>() / rows;
        let (mut along, mut spread, mut largest) = (0.0, 0.0, 0.0_f64);
        for (group, own) in moments.iter().enumerate() {
            let (n, away) = (own.rows as f64, mean(group) - regressor);
            along += away * (own.sums[column] - n * centre);
            spread += n * away * away;
            largest = largest.max(mean(group).abs());
        }
        let slope = if spread <= rows * (EQUAL * largest).powi(2) { 0.0 } else { along / spread };
        (0..=count).for_each(|group| out[group * width + column] = centre + slope * (mean(group) - regressor));
    }
    out
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
