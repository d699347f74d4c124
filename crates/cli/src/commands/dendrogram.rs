//! `annstream dendrogram`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::Result;
use annstream_graph::dendrogram::{Annotated, Correlation, DendrogramStep, Method, annotate};
use clap::Args;

use super::common::disk_bytes;
use super::edited::{Begun, begin, write_with};
use super::output::parse;
use super::writing::{Writing, detail};
use crate::printer::{bytes, count};

/// A tree of groups of cells by the correlation of their means, as scanpy.tl.dendrogram would make it in memory.
///
/// Averages the embedding of each group, or its genes, in one pass over the matrix; memory is groups x columns x 32
/// bytes. Writes uns/dendrogram_COLUMNS, which scanpy's dotplot, heatmap and others draw; all else is copied.
#[derive(Debug, Args)]
#[command(after_help = "\
What is compared is obsm/X_pca, or X where there are at most 50 genes; --use-rep X takes all genes of X, sparse or
dense, without loading it. Categories that no cell has are left out; scanpy fails there.

Examples:
  annstream dendrogram pbmc.h5ad -o tree.h5ad --groupby cell_type
  annstream dendrogram pbmc.h5ad -o tree.h5ad --groupby leiden --linkage-method average --optimal-ordering
  annstream dendrogram pbmc.h5ad -o tree.h5ad --groupby cell_type,donor --use-rep X")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Columns of obs; of several, each combination of values is a group
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', required = true)]
    groupby: Vec<String>,
    /// Entry of obsm, or X [default: X_pca, or X where that has at most 50 genes]
    #[arg(long, value_name = "NAME")]
    use_rep: Option<String>,
    /// How many dimensions of it [default: all]
    #[arg(long, value_name = "N")]
    n_pcs: Option<usize>,
    /// How alike groups are: pearson, spearman, kendall
    #[arg(long, value_name = "NAME", default_value = "pearson", value_parser = parse::<Correlation>)]
    cor_method: Correlation,
    /// How far clusters are: single, complete, average, weighted, ward, centroid, median
    #[arg(long, value_name = "NAME", default_value = "complete", value_parser = parse::<Method>)]
    linkage_method: Method,
    /// Swap branches so that groups side by side are as near as they can be
    #[arg(long)]
    optimal_ordering: bool,
    /// Entry of uns [default: dendrogram_ and the columns]
    #[arg(long, value_name = "NAME")]
    key_added: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

impl Arguments {
    fn step(&self) -> DendrogramStep {
        let &Self { n_pcs, cor_method, linkage_method, optimal_ordering, .. } = self;
        DendrogramStep {
            groupby: self.groupby.clone(),
            n_pcs,
            use_rep: self.use_rep.clone(),
            cor_method,
            linkage_method,
            optimal_ordering,
            key_added: self.key_added.clone(),
        }
    }
}

/// Makes the tree.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input: path, output, groupby, writing, .. } = arguments;
    let Begun { started, printer, exec, input, unchanged } = begin(path, output, writing)?;
    let step = arguments.step();
    let key = step.key();
    if writing.plan {
        let cells = count(input.file.n_obs() as u64);
        printer.out(&format!("tree of the groups of obs/{}, {cells} cells, in uns/{key}", groupby.join(", obs/")));
        return Ok(());
    }
    let Annotated { ordered, unused, path: compared, additions } = annotate(&input.file, &step, &exec)?;
    if !unused.is_empty() {
        printer.warn(&format!("categories without cells are left out: {}", unused.join(", ")));
    }
    exec.release();
    let matrices = write_with(additions, &input, output, writing, &exec)?;
    unchanged.check(printer)?;
    let seconds = started.elapsed().as_secs_f64();
    let size = disk_bytes(output);
    if writing.json {
        let value = serde_json::json!({ "output": output.display().to_string(), "key": key, "compared": compared,
            "ordered": ordered, "unused": unused, "bytes": size, "seconds": seconds });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    detail(&matrices, printer);
    printer.note(&format!(
        "{}: {} groups by {compared} in uns/{key}, {} in {seconds:.1} s",
        output.display(),
        count(ordered.len() as u64),
        bytes(size)
    ));
    Ok(())
}
