//! `annstream subset`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Instant;

use annstream_core::concat::Input;
use annstream_core::query::{self, Expr};
use annstream_core::subset::{AxisChoice, IndexList, SubsetPlan, SubsetSpec, plan_subset, subset};
use annstream_core::{Error, Exec, Result};
use clap::Args;

use super::common::disk_bytes;
use super::output::{check_output, folder_of, input_name, parse};
use super::writing::{Unchanged, Writing, detail};
use crate::printer::{Printer, bytes, count};

/// Keep some of the cells and genes, as adata[cells, genes].copy() would in memory.
///
/// An expression keeps the order of the file. A file of labels and a list of positions give the order of the result, and
/// may repeat; an expression on the same axis then leaves of them what it is true for. X, layers, obsm, varm, obsp and
/// varp follow in the layout that they have; raw keeps all its variables; categories that no row is left of are removed,
/// with their colours in uns.
#[derive(Debug, Args)]
#[command(after_help = "\
Expressions are what may stand behind WHERE in SQL:
  = <> < <= > >=   IN ('a', 'b')   BETWEEN 1 AND 5   LIKE 'T %'   ILIKE   IS NULL   AND OR NOT ( )   + - * /
Text stands in 'single quotes', names that are unusual in \"double quotes\"; TRUE, FALSE and NULL are words. The index is
obs_names (var_names) or index. A missing value compares to nothing: NOT x = 1 leaves out rows without x.

Examples:
  annstream subset all.h5ad -o b_cells.h5ad --obs \"cell_type = 'B cell' AND n_genes BETWEEN 200 AND 6000\"
  annstream subset all.h5ad -o hvg.h5ad --var highly_variable
  annstream subset all.h5ad -o some.zarr --obs-file barcodes.txt --var \"NOT var_names LIKE 'MT-%'\"
  annstream subset all.h5ad -o head.h5ad --obs-index :1000 --plan")]
pub(crate) struct Arguments {
    /// File or store to take from (.h5ad, .zarr, .zarr.zip, or the URL of a .zarr: s3://, gs://, https://)
    #[arg(value_name = "IN", value_parser = input_name())]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Keep cells for which this is true, such as "n_genes > 200"
    #[arg(long, value_name = "EXPR", help_heading = "Cells", value_parser = condition)]
    obs: Option<Expr>,
    /// Keep the cells whose names stand in this file, one a line, in its order; - is standard input
    #[arg(long, value_name = "FILE", help_heading = "Cells", conflicts_with = "obs_index")]
    obs_file: Option<PathBuf>,
    /// Keep the cells at these positions, in this order: 0,5,2 or 10:20 or ::-1, as in Python
    #[arg(long, value_name = "LIST", help_heading = "Cells", value_parser = parse::<IndexList>, allow_hyphen_values = true)]
    obs_index: Option<IndexList>,
    /// Keep genes for which this is true
    #[arg(long, value_name = "EXPR", help_heading = "Genes", value_parser = condition)]
    var: Option<Expr>,
    /// Keep the genes whose names stand in this file, one a line, in its order
    #[arg(long, value_name = "FILE", help_heading = "Genes", conflicts_with = "var_index")]
    var_file: Option<PathBuf>,
    /// Keep the genes at these positions, in this order
    #[arg(long, value_name = "LIST", help_heading = "Genes", value_parser = parse::<IndexList>, allow_hyphen_values = true)]
    var_index: Option<IndexList>,
    #[command(flatten)]
    writing: Writing,
}

