//! `annstream concat`.

use std::path::PathBuf;
use std::time::Instant;

use annstream_core::concat::{Axis, ConcatPlan, ConcatReport, ConcatSpec, FillValue, MergeStrategy, execute, plan};
use annstream_core::{Error, Exec, Result};
use annstream_store::{Compression, CreateOptions, OpenOptions, ZarrOptions, create, virtual_sources};
use clap::{Args, ValueEnum};

use super::common::{Common, disk_bytes};
use super::inputs::{Joining, Named, open_all, resolve, unchanged};
use super::output::{ZarrFormatName, check_output, folder_of, parse};
use crate::printer::{Printer, bytes, count};

/// Merge AnnData files on disk, with the result that anndata.concat would give in memory.
///
/// Inputs may be in any mixture of CSR, CSC and dense, with different genes in any order, different columns and types.
/// `annstream concat --plan` shows what will be kept, converted and dropped, before any work.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  annstream concat a.h5ad b.h5ad -o all.h5ad --join outer --label batch
  annstream concat *.h5ad -o all.h5ad --keys-from stem --label sample --index-unique - --merge same --memory 4G
  annstream concat ctrl=a.h5ad stim=b.h5ad -o all.h5ad --plan
  annstream concat a.h5ad s3://bucket/b.zarr -o all.h5ad    # zarr stores on servers are read in place
  annstream concat --virtual a.h5ad b.h5ad -o view.h5ad     # in a moment: the values stay in a.h5ad and b.h5ad")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Arguments {
    /// Files to merge, in order; `key=path` names one, `@list.txt` and `-` read paths from a file or standard input; a path
    /// may be the URL of a .zarr (s3://, gs://, https://)
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<String>,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Axis to append along: cells (obs) or genes (var)
    #[arg(long, value_enum, default_value_t)]
    axis: AxisName,
    #[command(flatten)]
    joining: Joining,
    /// Which elements of the other axis to keep
    #[arg(long, default_value = "none", value_parser = parse::<MergeStrategy>, value_name = "none|same|unique|first|only")]
    merge: MergeStrategy,
    /// Which entries of uns to keep
    #[arg(long, default_value = "none", value_parser = parse::<MergeStrategy>, value_name = "none|same|unique|first|only")]
    uns_merge: MergeStrategy,
    /// Value for what an outer join leaves open [default: 0 in sparse, NaN in dense matrices]
    #[arg(long, value_parser = parse::<FillValue>, value_name = "X", allow_hyphen_values = true)]
    fill_value: Option<FillValue>,
    /// Keep pairwise elements (obsp, varp) of the appended axis, as block diagonals
    #[arg(long)]
    pairwise: bool,
    /// Copy no matrix: show those of the inputs in place, as HDF5 virtual datasets. For h5ad files with the same names of
    /// the other axis in the same order, of one layout and type; keep the inputs where they are, as they are
    #[arg(long = "virtual")]
    show: bool,
    /// Compression of the output: none, gzip[:0-9], shuffle+gzip[:0-9], lzf, zstd[:1-22] [default: as the inputs]
    #[arg(long, value_parser = parse::<Compression>, value_name = "CODEC")]
    compression: Option<Compression>,
    /// Format of a zarr output: 3 has shards and few files, 2 is for old readers
    #[arg(long, value_enum, default_value_t, value_name = "2|3")]
    zarr_format: ZarrFormatName,
    /// Replace the output if it exists
    #[arg(long)]
    force: bool,
    /// Follow external links, external storage and virtual datasets of the inputs
    #[arg(long)]
    allow_external: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    plan: bool,
    /// Print the plan or the report as JSON on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum AxisName {
    #[default]
    Obs,
    Var,
}

