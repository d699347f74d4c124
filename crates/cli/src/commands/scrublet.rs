//! `annstream scrublet`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::concat::Input;
use annstream_core::{Exec, Result};
use annstream_graph::neighbors::Metric;
use annstream_pipeline::DoubletSearch;
use annstream_sc::scrublet::{DoubletSummary, Near, Points, Scrublet, ScrubletOptions, ScrubletStep, scrublet};
use clap::Args;

use super::edited::{Begun, begin, write_with};
use super::output::{input_name, parse};
use super::score::yes_or_no;
use super::writing::{Writing, detail};
use crate::printer::{Printer, count};

/// Find doublets, droplets that hold two cells: scanpy.pp.scrublet.
///
/// Adds doublet_score and predicted_doublet to obs, and scrublet to uns; all else is copied. X should hold counts; it
/// is read three times. For a seed, doublets are simulated of the same pairs of cells as in scanpy; components and
/// neighbours are exact. In memory are, of one batch at a time, the counts of its variable genes (8 bytes each) and
/// some 1000 bytes a cell.
#[derive(Debug, Args)]
#[command(after_help = "\
Doublets arise within a sample: a file of several samples needs --batch-key. Where no threshold is found, no cell is called a
doublet; look at the scores, and give one.

Examples:
  annstream scrublet sample.h5ad -o scored.h5ad
  annstream scrublet merged.h5ad -o scored.h5ad --batch-key sample --expected-doublet-rate 0.08
  annstream scrublet sample.h5ad -o called.h5ad --threshold 0.25")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN", value_parser = input_name())]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Column of obs; the cells of each value are looked at by themselves
    #[arg(long, value_name = "COLUMN")]
    batch_key: Option<String>,
    /// Doublets to simulate for each cell
    #[arg(long, value_name = "N", default_value_t = 2.0, allow_negative_numbers = true)]
    sim_doublet_ratio: f64,
    /// Share of doublets among the cells that is expected
    #[arg(long, value_name = "N", default_value_t = 0.05, allow_negative_numbers = true)]
    expected_doublet_rate: f64,
    /// How uncertain that is; changes no score
    #[arg(long, value_name = "N", default_value_t = 0.02, allow_negative_numbers = true)]
    stdev_doublet_rate: f64,
    /// Share of the counts of its cells that a simulated doublet gets
    #[arg(long, value_name = "N", default_value_t = 1.0, allow_negative_numbers = true)]
    synthetic_doublet_umi_subsampling: f64,
    /// How far cells are apart: euclidean, cosine, correlation, manhattan
    #[arg(long, value_name = "METRIC", default_value = "euclidean", value_parser = parse::<Metric>)]
    knn_dist_metric: Metric,
    /// Do not scale genes to a variance of 1
    #[arg(long)]
    no_normalize_variance: bool,
    /// Take logarithms before the components
    #[arg(long)]
    log_transform: bool,
    /// Do not subtract the means of genes
    #[arg(long)]
    no_mean_center: bool,
    /// Principal components
    #[arg(long, value_name = "N", default_value_t = 30)]
    n_prin_comps: usize,
    /// Look for neighbours nearly: yes or no [default: no]
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    use_approx_neighbors: Option<bool>,
    /// Keep the cells that the doublets near each cell were made of, in uns, as a matrix
    #[arg(long)]
    get_doublet_neighbor_parents: bool,
    /// Neighbours of a cell among cells [default: half the root of their number]
    #[arg(long, value_name = "N")]
    n_neighbors: Option<usize>,
    /// Score above which a cell is called a doublet [default: where the scores of simulated doublets have a minimum]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// Seed of the simulation: random_state of scanpy
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u32,
    #[command(flatten)]
    writing: Writing,
}

impl Arguments {
    fn options(&self) -> ScrubletOptions {
        ScrubletOptions {
            batch_key: self.batch_key.clone(),
            sim_doublet_ratio: self.sim_doublet_ratio,
            expected_doublet_rate: self.expected_doublet_rate,
            stdev_doublet_rate: self.stdev_doublet_rate,
            synthetic_doublet_umi_subsampling: self.synthetic_doublet_umi_subsampling,
            normalize_variance: !self.no_normalize_variance,
            log_transform: self.log_transform,
            mean_center: !self.no_mean_center,
            n_prin_comps: self.n_prin_comps,
            get_doublet_neighbor_parents: self.get_doublet_neighbor_parents,
            n_neighbors: self.n_neighbors,
            threshold: self.threshold,
            random_state: self.seed,
        }
    }

    fn step(&self) -> ScrubletStep {
        ScrubletStep {
            options: self.options(),
            knn_dist_metric: self.knn_dist_metric.name().to_owned(),
            use_approx_neighbors: self.use_approx_neighbors,
            filter: false,
        }
    }

    /// Simulates and scores; neighbours are looked for in the crate of graphs.
    fn find(&self, input: &Input, printer: Printer, exec: &Exec) -> Result<Scrublet> {
        let step = self.step();
        let search = DoubletSearch::new(&step, exec)?;
        let near = |points: Points<'_>, look: &(dyn Fn(usize, &[u32]) -> Near + Sync)| search.near(points, look);
        let found = scrublet(input, &step.options, &near, exec)?;
        if let Some(recall) = search.recall() {
            printer.detail(&format!("neighbours: recall {:.1} %", recall * 100.0));
        }
        Ok(found)
    }
}

/// Finds doublets.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input: path, output, writing, .. } = arguments;
    let options = arguments.options();
    options.check()?;
    let Begun { started, printer, exec, input, unchanged } = begin(path, output, writing)?;
    let shape = [input.file.n_obs(), input.file.n_vars()];
    if writing.plan {
        show_plan(shape, writing.json, printer);
        return Ok(());
    }
    let found = arguments.find(&input, printer, &exec)?;
    found.warnings().iter().for_each(|warning| printer.warn(warning));
    let additions = found.additions();
    let report = found.summaries();
    for batch in &report {
        say(batch, printer);
    }
    drop(found);
    exec.release();
    let matrices = write_with(additions, &input, output, writing, &exec)?;
    unchanged.check(printer)?;
    detail(&matrices, printer);
    writing.done(output, started, shape, &serde_json::json!({ "batches": report }), printer);
    Ok(())
}

/// The numbers that scanpy logs.
pub(super) fn say(batch: &DoubletSummary, printer: Printer) {
    let Some(threshold) = batch.threshold else { return };
    let prefix = batch.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
    printer.detail(&format!(
        "{prefix}{} variable genes; threshold {threshold:.3}; doublets: {:.1} % called, {:.1} % of simulated ones \
         detectable, {:.1} % estimated",
        count(batch.genes as u64),
        batch.detected * 100.0,
        batch.detectable * 100.0,
        batch.detected / batch.detectable * 100.0
    ));
}

fn show_plan(shape: [usize; 2], json: bool, printer: Printer) {
    if json {
        let value = serde_json::json!({ "shape": shape, "passes": 3 });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
        return;
    }
    printer.out(&format!("{} cells x {} genes", count(shape[0] as u64), count(shape[1] as u64)));
    printer.out("  pass 1: counts\n  pass 2: variable genes\n  pass 3: counts of variable genes");
    printer.out("passes over the data: 3");
}
