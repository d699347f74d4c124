//! `annstream downsample`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::anndata::{AnnDataFile, TableName, usual_compression};
use annstream_core::table::Column;
use annstream_core::{Error, Result};
use annstream_sc::downsample::{self, DownsampleOptions, Target};
use clap::Args;

use super::edited::{Begun, begin};
use super::writing::Writing;
use crate::printer::count;

/// Draw fewer counts at random: scanpy.pp.downsample_counts.
///
/// The same seed draws the same counts as scanpy. A number per cell takes one pass over X; a total takes two, and memory of
/// 4 bytes for each count there is (8 from 2^32 counts on). Layers and all else stay.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  annstream downsample in.h5ad -o out.h5ad --counts-per-cell 1000
  annstream downsample in.h5ad -o out.h5ad --counts-per-cell-from wanted_counts
  annstream downsample in.h5ad -o out.h5ad --total-counts 5000000 --seed 42")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    #[command(flatten)]
    target: TargetArguments,
    /// Seed of the draw: random_state of scanpy
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u32,
    /// A count may be drawn again
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    writing: Writing,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct TargetArguments {
    /// Counts that stay in each cell that has more
    #[arg(long, value_name = "N")]
    counts_per_cell: Option<u64>,
    /// Column of obs with the counts that stay in each cell
    #[arg(long, value_name = "COLUMN")]
    counts_per_cell_from: Option<String>,
    /// Counts that stay in all
    #[arg(long, value_name = "N")]
    total_counts: Option<u64>,
}

/// Draws.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input: path, output, target, seed, replace, writing } = arguments;
    let Begun { started, printer, exec, input, unchanged } = begin(path, output, writing)?;
    let target = target.resolve(&input.file)?;
    let shape = [input.file.n_obs(), input.file.n_vars()];
    if writing.plan {
        let passes = downsample::passes(&target);
        if writing.json {
            let value = serde_json::json!({ "shape": shape, "passes": passes });
            printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
        } else {
            printer.out(&format!("{} cells x {} genes", count(shape[0] as u64), count(shape[1] as u64)));
            printer.out(&format!("passes over the data: {passes}"));
        }
        return Ok(());
    }
    let compression = writing.compression.unwrap_or_else(|| usual_compression([&input.file]));
    let writer = writing.create(output, &exec)?;
    let options = DownsampleOptions { target, random_state: *seed, replace: *replace };
    let report = downsample::downsample_counts(&input, &options, compression, writer.as_ref(), &exec)?;
    writer.commit()?;
    unchanged.check(printer)?;
    printer.detail(&format!("{} counts are left", report.counts));
    writing.done(output, started, shape, &serde_json::json!({ "report": report }), printer);
    Ok(())
}

impl TargetArguments {
    fn resolve(&self, file: &AnnDataFile) -> Result<Target> {
        match (self.counts_per_cell, &self.counts_per_cell_from, self.total_counts) {
            (Some(counts), ..) => Ok(Target::PerCell(counts)),
            (None, Some(name), _) => counts_of(&file.read_column(TableName::Obs, name)?, name).map(Target::OfCells),
            (None, None, Some(total)) => Ok(Target::Total(total)),
            (None, None, None) => Err(Error::argument("nothing says how many counts stay")),
        }
    }
}

/// Whole numbers from 0 on.
fn counts_of(column: &Column, name: &str) -> Result<Vec<u64>> {
    let wrong =
        || Error::argument(format!("the column '{name}' of obs is not one of whole numbers from 0 on")).at("obs");
    let Column::Plain(values) = column else { return Err(wrong()) };
    let count = |i: usize| {
        let value = values.get_f64(i).filter(|value| (0.0..9_007_199_254_740_992.0).contains(value))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked; rounds down, as scanpy")]
        Some(value as u64)
    };
    (0..values.len()).map(|i| count(i).ok_or_else(wrong)).collect()
}
