//! `annstream convert`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use annstream_core::anndata::AnnDataFile;
use annstream_core::convert::{Compat, ConvertPlan, ConvertReport, ConvertSpec, Layout, execute, parse_dtype, plan};
use annstream_core::{Error, Exec, Result};
use annstream_store::{Compression, CreateOptions, OpenOptions, ZarrFormat, ZarrOptions, create, open};
use clap::{Args, ValueEnum};

use super::common::{Common, disk_bytes};
use super::output::{ZarrFormatName, check_output, folder_of, input_name, is_zarr, parse, stamp};
use crate::printer::{Printer, bytes, count};
use annstream_core::limits::parse_size;

/// Convert between h5ad and zarr, CSR, CSC and dense, dtypes and compressions, in constant memory.
///
/// The name of the output says its format: a folder `.zarr` or a file `.h5ad`. Everything arrives: anndata reads the
/// same object from both. Files of old versions of anndata are written in the encodings of today.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  annstream convert a.h5ad a.zarr
  annstream convert a.zarr a.h5ad --compression gzip
  annstream convert a.h5ad by-gene.zarr --layout csc --memory 4G     genes are read quickly
  annstream convert counts.h5ad small.h5ad --dtype uint16            fails if a count does not fit
  annstream convert new.h5ad old.h5ad --compat anndata=0.8           for a reader of 2022
  annstream convert a.zarr b.zarr --zarr-format 3 --shard 128M --chunk 65536 --plan")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Arguments {
    /// The file (.h5ad), folder (.zarr), archive (.zarr.zip) or URL of a .zarr (s3://, gs://, https://) to read
    #[arg(value_name = "IN", value_parser = input_name())]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Layout of X and the layers; csr serves readers of cells, csc those of genes
    #[arg(long, value_enum, default_value_t, value_name = "keep|csr|csc|dense")]
    layout: LayoutName,
    /// Type of the values of X and the layers, by numpy's name [default: as the input]. A value that the type cannot
    /// hold is an error; only float64 to float32 rounds
    #[arg(long, value_name = "DTYPE")]
    dtype: Option<String>,
    /// Compression of the output: none, gzip[:0-9], shuffle+gzip[:0-9], lzf, zstd[:1-22] [default: as the input]
    #[arg(long, value_parser = parse::<Compression>, value_name = "CODEC")]
    compression: Option<Compression>,
    /// Values per chunk of sparse matrices, rows per chunk of dense ones [default: half a megabyte of either]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    chunk: Option<u64>,
    /// Size of the shards of a zarr 3 output, before compression; 0 for none [default: 32M]
    #[arg(long, value_name = "SIZE")]
    shard: Option<String>,
    /// Format of a zarr output: 3 has shards and few files, 2 is for old readers [default: 3, or what --compat reads]
    #[arg(long, value_enum, value_name = "2|3")]
    zarr_format: Option<ZarrFormatName>,
    /// The oldest anndata that must read the output: 0.8, 0.10, 0.12 or 0.13
    #[arg(long, value_parser = parse::<Compat>, default_value = "anndata=0.13", value_name = "anndata=VERSION")]
    compat: Compat,
    /// Replace the output if it exists
    #[arg(long)]
    force: bool,
    /// Follow external links, external storage and virtual datasets of the input
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
enum LayoutName {
    #[default]
    Keep,
    Csr,
    Csc,
    Dense,
}

