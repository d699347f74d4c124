//! `annstream umap`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::Result;
use annstream_graph::umap::{Annotated, UmapOptions, UmapStep, annotate};
use clap::Args;

use super::common::disk_bytes;
use super::edited::{Begun, begin, write_with};
use super::writing::{Writing, detail};
use crate::printer::{bytes, count};

/// Lay out the graph of neighbours in two dimensions, as scanpy.tl.umap would in memory.
///
/// The graph is the one of obsp that uns/neighbors tells of. Writes obsm/X_umap and uns/umap; all else is copied.
/// The picture is of the quality of scanpy's, but not the same: random numbers differ. Memory is some 30 bytes an edge
/// and 250 a cell; the same seed gives the same picture for any number of threads.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  annstream umap pbmc.h5ad -o pictured.h5ad
  annstream umap pbmc.h5ad -o tight.h5ad --min-dist 0.1 --seed 1
  annstream umap pbmc.h5ad -o pictured.h5ad --init-pos pca")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Distance up to which cells count as one place; smaller values give tighter groups
    #[arg(long, value_name = "N", default_value_t = 0.5, allow_negative_numbers = true)]
    min_dist: f64,
    /// Scale of the distances
    #[arg(long, value_name = "N", default_value_t = 1.0, allow_negative_numbers = true)]
    spread: f64,
    /// Dimensions of the picture
    #[arg(long, value_name = "N", default_value_t = 2)]
    n_components: usize,
    /// Epochs [default: 500 for up to 10,000 cells, 200 for more]
    #[arg(long, value_name = "N")]
    maxiter: Option<usize>,
    /// Learning rate at the beginning
    #[arg(long, value_name = "N", default_value_t = 1.0, allow_negative_numbers = true)]
    alpha: f64,
    /// Weight of the cells that push others away
    #[arg(long, value_name = "N", default_value_t = 1.0, allow_negative_numbers = true)]
    gamma: f64,
    /// Cells that push, for each edge that pulls
    #[arg(long, value_name = "N", default_value_t = 5)]
    negative_sample_rate: usize,
    /// Where cells begin: spectral (more than 10,000 at the picture of a coarser graph that began so), random, pca, or an entry
    /// of obsm
    #[arg(long, value_name = "NAME", default_value = "spectral")]
    init_pos: String,
    /// Where random numbers start: random_state of scanpy
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u32,
    /// The curve of forces, instead of that of --min-dist and --spread
    #[arg(long, value_name = "N", requires = "b", allow_negative_numbers = true)]
    a: Option<f64>,
    /// See --a
    #[arg(long, value_name = "N", requires = "a", allow_negative_numbers = true)]
    b: Option<f64>,
    /// Entry of uns that tells of the graph [default: neighbors]
    #[arg(long, value_name = "NAME")]
    neighbors_key: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

impl Arguments {
    fn step(&self) -> UmapStep {
        let &Self { min_dist, spread, n_components, maxiter, alpha, gamma, negative_sample_rate, seed, .. } = self;
        UmapStep {
            options: UmapOptions {
                min_dist,
                spread,
                n_components,
                maxiter,
                alpha,
                gamma,
                negative_sample_rate,
                random_state: u64::from(seed),
                ..UmapOptions::default()
            },
            a: self.a,
            b: self.b,
            init_pos: Some(self.init_pos.clone()),
            neighbors_key: self.neighbors_key.clone(),
        }
    }
}

/// Lays out.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input: path, output, writing, .. } = arguments;
    let step = arguments.step();
    step.check()?;
    let Begun { started, printer, exec, input, unchanged } = begin(path, output, writing)?;
    if writing.plan {
        let name = annstream_graph::inputs::graph_name(&input.file, step.neighbors_key.as_deref());
        let name = name.map_err(|error| error.in_file(path))?;
        printer.out(&format!("picture of {} cells by obsp/{name}", count(input.file.n_obs() as u64)));
        return Ok(());
    }
    let Annotated { umap, additions } = annotate(&input.file, &step, &exec)?;
    exec.release();
    let laid_out = started.elapsed().as_secs_f64();
    let matrices = write_with(additions, &input, output, writing, &exec)?;
    unchanged.check(printer)?;
    let seconds = started.elapsed().as_secs_f64();
    let size = disk_bytes(output);
    if writing.json {
        let value = serde_json::json!({ "output": output.display().to_string(), "epochs": umap.epochs,
            "a": umap.curve.a, "b": umap.curve.b, "bytes": size, "seconds": seconds, "seconds_of_layout": laid_out });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    detail(&matrices, printer);
    printer.note(&format!(
        "{}: {} cells in obsm/X_umap, {} epochs, {} in {seconds:.1} s",
        output.display(),
        count(input.file.n_obs() as u64),
        umap.epochs,
        bytes(size)
    ));
    Ok(())
}
