//! One file per command; this one lists them.

mod aggregate;
mod common;
mod concat;
mod convert;
mod dendrogram;
mod diffmap;
mod downsample;
mod edited;
mod harmony;
mod info;
mod inputs;
mod leiden;
mod markers;
mod metrics;
mod neighbors;
mod output;
mod paga;
mod pipeline;
mod ready;
mod report;
mod residuals;
mod run;
mod sample;
mod score;
mod scrublet;
mod split;
mod steps;
mod subset;
mod umap;
mod writing;

use annstream_core::Result;
use clap::Subcommand;

/// What the user asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add up the cells of each group: sums, means, variances (pseudobulk).
    Aggregate(Box<aggregate::Arguments>),
    /// Merge AnnData files on disk, with the result that anndata.concat would give in memory.
    Concat(Box<concat::Arguments>),
    /// Convert between h5ad and zarr, CSR, CSC and dense, dtypes and compressions, in constant memory.
    Convert(Box<convert::Arguments>),
    /// Show what a file holds, from its metadata only.
    Info(info::Arguments),
    /// Quality metrics of cells and genes.
    Qc(Box<steps::Qc>),
    /// Keep cells and genes that pass thresholds.
    Filter(Box<steps::Filter>),
    /// Give every cell the same total.
    Normalize(Box<steps::Normalize>),
    /// Take the logarithm of 1 + X.
    Log1p(Box<steps::Log1p>),
    /// Mark highly variable genes.
    Hvg(Box<steps::Hvg>),
    /// Replace counts by their Pearson residuals.
    NormalizePearsonResiduals(Box<residuals::NormalizePearsonResiduals>),
    /// Subtract what columns of obs predict.
    RegressOut(Box<residuals::RegressOut>),
    /// Centre and scale genes.
    Scale(Box<steps::Scale>),
    /// Principal components, exact.
    Pca(Box<steps::Pca>),
    /// Take the differences of batches out of an embedding.
    #[command(visible_alias = "harmony-integrate")]
    Harmony(Box<harmony::Arguments>),
    /// Neighbours of cells, and the graph that they make.
    Neighbors(Box<neighbors::Arguments>),
    /// A picture of the graph of neighbours in two dimensions.
    Umap(Box<umap::Arguments>),
    /// Communities of cells in the graph of neighbours.
    Leiden(Box<leiden::Arguments>),
    /// Diffusion maps of the graph of neighbours.
    Diffmap(Box<diffmap::Arguments>),
    /// The graph of groups of cells (PAGA).
    Paga(Box<paga::Arguments>),
    /// A tree of groups of cells by the correlation of their means.
    Dendrogram(Box<dendrogram::Arguments>),
    /// Rank the genes that mark each group of cells, by t-tests or rank-sum tests.
    #[command(visible_alias = "markers")]
    RankGenesGroups(Box<markers::Arguments>),
    /// Run a preprocessing pipeline: QC, filters, normalization, variable genes, PCA, in few passes.
    Run(Box<run::Arguments>),
    /// Make a page about a processed file, and figures: HTML, SVG, PNG.
    Report(Box<report::Arguments>),
    /// Score cells by a list of genes.
    ScoreGenes(Box<score::ScoreGenes>),
    /// Score the phases of the cell cycle.
    CellCycle(Box<score::CellCycleScores>),
    /// Find doublets, droplets that hold two cells.
    Scrublet(Box<scrublet::Arguments>),
    /// Draw fewer counts at random.
    Downsample(Box<downsample::Arguments>),
    /// Draw cells or genes at random.
    Sample(Box<sample::Arguments>),
    /// Write one file for each value of a column of obs.
    Split(Box<split::Arguments>),
    /// Keep some of the cells and genes, by expression, names or positions.
    Subset(Box<subset::Arguments>),
}

/// Runs a command.
pub(crate) fn run(command: Command) -> Result<()> {
    match command {
        Command::Aggregate(arguments) => aggregate::run(&arguments),
        Command::Concat(arguments) => concat::run(&arguments),
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Dendrogram(arguments) => dendrogram::run(&arguments),
        Command::Diffmap(arguments) => diffmap::run(&arguments),
        Command::Info(arguments) => info::run(&arguments),
        Command::Leiden(arguments) => leiden::run(&arguments),
        Command::Qc(arguments) => arguments.run(),
        Command::Filter(arguments) => arguments.run(),
        Command::Normalize(arguments) => arguments.run(),
        Command::Log1p(arguments) => arguments.run(),
        Command::Hvg(arguments) => arguments.run(),
        Command::NormalizePearsonResiduals(arguments) => arguments.run(),
        Command::RegressOut(arguments) => arguments.run(),
        Command::Scale(arguments) => arguments.run(),
        Command::Pca(arguments) => arguments.run(),
        Command::Paga(arguments) => paga::run(&arguments),
        Command::RankGenesGroups(arguments) => markers::run(&arguments),
        Command::Harmony(arguments) => harmony::run(&arguments),
        Command::Neighbors(arguments) => neighbors::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::ScoreGenes(arguments) => arguments.run(),
        Command::CellCycle(arguments) => arguments.run(),
        Command::Scrublet(arguments) => scrublet::run(&arguments),
        Command::Downsample(arguments) => downsample::run(&arguments),
        Command::Sample(arguments) => sample::run(&arguments),
        Command::Split(arguments) => split::run(&arguments),
        Command::Subset(arguments) => subset::run(&arguments),
        Command::Umap(arguments) => umap::run(&arguments),
    }
}
