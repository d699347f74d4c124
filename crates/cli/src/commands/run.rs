//! `annstream run`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::{Error, Result};
use annstream_sc::recipe::Recipe;
use clap::Args;

use super::inputs::{Joining, resolve};
use super::pipeline::{Job, KeepXName};
use super::writing::Writing;

/// Run a preprocessing pipeline on data larger than memory, with scanpy's numbers under scanpy's keys.
///
/// Quality control, filters, normalize_total, log1p, highly variable genes and PCA, as in the scanpy tutorial, in three
/// passes over the matrix. A recipe chooses other steps and options. X of the result is log-normalized, the counts stand
/// in the layer counts.
#[derive(Debug, Args)]
#[command(after_help = "\
A recipe is a TOML file with one table for each step; a step without a table is left out:
  [gene_sets]                     [highly_variable_genes]
  mt = { prefix = [\"MT-\"] }       n_top_genes = 3000
  [qc]                            flavor = \"seurat_v3\"
  qc_vars = [\"mt\"]                batch_key = \"sample\"
  [filter_cells]                  [scale]
  min_genes = 200                 max_value = 10
  max_percent = { mt = 15 }       [pca]
  [normalize_total]               n_comps = 30
  target_sum = 1e4
  [log1p]
Between variable genes and scaling, [regress_out] with keys = [\"total_counts\"] subtracts what columns of obs predict;
as with [scale], only PCA sees it, unless --keep-x scaled. [normalize_pearson_residuals] (theta, clip) takes the place of
normalize_total and log1p; X becomes dense.

Examples:
  annstream run counts.h5ad -o done.h5ad
  annstream run counts.h5ad -o done.h5ad --recipe mine.toml --memory 2G --metrics run.json
  annstream run counts.h5ad -o qc.h5ad --until filter_genes
  annstream run ctrl=a.h5ad stim=b.zarr -o done.h5ad --join outer --label sample --index-unique -
  annstream run --print-recipe > mine.toml")]
pub(crate) struct Arguments {
    /// Files or stores with counts in X; several are treated as their concatenation, without a merged copy. As in concat,
    /// `key=path` names one, `@list.txt` and `-` read paths from a file or standard input
    #[arg(value_name = "IN", required_unless_present = "print_recipe")]
    inputs: Vec<String>,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT", required_unless_present = "print_recipe")]
    output: Option<PathBuf>,
    /// Steps and options [default: the scanpy tutorial; --print-recipe shows it]
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Leave out the steps after this one
    #[arg(long, value_name = "STEP")]
    until: Option<String>,
    /// What becomes of the matrix
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    keep_x: KeepXName,
    /// Write time, memory and bytes of each stage to this file, as JSON
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Print the recipe and do nothing
    #[arg(long)]
    print_recipe: bool,
    #[command(flatten, next_help_heading = "Several inputs")]
    joining: Joining,
    #[command(flatten)]
    writing: Writing,
}

/// Runs a pipeline.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut recipe = match &arguments.recipe {
        None => Recipe::tutorial(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| Error::io(error, path))?;
            Recipe::from_toml(&text).map_err(|error| error.in_file(path))?
        }
    };
    if let Some(last) = &arguments.until {
        recipe = recipe.until(last)?;
    }
    let Some(output) = arguments.output.as_ref().filter(|_| !arguments.inputs.is_empty()) else {
        arguments.writing.common.printer().out(recipe.to_toml()?.trim_end());
        return Ok(());
    };
    let inputs = resolve(&arguments.inputs)?;
    let job = Job {
        inputs: &inputs,
        joining: &arguments.joining,
        output,
        recipe: &recipe,
        keep_x: arguments.keep_x.into(),
        metrics: arguments.metrics.as_deref(),
        writing: &arguments.writing,
    };
    job.run()
}
