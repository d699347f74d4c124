//! Variances of counts standardised by a curve, for `seurat_v3` and `seurat_v3_paper`.

use annstream_core::{Error, Result};
use annstream_store::Buffer;

use super::loess;
use super::moments::{Moments, same_genes};
use super::options::{Flavor, HvgOptions};
use super::ranks::{First, rank};
use super::table::{self, HvgTable};

/// What the first pass over a batch gives, and the second one needs.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipLimits {
    /// The standard deviation that the curve expects of a gene with this mean; 1 where a gene is constant.
    pub reg_std: Vec<f64>,
    /// Values above this are replaced by it: the mean and √cells expected standard deviations.
    pub clip: Vec<f64>,
}

/// The statistics of one batch.
#[derive(Clone, Debug)]
pub struct V3Batch {
    /// Its category, for messages.
    pub name: String,
    /// Moments of its counts.
    pub moments: Moments,
    /// From these moments.
    pub limits: ClipLimits,
    /// The sum of min(count, clip) for each gene.
    pub sums: Vec<f64>,
    /// The sum of the squares of min(count, clip) for each gene.
    pub squares: Vec<f64>,
}

/// Where a batch is clipped: the curve of log10 variances over log10 means of the genes that vary, as the first half of
/// scanpy's `_highly_variable_genes_seurat_v3` does it.
///
/// # Errors
/// If the curve cannot be fitted, as with very few genes, or very few different means; scanpy fails there too.
pub fn clip_limits(moments: &Moments, span: f64) -> Result<ClipLimits> {
    moments.check(moments.genes())?;
    let varying: Vec<usize> = (0..moments.genes()).filter(|gene| moments.variances[*gene] > 0.0).collect();
    if varying.is_empty() {
        return Err(Error::invalid("no gene varies, so there is no curve of variances over means"));
    }
    let logarithms = |values: &[f64]| varying.iter().map(|gene| values[*gene].log10()).collect::<Vec<_>>();
    let fitted = loess::fit(&logarithms(&moments.means), &logarithms(&moments.variances), span)?;
    let mut reg_std = vec![1.0; moments.genes()];
    for (gene, value) in varying.into_iter().zip(fitted) {
        reg_std[gene] = 10f64.powf(value).sqrt();
    }
    let width = (moments.cells as f64).sqrt();
    let clip = reg_std.iter().zip(&moments.means).map(|(std, mean)| std * width + mean).collect();
    Ok(ClipLimits { reg_std, clip })
}

/// Highly variable genes by flavor `seurat_v3` or `seurat_v3_paper`, as `scanpy.pp.highly_variable_genes`.
///
/// `all` are the moments of all cells, which only stand in the table. Batches come in the order of their sorted names;
/// without a batch key there is one. A batch of one cell is scanpy's division by zero, and cannot have limits.
///
/// # Errors
/// If the options are meaningless or of another flavor, or the statistics not of the same genes.
pub fn seurat_v3(all: &Moments, batches: &[V3Batch], options: &HvgOptions) -> Result<HvgTable> {
    options.check()?;
    let first = match options.flavor {
        Flavor::SeuratV3 => First::Rank,
        Flavor::SeuratV3Paper => First::Batches,
        other => return Err(Error::argument(format!("flavor {other} does not choose by standardised variance"))),
    };
    all.check(all.genes())?;
    let scores = batches
        .iter()
        .map(|batch| standardised(all.genes(), batch).map_err(|error| error.at(format!("batch {}", batch.name))))
        .collect::<Result<Vec<_>>>()?;
    let ranking = rank(all.genes(), &scores.iter().map(Vec::as_slice).collect::<Vec<_>>(), options.top())?;
    let mut columns = vec![
        (table::HIGHLY_VARIABLE, table::booleans(&ranking.choose(options.top(), first))),
        (table::RANK, Buffer::F32(ranking.ranks)),
        ("means", Buffer::F64(all.means.clone())),
        ("variances", Buffer::F64(all.variances.clone())),
        ("variances_norm", Buffer::F64(ranking.scores)),
    ];
    if options.batched {
        columns.push((table::BATCHES, Buffer::I64(ranking.batches)));
    }
    Ok(HvgTable::new(options, columns))
}

/// The variance of each gene after standardising and clipping, about the mean before clipping.
fn standardised(genes: usize, batch: &V3Batch) -> Result<Vec<f64>> {
    batch.moments.check(genes)?;
    same_genes(genes, batch.limits.reg_std.len(), "expected standard deviations")?;
    same_genes(genes, batch.sums.len(), "sums")?;
    same_genes(genes, batch.squares.len(), "sums of squares")?;
    let cells = batch.moments.cells as f64;
    let one = |gene: usize| {
        let (std, mean) = (batch.limits.reg_std[gene], batch.moments.means[gene]);
        let centred = cells * (mean * mean) + batch.squares[gene] - 2.0 * batch.sums[gene] * mean;
        1.0 / ((cells - 1.0) * (std * std)) * centred
    };
    Ok((0..genes).map(one).collect())
}
