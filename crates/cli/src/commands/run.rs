//! `annstream run`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::{Error, Result};
use annstream_pipeline::Recipe;
use clap::Args;

use super::inputs::{Joining, resolve};
use super::pipeline::{Job, KeepXName};
use super::writing::Writing;

/// Take raw counts to clusters and markers, larger than memory, with scanpy's numbers under scanpy's keys.
///
/// Quality control, filters, normalize_total, log1p, highly variable genes and PCA, as in the scanpy tutorial, in three
/// passes over the matrix; neighbors, umap and leiden in memory, some 800 bytes a cell each; rank_genes_groups in one more
/// pass. A recipe chooses other steps and options. X of the result is log-normalized, the counts stand in the layer counts.
#[derive(Debug, Args)]
#[command(after_help = "\
A recipe is a TOML file with one table for each step; a step without a table is left out:
  [gene_sets]                     [pca]
  mt = { prefix = [\"MT-\"] }       n_comps = 30
  [qc]                            [neighbors]
  qc_vars = [\"mt\"]                n_neighbors = 30
  [filter_cells]                  [umap]
  min_genes = 200                 min_dist = 0.3
  max_percent = { mt = 15 }       [leiden]
  [normalize_total]               resolution = 0.8
  target_sum = 1e4                [rank_genes_groups]
  [log1p]                         method = \"wilcoxon\"
  [highly_variable_genes]         n_genes = 100
  n_top_genes = 3000
  flavor = \"seurat_v3\"
  batch_key = \"sample\"
Between variable genes and PCA, [regress_out] with keys = [\"total_counts\"] subtracts what columns of obs predict, and
[scale] with max_value = 10 scales; only PCA sees either, unless --keep-x scaled. [normalize_pearson_residuals] (theta, clip)
takes the place of normalize_total and log1p; X becomes dense.

[scrublet] (batch_key, expected_doublet_rate, threshold, filter = true to remove what is called) finds doublets among the cells
that the filters keep, before they are normalized, in three more passes. [harmony] with key = \"sample\", or a list of columns,
takes what is of the batches out of the components (X_pca_harmony), and [neighbors] then looks at the result.

Options have the names that they have in scanpy and in the commands of single steps, which give the same result one after
the other. [rank_genes_groups] compares the communities of [leiden] unless it has groupby; it reads X as the steps leave
it, whatever --keep-x says, or raw if there is one (use_raw = false for X). Groups of one cell are left out with a warning.

Compressed counts are decompressed once: the first pass leaves them in scratch space for the others, if there is room.

Examples:
  annstream run counts.h5ad -o done.h5ad
  annstream run counts.h5ad -o done.h5ad --recipe mine.toml --memory 2G --metrics run.json
  annstream run counts.h5ad -o qc.h5ad --until filter_genes
  annstream run counts.h5ad -o components.h5ad --until pca
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
