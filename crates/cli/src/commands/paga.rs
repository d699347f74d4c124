//! `annstream paga`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::{Error, Result};
use annstream_graph::paga::{Annotated, PagaStep, annotate, groups_column};
use clap::Args;

use super::common::disk_bytes;
use super::edited::{Begun, begin, write_with};
use super::writing::{Writing, detail};
use crate::printer::{bytes, count};

/// The graph of groups of cells (PAGA), as scanpy.tl.paga would make it in memory.
///
/// Counts the edges between groups in the distances of obsp that uns/neighbors tells of, in one pass. Writes
/// connectivities, connectivities_tree and groups to uns/paga, and the sizes of the groups to uns/GROUPS_sizes; all
/// else is copied.
#[derive(Debug, Args)]
#[command(after_help = "\
Of connections that are equally strong the tree has the first one, row by row; in scanpy that is left to chance. RNA
velocity is not known here.

Examples:
  annstream paga clustered.h5ad -o abstracted.h5ad
  annstream paga clustered.h5ad -o abstracted.h5ad --groups cell_type")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Column of obs with the groups [default: leiden, else louvain]
    #[arg(long, value_name = "COLUMN")]
    groups: Option<String>,
    /// The model of connectivity: v1.2
    #[arg(long, value_name = "NAME", default_value = "v1.2")]
    model: String,
    /// Entry of uns that tells of the graph [default: neighbors]
    #[arg(long, value_name = "NAME")]
    neighbors_key: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

/// Makes the graph of the groups.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input: path, output, groups, model, neighbors_key, writing } = arguments;
    match model.as_str() {
        "v1.2" => {}
        "v1.0" => {
            return Err(Error::argument("the model v1.0 is not implemented").hint("give --model v1.2, the default"));
        }
        other => return Err(Error::argument(format!("'{other}' is not a model; expected v1.2"))),
    }
    let Begun { started, printer, exec, input, unchanged } = begin(path, output, writing)?;
    let step = PagaStep { groups: groups.clone(), neighbors_key: neighbors_key.clone() };
    let cells = count(input.file.n_obs() as u64);
    if writing.plan {
        let name = annstream_graph::inputs::distances_name(&input.file, neighbors_key.as_deref());
        let name = name.map_err(|error| error.in_file(path))?;
        let column = groups_column(&input.file, groups.as_deref())?;
        printer.out(&format!("graph of the groups of obs/{column}, {cells} cells, by obsp/{name}"));
        return Ok(());
    }
    let Annotated { paga, column, additions } = annotate(&input.file, &step, &exec)?;
    exec.release();
    let matrices = write_with(additions, &input, output, writing, &exec)?;
    unchanged.check(printer)?;
    let seconds = started.elapsed().as_secs_f64();
    let size = disk_bytes(output);
    let connections = paga.connectivities.len() / 2;
    if writing.json {
        let value = serde_json::json!({ "output": output.display().to_string(), "groups": column, "sizes": paga.sizes,
            "connections": connections, "tree": paga.tree.len(), "bytes": size, "seconds": seconds });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    detail(&matrices, printer);
    printer.note(&format!(
        "{}: {} groups of obs/{column}, {} connections in uns/paga, {} in {seconds:.1} s",
        output.display(),
        count(paga.sizes.len() as u64),
        count(connections as u64),
        bytes(size)
    ));
    Ok(())
}