/// Merges.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let printer = arguments.common.printer();
    let named = resolve(&arguments.inputs)?;
    let paths = named.iter().map(|input| input.path.as_path());
    check_output(&arguments.output, paths, arguments.force || arguments.plan)?;
    let folder = folder_of(&arguments.output)?;
    let exec = arguments.common.exec(folder)?;
    let spec = spec(arguments, &named)?;
    let inputs = open_all(&named, OpenOptions { allow_external: arguments.allow_external }, &exec)?;
    let plan = plan(&inputs, &spec, &exec)?;
    for warning in &plan.summary.warnings {
        printer.warn(warning);
    }
    if arguments.plan {
        show_plan(&plan, arguments.json, printer, &exec);
        return Ok(());
    }
    let unchanged = unchanged(&named)?;
    let zarr = ZarrOptions { format: arguments.zarr_format.into(), ..ZarrOptions::default() };
    let options = CreateOptions { overwrite: arguments.force, pool: Some(exec.pool().clone()), queue: 0, zarr };
    let writer = create(&arguments.output, options)?;
    let report = execute(&inputs, &plan, writer, &exec)?;
    unchanged.iter().try_for_each(|input| input.check(printer))?;
    show_report(arguments, &plan, &report, started, printer);
    Ok(())
}

fn spec(arguments: &Arguments, named: &[Named]) -> Result<ConcatSpec> {
    let virtual_from = virtual_sources(&arguments.output).filter(|_| arguments.show);
    if arguments.show && virtual_from.is_none() {
        let error = Error::argument("this format has no virtual arrays").in_file(&arguments.output);
        return Err(error.hint("write .h5ad, or leave out --virtual"));
    }
    let spec = arguments.joining.spec(named)?;
    Ok(ConcatSpec {
        axis: match arguments.axis {
            AxisName::Obs => Axis::Obs,
            AxisName::Var => Axis::Var,
        },
        merge: arguments.merge,
        uns_merge: arguments.uns_merge,
        fill_value: arguments.fill_value,
        pairwise: arguments.pairwise,
        compression: arguments.compression,
        virtual_from,
        ..spec
    })
}

fn show_plan(plan: &ConcatPlan, json: bool, printer: Printer, exec: &Exec) {
    let summary = &plan.summary;
    if json {
        printer.out(&serde_json::to_string_pretty(summary).unwrap_or_default());
        return;
    }
    printer.out(&format!(
        "{} inputs along {} into {} x {}, compression {}",
        summary.inputs.len(),
        summary.axis,
        count(summary.shape[0]),
        count(summary.shape[1]),
        summary.compression
    ));
    for input in &summary.inputs {
        printer.out(&format!("  {}  {} x {}  {}", input.key, count(input.shape[0]), count(input.shape[1]), input.path));
    }
    let widest = summary.elements.iter().map(|element| element.path.chars().count()).max();
    let width = widest.unwrap_or(0).min(40);
    for element in &summary.elements {
        printer.out(&format!("  {:7} {:width$}  {}", element.action, element.path, element.detail));
    }
    printer.out(&format!(
        "passes over the data: {}; peak memory: about {} of {}; scratch: {}; output: up to {} before compression",
        summary.passes,
        bytes(summary.memory),
        bytes(exec.budget().total()),
        bytes(summary.scratch),
        bytes(summary.output)
    ));
}

fn show_report(arguments: &Arguments, plan: &ConcatPlan, report: &ConcatReport, started: Instant, printer: Printer) {
    let seconds = started.elapsed().as_secs_f64();
    let size = disk_bytes(&arguments.output);
    if arguments.json {
        let value = serde_json::json!({
            "output": arguments.output.display().to_string(),
            "shape": plan.summary.shape,
            "bytes": size,
            "seconds": seconds,
            "warnings": plan.summary.warnings,
            "matrices": report.matrices,
            "shown": report.shown,
        });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    for matrix in &report.matrices {
        printer.detail(&format!("{}: {} values, sum {}; checked", matrix.path, count(matrix.values), matrix.sum));
    }
    for matrix in &report.shown {
        let values = matrix.inputs.iter().sum();
        printer.detail(&format!("{}: {} values shown in place; not checked", matrix.path, count(values)));
    }
    printer.note(&format!(
        "{}: {} x {}, {} in {seconds:.1} s",
        arguments.output.display(),
        count(plan.summary.shape[0]),
        count(plan.summary.shape[1]),
        bytes(size)
    ));
}
