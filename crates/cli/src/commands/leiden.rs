//! `annstream leiden`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::{Error, Result};
use annstream_graph::leiden::{Annotated, LeidenOptions, LeidenStep, Objective, Restriction, annotate};
use clap::Args;

use super::common::disk_bytes;
use super::edited::{Begun, begin, write_with};
use super::output::parse;
use super::writing::{Writing, detail};
use crate::printer::{bytes, count};

/// Find communities in the graph of neighbours, as scanpy.tl.leiden would in memory.
///
/// The graph is the one of obsp that uns/neighbors tells of. The column of obs has the names 0, 1, …, the largest
/// community first; all else is copied. Communities are of the quality of scanpy's, but not the same: random numbers
/// differ. Memory is some 50 bytes an edge and 300 a cell; the same seed gives the same communities on any machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Weights below zero, and such that are no numbers, are errors. Without --directed an edge that is stored both ways counts
twice, as in scanpy; that changes nothing but --objective cpm, where it halves the resolution.

Examples:
  annstream leiden pbmc.h5ad -o clustered.h5ad
  annstream leiden pbmc.h5ad -o fine.h5ad --resolution 2 --key-added leiden_fine
  annstream leiden clustered.h5ad -o parts.h5ad --restrict-to leiden=0,3 --resolution 0.5")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// The higher, the more communities
    #[arg(long, value_name = "N", default_value_t = 1.0, allow_negative_numbers = true)]
    resolution: f64,
    /// How many iterations; -1: until one improves nothing
    #[arg(long, value_name = "N", default_value_t = -1, allow_negative_numbers = true)]
    n_iterations: i64,
    /// How often it is begun anew; the best result counts, and starts run side by side [default: 8 up to 5,000 cells, else
    /// 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    starts: Option<u32>,
    /// What is optimised: modularity or cpm, the constant Potts model
    #[arg(long, value_name = "NAME", default_value = "modularity", value_parser = parse::<Objective>)]
    objective: Objective,
    /// Take the graph as one with directions
    #[arg(long)]
    directed: bool,
    /// Let each edge count 1
    #[arg(long)]
    no_weights: bool,
    /// Look only at cells of these groups of a column of obs; the others keep their names
    #[arg(long, value_name = "COLUMN=A,B,…", value_parser = restriction)]
    restrict_to: Option<Restriction>,
    /// Column of obs, and entry of uns [default: leiden, leiden_R with --restrict-to]
    #[arg(long, value_name = "NAME")]
    key_added: Option<String>,
    /// Entry of uns that tells of the graph [default: neighbors]
    #[arg(long, value_name = "NAME")]
    neighbors_key: Option<String>,
    /// Where random numbers start: random_state of scanpy
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u32,
    #[command(flatten)]
    writing: Writing,
}

/// Cells from `COLUMN=A,B`.
fn restriction(text: &str) -> Result<Restriction> {
    match text.split_once('=') {
        Some((column, groups)) if !column.is_empty() && !groups.is_empty() => {
            Ok(Restriction { column: column.to_owned(), groups: groups.split(',').map(str::to_owned).collect() })
        }
        _ => Err(Error::argument(format!("'{text}' names no groups; expected a column and groups, as leiden=0,3"))),
    }
}

impl Arguments {
    fn step(&self) -> LeidenStep {
        let &Self { resolution, n_iterations, starts, objective, directed, seed, .. } = self;
        let (use_weights, seed) = (!self.no_weights, u64::from(seed));
        let defaults = LeidenOptions::default();
        LeidenStep {
            options: LeidenOptions {
                objective,
                resolution,
                n_iterations,
                starts,
                directed,
                use_weights,
                seed,
                ..defaults
            },
            restrict_to: self.restrict_to.clone(),
            key_added: self.key_added.clone(),
            neighbors_key: self.neighbors_key.clone(),
        }
    }
}

/// Finds communities.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input: path, output, writing, .. } = arguments;
    let Begun { started, printer, exec, input, unchanged } = begin(path, output, writing)?;
    let step = arguments.step();
    if writing.plan {
        let name = annstream_graph::inputs::graph_name(&input.file, step.neighbors_key.as_deref());
        let name = name.map_err(|error| error.in_file(path))?;
        printer.out(&format!("communities of {} cells by obsp/{name}", count(input.file.n_obs() as u64)));
        return Ok(());
    }
    let Annotated { leiden, key, additions } = annotate(&input.file, &step, &exec)?;
    exec.release();
    let searched = started.elapsed().as_secs_f64();
    let matrices = write_with(additions, &input, output, writing, &exec)?;
    unchanged.check(printer)?;
    let seconds = started.elapsed().as_secs_f64();
    let size = disk_bytes(output);
    if writing.json {
        let value = serde_json::json!({ "output": output.display().to_string(), "key": key, "sizes": leiden.sizes,
            "quality": leiden.quality, "modularity": leiden.modularity, "iterations": leiden.iterations,
            "bytes": size, "seconds": seconds, "seconds_of_search": searched });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    detail(&matrices, printer);
    printer.note(&format!(
        "{}: {} communities of {} cells in obs/{key}, modularity {:.4}, {} in {seconds:.1} s",
        output.display(),
        count(leiden.sizes.len() as u64),
        count(leiden.labels.len() as u64),
        leiden.modularity,
        bytes(size)
    ));
    Ok(())
}
