//! `annstream report`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use annstream_core::anndata::AnnDataFile;
use annstream_core::concat::Input;
use annstream_core::{Error, Result};
use annstream_report::{Report, ReportOptions, RunMetrics, collect, figures, page};
use annstream_store::{OpenOptions, open};
use clap::Args;

use super::common::{Common, disk_bytes};
use super::output::{check_output, folder_of, input_name};
use super::writing::Unchanged;
use crate::printer::{Printer, bytes};

/// Make a page about a processed file: one HTML file that opens in a browser, without a network.
///
/// It shows what the file has of quality metrics, variable genes, components, an embedding, clusters and markers, with tables
/// beside the charts, and a paragraph for a methods section. The file may come from annstream or from scanpy. X is read
/// once at most, for the genes that are shown.
#[derive(Debug, Args)]
#[command(after_help = "\
What the file lacks is left out, and the page says which command makes it.

Examples:
  annstream report marked.h5ad -o report.html
  annstream report marked.h5ad -o report.html --metrics run.json --genes CD3D,MS4A1,LYZ --sample donor
  annstream report marked.h5ad -o report.html --figures figures/     # the same charts as SVG and PNG")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip, or the URL of a .zarr)
    #[arg(value_name = "IN", value_parser = input_name())]
    input: PathBuf,
    /// The page to write (.html)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Write figures to this folder, as SVG and PNG; it is made if need be
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// What annstream run --metrics wrote: filters, time and memory
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Genes to colour cells by [default: the first marker of six groups]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', help_heading = "What is shown")]
    genes: Vec<String>,
    /// More columns of obs to colour cells by
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', help_heading = "What is shown")]
    color: Vec<String>,
    /// Column of obs with samples [default: one with a usual name, such as sample or donor_id]
    #[arg(long, value_name = "COLUMN", help_heading = "What is shown")]
    sample: Option<String>,
    /// Column of obs with clusters [default: that of the markers, else one with a usual name, such as leiden]
    #[arg(long, value_name = "COLUMN", help_heading = "What is shown")]
    groupby: Option<String>,
    /// Entry of obsm to draw [default: umap, tsne or pca]
    #[arg(long, value_name = "NAME", help_heading = "What is shown")]
    basis: Option<String>,
    /// Entry of uns with the markers
    #[arg(long, value_name = "NAME", default_value = "rank_genes_groups", help_heading = "What is shown")]
    markers_key: String,
    /// Markers of each group in the dot plot
    #[arg(long, value_name = "N", default_value_t = 3, help_heading = "What is shown")]
    dot_genes: usize,
    /// Most cells to draw; of more, so many are drawn at random
    #[arg(long, value_name = "N", default_value_t = 100_000, help_heading = "What is shown")]
    points: usize,
    /// Heading of the page [default: the name of the file]
    #[arg(long, value_name = "TEXT", help_heading = "What is shown")]
    title: Option<String>,
    /// Replace outputs that exist
    #[arg(long)]
    force: bool,
    /// Follow external links, external storage and virtual datasets of the input
    #[arg(long)]
    allow_external: bool,
    #[command(flatten)]
    common: Common,
}

impl Arguments {
    fn options(&self) -> ReportOptions {
        ReportOptions {
            title: self.title.clone(),
            sample: self.sample.clone(),
            groupby: self.groupby.clone(),
            basis: self.basis.clone(),
            color: self.color.clone(),
            genes: self.genes.clone(),
            markers_key: self.markers_key.clone(),
            dot_genes: self.dot_genes,
            points: self.points,
            ..ReportOptions::default()
        }
    }
}

/// Makes the page, and the figures.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let Arguments { input: path, output, force, .. } = arguments;
    let printer = arguments.common.printer();
    let inputs = || [Some(path.as_path()), arguments.metrics.as_deref()].into_iter().flatten();
    check_output(output, inputs(), *force)?;
    let exec = arguments.common.exec(folder_of(output)?)?;
    let metrics = match &arguments.metrics {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| Error::io(error, path))?;
            Some(RunMetrics::from_json(&text).map_err(|error| error.in_file(path))?)
        }
        None => None,
    };
    let store = open(path, OpenOptions { allow_external: arguments.allow_external })?;
    let file = AnnDataFile::open(Arc::from(store)).map_err(|error: Error| error.in_file(path))?;
    for warning in file.warnings() {
        printer.warn(&warning);
    }
    let unchanged = Unchanged::new(path)?;
    let input = Input { name: path.display().to_string(), file };
    let report = collect(&input, &arguments.options(), metrics, &exec)?;
    let drawn = match &arguments.figures {
        Some(folder) => write_figures(&report, folder, *force)?,
        None => 0,
    };
    write_whole(output, page(&report)?.as_bytes(), *force)?;
    unchanged.check(printer)?;
    say(&report, printer);
    let figures = if drawn > 0 { format!(", {drawn} figures") } else { String::new() };
    let size = bytes(disk_bytes(output));
    printer.note(&format!("{}: {size}{figures} in {:.1} s", output.display(), started.elapsed().as_secs_f64()));
    Ok(())
}

/// Says what is not there.
fn say(report: &Report, printer: Printer) {
    for missing in &report.missing {
        if missing.command.is_empty() {
            printer.warn(&missing.what);
        } else {
            printer.detail(&format!("{} {}", missing.what, missing.command));
        }
    }
}

/// Draws figures into a folder; says how many there are.
fn write_figures(report: &Report, folder: &Path, force: bool) -> Result<usize> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io(error, folder))?;
    let drawn = figures::draw(report)?;
    for figure in &drawn {
        check_output(&folder.join(&figure.name), [], force)?;
    }
    for figure in &drawn {
        write_whole(&folder.join(&figure.name), &figure.bytes, force)?;
    }
    Ok(drawn.len())
}

/// Writes a file that appears when it is complete.
fn write_whole(path: &Path, content: &[u8], force: bool) -> Result<()> {
    let failed = |error: std::io::Error| Error::io(error, path);
    let mut file = tempfile::Builder::new().permissions(mode()).tempfile_in(folder_of(path)?).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    let kept = if force { file.persist(path) } else { file.persist_noclobber(path) };
    kept.map(drop).map_err(|error| failed(error.error))
}

/// What a new file gets, less what the user takes away.
fn mode() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}
