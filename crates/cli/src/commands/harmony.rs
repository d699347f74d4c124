//! `annstream harmony`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::Result;
use annstream_graph::harmony::{Annotated, HarmonyOptions, HarmonyStep, annotate};
use clap::Args;

use super::common::disk_bytes;
use super::edited::{Begun, begin, write_with};
use super::writing::{Writing, detail};
use crate::printer::{bytes, count};

/// Take the differences of batches out of an embedding, as scanpy's harmony_integrate would in memory.
///
/// Reads obsm/X_pca and columns of obs; writes obsm/X_pca_harmony in double precision; all else is copied. The algorithm is
/// that of harmonypy 2.1 with its defaults; where clusters begin is drawn otherwise. Memory is 16 bytes a value of the
/// embedding and some 450 a cell; the same seed gives the same result for any number of threads.
#[derive(Debug, Args)]
#[command(after_help = "\
Several columns as --key have an effect each, as in harmonypy (scanpy 1.13 takes their combinations for batches). Cells
without a value there are an error. Without --ridge-lambda the penalty follows from --alpha.

Examples:
  annstream harmony done.h5ad -o mixed.h5ad --key sample
  annstream harmony done.h5ad -o mixed.h5ad --key donor,chemistry --theta 2,1
  annstream neighbors mixed.h5ad -o graph.h5ad --use-rep X_pca_harmony")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Columns of obs that tell the batches
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', required = true)]
    key: Vec<String>,
    /// The embedding, in obsm
    #[arg(long, value_name = "NAME", default_value = "X_pca")]
    basis: String,
    /// Where in obsm the result goes
    #[arg(long, value_name = "NAME", default_value = "X_pca_harmony")]
    adjusted_basis: String,
    /// Number of clusters [default: one for 30 cells, 100 at most]
    #[arg(long, value_name = "N")]
    n_clusters: Option<usize>,
    /// Turns of clustering and correction, at most
    #[arg(long, value_name = "N", default_value_t = 10)]
    max_iter_harmony: usize,
    /// Rounds of clustering in a turn, at most: max_iter_kmeans of harmonypy
    #[arg(long, value_name = "N", default_value_t = 4)]
    max_iter_clustering: usize,
    /// Turns end when the objective falls by less than this part
    #[arg(long, value_name = "N", default_value_t = 1e-2, allow_negative_numbers = true)]
    tol_harmony: f64,
    /// Rounds end when the objective changes by less than this part, from the fifth on
    #[arg(long, value_name = "N", default_value_t = 1e-3, allow_negative_numbers = true)]
    tol_clustering: f64,
    /// Width of clusters; the smaller, the harder they are
    #[arg(long, value_name = "N", default_value_t = 0.1, allow_negative_numbers = true)]
    sigma: f64,
    /// How strongly batches are mixed: one number, or one for each key
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "2", allow_negative_numbers = true)]
    theta: Vec<f64>,
    /// Cells that a batch should have for each cluster; smaller ones are mixed less
    #[arg(long, value_name = "N", default_value_t = 0.0, allow_negative_numbers = true)]
    tau: f64,
    /// Penalty of the effects of batches: one number, or one for each key [default: by --alpha]
    #[arg(long, value_name = "N,…", value_delimiter = ',', allow_negative_numbers = true)]
    ridge_lambda: Option<Vec<f64>>,
    /// The penalty, in parts of the cells that a cluster would have of a batch if all were evenly mixed
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0.2,
        allow_negative_numbers = true,
        conflicts_with = "ridge_lambda"
    )]
    alpha: f64,
    /// Share of its cells up to which a batch is not looked at in a cluster
    #[arg(long, value_name = "N", default_value_t = 1e-5, allow_negative_numbers = true)]
    batch_prune_threshold: f64,
    /// Share of the cells that change clusters together
    #[arg(long, value_name = "N", default_value_t = 0.05, allow_negative_numbers = true)]
    block_proportion: f64,
    /// Where random numbers start: random_state of harmonypy
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u32,
    /// Entry of uns with the centres that clusters begin with, clusters x dimensions
    #[arg(long, value_name = "NAME", hide = true)]
    centres: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

impl Arguments {
    fn step(&self) -> HarmonyStep {
        let &Self { n_clusters, max_iter_harmony, max_iter_clustering, tol_harmony, tol_clustering, .. } = self;
        let &Self { sigma, tau, alpha, batch_prune_threshold, block_proportion, seed, .. } = self;
        HarmonyStep {
            key: self.key.clone(),
            basis: self.basis.clone(),
            adjusted_basis: self.adjusted_basis.clone(),
            options: HarmonyOptions {
                n_clusters,
                max_iter_harmony,
                max_iter_clustering,
                tol_harmony,
                tol_clustering,
                sigma,
                theta: self.theta.clone(),
                tau,
                ridge_lambda: self.ridge_lambda.clone(),
                alpha,
                batch_prune_threshold,
                block_proportion,
                random_state: u64::from(seed),
                centres: None,
            },
            centres: self.centres.clone(),
        }
    }
}

/// Corrects.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input: path, output, basis, adjusted_basis, key, writing, .. } = arguments;
    let Begun { started, printer, exec, input, unchanged } = begin(path, output, writing)?;
    if writing.plan {
        let cells = count(input.file.n_obs() as u64);
        printer.out(&format!("obsm/{adjusted_basis} of {cells} cells: obsm/{basis} corrected for {}", key.join(", ")));
        return Ok(());
    }
    let Annotated { harmony, shape: [cells, width], additions } = annotate(&input.file, &arguments.step(), &exec)?;
    exec.release();
    let corrected = started.elapsed().as_secs_f64();
    let matrices = write_with(additions, &input, output, writing, &exec)?;
    unchanged.check(printer)?;
    let seconds = started.elapsed().as_secs_f64();
    let size = disk_bytes(output);
    if writing.json {
        let value = serde_json::json!({ "output": output.display().to_string(), "clusters": harmony.clusters,
            "objectives": harmony.objectives, "converged": harmony.converged, "bytes": size, "seconds": seconds,
            "seconds_of_correction": corrected });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    detail(&matrices, printer);
    let turns = harmony.objectives.len().saturating_sub(1);
    printer.note(&format!(
        "{}: {} cells x {width} in obsm/{adjusted_basis}, {turns} turns{}, {} in {seconds:.1} s",
        output.display(),
        count(cells as u64),
        if harmony.converged { "" } else { " (not settled)" },
        bytes(size)
    ));
    Ok(())
}