/// Converts.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let printer = arguments.common.printer();
    let Arguments { input, output, .. } = arguments;
    check_output(output, [input.as_path()], arguments.force || arguments.plan)?;
    let spec = spec(arguments)?;
    let zarr = zarr_options(arguments)?;
    let exec = arguments.common.exec(folder_of(output)?)?;
    let options = OpenOptions { allow_external: arguments.allow_external };
    let file = AnnDataFile::open(Arc::from(open(input, options)?)).map_err(|error| error.in_file(input))?;
    let plan = plan(&file, &spec, &exec)?;
    for warning in &plan.summary.warnings {
        printer.warn(warning);
    }
    if arguments.plan {
        show_plan(&plan, arguments.json, printer, &exec);
        return Ok(());
    }
    let before = stamp(input)?;
    let options = CreateOptions { overwrite: arguments.force, pool: Some(exec.pool().clone()), queue: 0, zarr };
    let report = execute(&file, &plan, create(output, options)?, &exec)?;
    for warning in &report.warnings {
        printer.warn(warning);
    }
    if before != stamp(input)? {
        printer.warn(&format!("{}: changed while it was read; the result may mix two versions", input.display()));
    }
    show_report(arguments, &plan, &report, started, printer);
    Ok(())
}

fn spec(arguments: &Arguments) -> Result<ConvertSpec> {
    let layout = match arguments.layout {
        LayoutName::Keep => None,
        LayoutName::Csr => Some("csr"),
        LayoutName::Csc => Some("csc"),
        LayoutName::Dense => Some("dense"),
    };
    Ok(ConvertSpec {
        layout: layout.map(str::parse::<Layout>).transpose()?,
        dtype: arguments.dtype.as_deref().map(parse_dtype).transpose()?,
        compression: arguments.compression,
        chunk: arguments.chunk,
        compat: arguments.compat,
    })
}

fn zarr_options(arguments: &Arguments) -> Result<ZarrOptions> {
    let Arguments { output, compat, zarr_format, shard, .. } = arguments;
    if !is_zarr(output) && (zarr_format.is_some() || shard.is_some()) {
        return Err(Error::argument("--zarr-format and --shard are for an output with the name .zarr").in_file(output));
    }
    let format = match zarr_format {
        Some(ZarrFormatName::Three) if !compat.zarr_3() => {
            return Err(Error::argument(format!("anndata {compat} cannot read zarr format 3")).hint("leave it out"));
        }
        Some(ZarrFormatName::Two) => ZarrFormat::V2,
        None if !compat.zarr_3() => ZarrFormat::V2,
        _ => ZarrFormat::V3,
    };
    let shard = match shard.as_deref() {
        None => ZarrOptions::default().shard,
        Some(_) if format == ZarrFormat::V2 => {
            return Err(Error::argument("zarr format 2 has no shards").hint("leave --shard out"));
        }
        Some("0") => 0,
        Some(text) => parse_size(text)?,
    };
    Ok(ZarrOptions { format, shard })
}

fn show_plan(plan: &ConvertPlan, json: bool, printer: Printer, exec: &Exec) {
    let summary = &plan.summary;
    if json {
        printer.out(&serde_json::to_string_pretty(summary).unwrap_or_default());
        return;
    }
    printer.out(&format!(
        "{}: {} x {}, compression {}, for {}",
        summary.input,
        count(summary.shape[0]),
        count(summary.shape[1]),
        summary.compression,
        summary.compat
    ));
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

fn show_report(arguments: &Arguments, plan: &ConvertPlan, report: &ConvertReport, started: Instant, printer: Printer) {
    let seconds = started.elapsed().as_secs_f64();
    let size = disk_bytes(&arguments.output);
    if arguments.json {
        let warnings: Vec<&String> = plan.summary.warnings.iter().chain(&report.warnings).collect();
        let value = serde_json::json!({
            "output": arguments.output.display().to_string(),
            "shape": plan.summary.shape,
            "bytes": size,
            "seconds": seconds,
            "warnings": warnings,
            "matrices": report.matrices,
        });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    for matrix in &report.matrices {
        let found = matrix.sum.map_or_else(|| "copied as stored".to_owned(), |sum| format!("sum {sum}; checked"));
        printer.detail(&format!("{}: {} values, {found}", matrix.path, count(matrix.values)));
    }
    printer.note(&format!(
        "{}: {} x {}, {} in {seconds:.1} s",
        arguments.output.display(),
        count(plan.summary.shape[0]),
        count(plan.summary.shape[1]),
        bytes(size)
    ));
}
