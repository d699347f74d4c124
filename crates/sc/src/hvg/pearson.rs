//! Genes ranked by the variance of their Pearson residuals.

use annstream_core::{Error, Result};
use annstream_store::Buffer;

use super::moments::Moments;
use super::options::{Flavor, HvgOptions};
use super::ranks::{First, rank};
use super::table::{self, HvgTable};

/// What residuals are clipped to in every batch: `clip`, or the square root of the number of cells of the first batch.
/// (scanpy sets its variable in the first batch, and so keeps it for the others.)
pub fn residual_clip(options: &HvgOptions, cells_of_first_batch: u64) -> f64 {
    options.clip.unwrap_or_else(|| (cells_of_first_batch as f64).sqrt())
}

/// Highly variable genes by variances of residuals, as `scanpy.experimental.pp.highly_variable_genes`.
///
/// `all` are the moments of the counts of all cells, which only stand in the table. `residual_variances` are, for each
/// batch in the order of its sorted names, variances (divided by the number of cells) of clipped residuals, with 0 for
/// genes that the batch does not have; without a batch key there is one batch.
///
/// # Errors
/// If the options are meaningless or of another flavor, or the statistics not of the same genes.
pub fn pearson_residuals(all: &Moments, residual_variances: &[Vec<f64>], options: &HvgOptions) -> Result<HvgTable> {
    options.check()?;
    if options.flavor != Flavor::PearsonResiduals {
        return Err(Error::argument(format!("flavor {} does not choose by residuals", options.flavor)));
    }
    all.check(all.genes())?;
    let scores: Vec<&[f64]> = residual_variances.iter().map(Vec::as_slice).collect();
    let ranking = rank(all.genes(), &scores, options.top())?;
    let chosen = ranking.choose(options.top(), First::Batches);
    let mut columns = vec![
        ("means", Buffer::F64(all.means.clone())),
        ("variances", Buffer::F64(all.variances.clone())),
        ("residual_variances", Buffer::F64(ranking.scores)),
        (table::RANK, Buffer::F32(ranking.ranks)),
    ];
    if options.batched {
        let everywhere: Vec<bool> = ranking.batches.iter().map(|count| *count == scores.len() as i64).collect();
        columns.push((table::BATCHES, Buffer::I64(ranking.batches)));
        columns.push((table::INTERSECTION, table::booleans(&everywhere)));
    }
    columns.push((table::HIGHLY_VARIABLE, table::booleans(&chosen)));
    Ok(HvgTable::new(options, columns))
}
