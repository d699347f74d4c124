//! Which cells and genes are looked at.

use std::sync::Arc;

use annstream_core::Exec;
use annstream_core::lazy::{LazyMatrix, Precision};
use annstream_core::op::{LogNormalize, ToSingle};

use super::counts::{CountedRows, KeepPass};
use crate::hvg::{DispersionBatch, HvgOptions, Moments, by_dispersion};
use crate::normalize::{divisors, median_total};
use crate::reduce::{Counts, CountsPass, Frequent, MomentsPass};
use crate::{Error, Result};

/// Cells in which a gene must be found.
const MIN_CELLS: u64 = 3;
/// Genes that must be found in a cell.
const MIN_GENES: u32 = 3;

/// The counts of some cells in their variable genes.
pub(super) struct Chosen {
    /// Whether each row of the matrix is one of the cells.
    pub(super) cells: Vec<bool>,
    /// What each cell is divided by, so that all have the same total over all genes.
    pub(super) divisors: Vec<f64>,
    /// The counts.
    pub(super) counts: CountedRows,
}

/// Chooses cells and genes as scanpy does: genes in three cells, cells with three of these genes, and of the genes
/// those with a high dispersion for their mean. Three passes.
pub(super) fn choose(matrix: &LazyMatrix, exec: &Exec) -> Result<Chosen> {
    let [rows, width] = matrix.shape();
    let pass = CountsPass { rows, width, only_counts: true, frequent: Frequent::none(width), ..CountsPass::default() };
    let mut counts = matrix.run(pass, "counts", exec)?;
    let genes: Vec<bool> = counts.genes.positive.iter().map(|&cells| cells >= MIN_CELLS).collect();
    forget(&mut counts, &genes);
    let cells: Vec<bool> = counts.positive.iter().map(|&genes| genes >= MIN_GENES).collect();
    if !cells.contains(&true) {
        return Err(Error::invalid(format!(
            "none of {rows} cells has {MIN_GENES} genes that are found in {MIN_CELLS} cells"
        )));
    }
    let mut kept = matrix.clone().keep_rows(&cells)?.keep_columns(&genes)?;
    if kept.stored_dtype().is_integer() {
        kept = kept.with(ToSingle);
    }
    let totals: Vec<f64> =
        counts.total.iter().zip(&cells).filter(|(_, keep)| **keep).map(|(total, _)| *total).collect();
    let nonzero: Vec<u64> =
        counts.genes.nonzero.iter().zip(&genes).filter(|(_, keep)| **keep).map(|(n, _)| *n).collect();
    drop(counts);
    let precision = if kept.stored_dtype().is_integer() { Precision::Single } else { kept.precision() };
    let (divisors, _) = divisors(&totals, median_total(&totals, precision), precision);
    let variable = variable(&kept, &divisors, exec)?;
    exec.release();
    let values = nonzero.iter().zip(&variable).filter(|(_, keep)| **keep).map(|(nonzero, _)| *nonzero).sum();
    let kept = kept.keep_columns(&variable)?;
    let counts = kept.run(KeepPass::new(kept.shape(), precision, values), "counts of variable genes", exec)?;
    let counts = counts.charged(exec)?;
    Ok(Chosen { cells, divisors, counts })
}

/// Takes genes that go out of what was counted of the cells. They are in so few cells that all their entries are known.
fn forget(counts: &mut Counts, genes: &[bool]) {
    for &(gene, cell, value) in counts.rare.entries() {
        if !genes[gene as usize] {
            counts.positive[cell as usize] -= u32::from(value > 0.0);
            counts.total[cell as usize] -= value;
        }
    }
}

/// The genes that are highly variable, by scanpy's defaults.
fn variable(kept: &LazyMatrix, divisors: &[f64], exec: &Exec) -> Result<Vec<bool>> {
    // Operators speak of rows of the source.
    let mut of_source = vec![1.0; kept.source_shape()[0]];
    for (id, divisor) in kept.row_ids().into_iter().zip(divisors) {
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| of_source.get_mut(id)) {
            *slot = *divisor;
        }
    }
    let _charge = exec.budget().charge(of_source.len() as u64 * 8, "the divisors of the cells")?;
    let width = kept.shape()[1];
    let linear = kept.clone().with(LogNormalize::new(Arc::from(of_source), None).and_back());
    let all = linear.run(MomentsPass::new(width), "moments", exec)?;
    let own = all.first().ok_or_else(|| Error::internal("no moments"))?;
    let moments = Moments::from_sums(own.rows, &own.sums, &own.squares)?;
    let batch = DispersionBatch { name: String::new(), moments, expressed: None };
    let table = by_dispersion(&vec![""; width], &[batch], &HvgOptions::default())?;
    let variable = table.highly_variable();
    if !variable.contains(&true) {
        return Err(Error::invalid(format!("none of {width} genes is highly variable")));
    }
    Ok(variable)
}
