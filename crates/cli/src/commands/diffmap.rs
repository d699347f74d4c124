//! `annstream diffmap`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::Result;
use annstream_graph::diffmap::{Annotated, DiffmapStep, EXPECTED_RESIDUAL, annotate};
use clap::Args;

use super::common::disk_bytes;
use super::edited::{Begun, begin, write_with};
use super::writing::{Writing, detail};
use crate::printer::{bytes, count};

/// Diffusion maps of the graph of neighbours, as scanpy.tl.diffmap would in memory.
///
/// The graph is the one of obsp that uns/neighbors tells of. Writes obsm/X_diffmap and uns/diffmap_evals; all else is
/// copied. The first component is where the walk is in the long run, and tells nothing. Memory is some 20 bytes an edge
/// and 900 a cell; the result is the same for any number of threads.
#[derive(Debug, Args)]
#[command(after_help = "\
Eigenvectors have the signs that make their entry of largest magnitude positive; those of scanpy are arbitrary. In a
graph of several parts each vector is that of one part, and zero elsewhere.

Examples:
  annstream diffmap pbmc.h5ad -o mapped.h5ad
  annstream diffmap pbmc.h5ad -o mapped.h5ad --n-comps 30 --neighbors-key wide")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Number of components, 3 or more; at most as many as cells but one come out
    #[arg(long, value_name = "N", default_value_t = 15)]
    n_comps: usize,
    /// Entry of uns that tells of the graph [default: neighbors]
    #[arg(long, value_name = "NAME")]
    neighbors_key: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

/// Makes a diffusion map.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input: path, output, n_comps, neighbors_key, writing } = arguments;
    let Begun { started, printer, exec, input, unchanged } = begin(path, output, writing)?;
    let cells = count(input.file.n_obs() as u64);
    let step = DiffmapStep { n_comps: *n_comps, neighbors_key: neighbors_key.clone() };
    if writing.plan {
        let name = annstream_graph::inputs::graph_name(&input.file, neighbors_key.as_deref());
        let name = name.map_err(|error| error.in_file(path))?;
        printer.out(&format!("diffusion map of {cells} cells by obsp/{name}"));
        return Ok(());
    }
    let Annotated { diffmap, additions } = annotate(&input.file, &step, &exec)?;
    let found = diffmap.eigenvalues.len();
    if 2 * diffmap.components > found {
        let parts = count(diffmap.components as u64);
        printer.warn(&format!(
            "the graph is in {parts} parts, each of which has the eigenvalue 1 (or 0, if it is one cell)"
        ));
    }
    if diffmap.residual > EXPECTED_RESIDUAL {
        let residual = diffmap.residual;
        printer
            .warn(&format!("eigenvalues are too close to each other to be told apart: |A x - l x| is {residual:.1e}"));
    }
    exec.release();
    let solved = started.elapsed().as_secs_f64();
    let matrices = write_with(additions, &input, output, writing, &exec)?;
    unchanged.check(printer)?;
    let seconds = started.elapsed().as_secs_f64();
    let size = disk_bytes(output);
    if writing.json {
        let value = serde_json::json!({ "output": output.display().to_string(), "eigenvalues": diffmap.eigenvalues,
            "components": diffmap.components, "residual": diffmap.residual, "bytes": size, "seconds": seconds,
            "seconds_of_search": solved });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    detail(&matrices, printer);
    printer.note(&format!(
        "{}: {found} components of {cells} cells in obsm/X_diffmap, {} in {seconds:.1} s",
        output.display(),
        bytes(size)
    ));
    Ok(())
}