/// Reads a condition.
pub(super) fn condition(text: &str) -> std::result::Result<Expr, String> {
    query::parse(text).map_err(|error| match error.next_step() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

/// Takes a part.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input, output, writing, .. } = arguments;
    let spec = spec(arguments)?;
    check_output(output, [input.as_path()], writing.force || writing.plan)?;
    let exec = writing.common.exec(folder_of(output)?)?;
    write(input, output, writing, &exec, |input| plan_subset(input, &spec, &exec))
}

/// Plans a subset and writes it, or shows the plan.
pub(super) fn write(
    path: &Path,
    output: &Path,
    writing: &Writing,
    exec: &Exec,
    plan: impl FnOnce(&Input) -> Result<SubsetPlan>,
) -> Result<()> {
    let started = Instant::now();
    let printer = writing.common.printer();
    let input = writing.open(path)?;
    let plan = plan(&input)?;
    for warning in &plan.summary.warnings {
        printer.warn(warning);
    }
    if writing.plan {
        show_plan(&plan, writing.json, printer, exec);
        return Ok(());
    }
    let unchanged = Unchanged::new(path)?;
    let matrices = subset(&input, &plan, writing.create(output, exec)?, exec)?;
    unchanged.check(printer)?;
    let seconds = started.elapsed().as_secs_f64();
    let size = disk_bytes(output);
    if writing.json {
        let value = serde_json::json!({
            "output": output.display().to_string(),
            "shape": plan.summary.shape,
            "bytes": size,
            "seconds": seconds,
            "warnings": plan.summary.warnings,
            "matrices": matrices,
        });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    detail(&matrices, printer);
    printer.note(&format!(
        "{}: {} x {} of {} x {}, {} in {seconds:.1} s",
        output.display(),
        count(plan.summary.shape[0]),
        count(plan.summary.shape[1]),
        count(plan.summary.input_shape[0]),
        count(plan.summary.input_shape[1]),
        bytes(size)
    ));
    Ok(())
}

fn spec(arguments: &Arguments) -> Result<SubsetSpec> {
    let obs = choice(arguments.obs.as_ref(), arguments.obs_file.as_deref(), arguments.obs_index.as_ref())?;
    let var = choice(arguments.var.as_ref(), arguments.var_file.as_deref(), arguments.var_index.as_ref())?;
    if obs.is_everything() && var.is_everything() {
        return Err(Error::argument("nothing says what to keep")
            .hint("give --obs or --var with an expression, a file of names (--obs-file), or positions (--obs-index)"));
    }
    Ok(SubsetSpec { obs, var, compression: arguments.writing.compression })
}

fn choice(condition: Option<&Expr>, file: Option<&Path>, positions: Option<&IndexList>) -> Result<AxisChoice> {
    Ok(AxisChoice {
        condition: condition.cloned(),
        labels: file.map(labels).transpose()?,
        positions: positions.cloned(),
    })
}

/// The labels of a file, one a line; empty lines are none.
pub(super) fn labels(path: &Path) -> Result<Vec<String>> {
    let reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(path).map_err(|error| Error::io(error, path))?;
        Box::new(std::io::BufReader::new(file))
    };
    let mut labels = Vec::new();
    for line in reader.lines() {
        let line = line.map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                Error::invalid("is not text in UTF-8").in_file(path).hint("expected one name a line, uncompressed")
            }
            _ => Error::io(error, path),
        })?;
        let label = line.strip_suffix('\r').unwrap_or(&line);
        if !label.is_empty() {
            labels.push(label.to_owned());
        }
    }
    Ok(labels)
}

fn show_plan(plan: &SubsetPlan, json: bool, printer: Printer, exec: &Exec) {
    let summary = &plan.summary;
    if json {
        printer.out(&serde_json::to_string_pretty(summary).unwrap_or_default());
        return;
    }
    printer.out(&format!(
        "{} x {} of {} x {}, compression {}",
        count(summary.shape[0]),
        count(summary.shape[1]),
        count(summary.input_shape[0]),
        count(summary.input_shape[1]),
        summary.compression
    ));
    let widest = summary.elements.iter().map(|element| element.path.chars().count()).max();
    let width = widest.unwrap_or(0).min(40);
    for element in &summary.elements {
        printer.out(&format!("  {:7} {:width$}  {}", element.action, element.path, element.detail));
    }
    printer.out(&format!(
        "passes over the data: {}; peak memory: about {} of {}; scratch: up to {}",
        summary.passes,
        bytes(summary.memory),
        bytes(exec.budget().total()),
        bytes(summary.scratch)
    ));
}
