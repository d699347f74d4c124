//! `annstream aggregate`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::Result;
use annstream_core::anndata::usual_compression;
use annstream_core::query::Expr;
use annstream_sc::aggregate::{self, AggregateOptions, AggregatePlan, Function};
use clap::Args;

use super::common::disk_bytes;
use super::edited::{Begun, begin};
use super::output::parse;
use super::subset::condition;
use super::writing::Writing;
use crate::printer::{Printer, bytes, count};

/// Add up the cells of each group (pseudobulk), as scanpy.get.aggregate would in memory.
///
/// The result has a row for each group, with the columns of --by, and a dense layer of float64 for each function; var
/// stays, and there is no X. Several columns give a group for each combination that occurs, called a_b. The matrix is read
/// once; memory is groups x genes x 8 bytes for each of sums, squares and counts.
#[derive(Debug, Args)]
#[command(after_help = "\
A cell without a value in a column of --by is an error; --obs leaves such cells out. --obs is adata[condition] before the
aggregation, so that means are those of the cells that are left; the mask of scanpy divides by all cells.

Examples:
  annstream aggregate atlas.h5ad --by cell_type --func sum -o bulk.h5ad
  annstream aggregate atlas.h5ad --by donor,cell_type --func sum,mean,count_nonzero --layer counts -o bulk.h5ad
  annstream aggregate atlas.h5ad --by donor --func mean,var --obs \"donor IS NOT NULL AND n_genes > 200\" -o bulk.zarr")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Columns of obs
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', required = true)]
    by: Vec<String>,
    /// What to compute: sum, mean, var, count_nonzero
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', required = true, value_parser = parse::<Function>)]
    func: Vec<Function>,
    /// The axis that is grouped
    #[arg(long, value_name = "AXIS", default_value = "obs", value_parser = ["obs"])]
    axis: String,
    /// Layer to read, instead of X
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// Look only at cells for which this is true, as in annstream subset
    #[arg(long, value_name = "EXPR", value_parser = condition)]
    obs: Option<Expr>,
    /// Degrees of freedom that var takes off
    #[arg(long, value_name = "N", default_value_t = 1)]
    dof: u32,
    #[command(flatten)]
    writing: Writing,
}

/// Adds up.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input: path, output, by, func, axis: _, layer, obs, dof, writing } = arguments;
    let Begun { started, printer, exec, input, unchanged } = begin(path, output, writing)?;
    let options = AggregateOptions {
        by: by.clone(),
        functions: func.clone(),
        layer: layer.clone(),
        cells: obs.clone(),
        dof: *dof,
    };
    let plan = aggregate::plan(&input, &options)?;
    if plan.cells() == 0 {
        printer.warn("no cells are left: the result is empty");
    }
    if writing.plan {
        show_plan(&plan, writing.json, printer);
        return Ok(());
    }
    let compression = writing.compression.unwrap_or_else(|| usual_compression([&input.file]));
    let writer = writing.create(output, &exec)?;
    aggregate::write(&plan, &input, compression, writer.as_ref(), &exec)?;
    writer.commit()?;
    unchanged.check(printer)?;
    let seconds = started.elapsed().as_secs_f64();
    let size = disk_bytes(output);
    let [groups, genes] = plan.shape();
    if writing.json {
        let value = serde_json::json!({ "output": output.display().to_string(), "shape": plan.shape(),
            "cells": plan.cells(), "functions": plan.functions, "bytes": size, "seconds": seconds });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    printer.note(&format!(
        "{}: {} groups x {} genes of {} cells, {} in {seconds:.1} s",
        output.display(),
        count(groups as u64),
        count(genes as u64),
        count(plan.cells() as u64),
        bytes(size)
    ));
    Ok(())
}

fn show_plan(plan: &AggregatePlan, json: bool, printer: Printer) {
    let [groups, genes] = plan.shape();
    if json {
        let value = serde_json::json!({ "shape": plan.shape(), "cells": plan.cells(), "sizes": plan.sizes,
            "functions": plan.functions, "memory_of_sums": plan.bytes() });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
        return;
    }
    let functions: Vec<&str> = plan.functions.iter().map(|function| function.name()).collect();
    printer.out(&format!(
        "{} groups x {} genes of {} cells",
        count(groups as u64),
        count(genes as u64),
        count(plan.cells() as u64)
    ));
    printer.out(&format!("  layers: {}", functions.join(", ")));
    printer.out(&format!("passes over the data: 1; memory of the sums: {}", bytes(plan.bytes())));
}
