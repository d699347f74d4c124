//! `annstream split`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use annstream_core::subset::{Missing, SplitPlan, SplitSpec, plan_split, split};
use annstream_core::{Error, ErrorKind, Exec, Result};
use annstream_store::StoreWriter;
use clap::{Args, ValueEnum};

use super::common::disk_bytes;
use super::output::{check_output, folder_of, input_name};
use super::writing::{Unchanged, Writing, detail};
use crate::printer::{Printer, bytes, count};

/// Write one file for each value of a column of obs, each with the result of selecting those cells in memory.
///
/// The column holds categories, text, whole numbers, or true and false; values that no cell has give no file. All files
/// are written side by side in one pass over the data, if memory permits (about 5 MB each, at most 128 at a time, else
/// several passes), and get their names when all are complete.
#[derive(Debug, Args)]
#[command(after_help = "\
Names of files: letters, digits and . _ - + = @ , of a value stay, everything else becomes _; names that would then be the
same get -2, -3 and so on. --plan lists them.

Examples:
  annstream split all.h5ad --by sample -o samples/
  annstream split all.h5ad --by cell_type -o types/ --template 'atlas-{key}.zarr' --missing keep
  annstream split all.h5ad --by donor -o donors/ --plan")]
pub(crate) struct Arguments {
    /// File or store to split (.h5ad, .zarr, .zarr.zip, or the URL of a .zarr: s3://, gs://, https://)
    #[arg(value_name = "IN", value_parser = input_name())]
    input: PathBuf,
    /// Column of obs to split by
    #[arg(long, value_name = "COLUMN")]
    by: String,
    /// Folder for the files; made if it does not exist
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Names of the files; {key} stands for the value, and the end says the format
    #[arg(long, default_value = "{key}.h5ad", value_name = "NAME")]
    template: String,
    /// What becomes of cells without a value: they are in no file (drop), or in one of their own called missing (keep)
    #[arg(long, value_enum, default_value_t, value_name = "drop|keep")]
    missing: MissingName,
    #[command(flatten)]
    writing: Writing,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum MissingName {
    #[default]
    Drop,
    Keep,
}

/// Splits.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let writing = &arguments.writing;
    let printer = writing.common.printer();
    let folder = &arguments.output;
    let exists = folder.is_dir();
    if !exists && std::fs::symlink_metadata(folder).is_ok() {
        return Err(Error::new(ErrorKind::Exists, "exists, and is no folder")
            .in_file(folder)
            .hint("choose another one"));
    }
    let beside = if exists { folder } else { folder_of(folder)? };
    let exec = writing.common.exec(beside)?;
    let input = writing.open(&arguments.input)?;
    let spec = SplitSpec {
        by: arguments.by.clone(),
        template: arguments.template.clone(),
        missing: match arguments.missing {
            MissingName::Drop => Missing::Drop,
            MissingName::Keep => Missing::Keep,
        },
        compression: writing.compression,
    };
    let plan = plan_split(&input, &spec, &exec)?;
    for warning in &plan.summary.warnings {
        printer.warn(warning);
    }
    let outputs: Vec<PathBuf> = plan.summary.groups.iter().map(|group| folder.join(&group.file)).collect();
    for output in &outputs {
        check_output(output, [arguments.input.as_path()], writing.force || writing.plan)?;
    }
    if writing.plan {
        show_plan(&plan, writing.json, printer, &exec);
        return Ok(());
    }
    let unchanged = Unchanged::new(&arguments.input)?;
    let made = Made::new(folder, exists, &outputs)?;
    let create = |name: &str| -> Result<Box<dyn StoreWriter>> { writing.create(&folder.join(name), &exec) };
    let matrices = match split(&input, &plan, &create, &exec) {
        Ok(matrices) => matrices,
        Err(error) => {
            made.undo();
            return Err(error);
        }
    };
    unchanged.check(printer)?;
    let seconds = started.elapsed().as_secs_f64();
    let size: u64 = outputs.iter().map(|output| disk_bytes(output)).sum();
    if writing.json {
        let value = serde_json::json!({
            "output": folder.display().to_string(),
            "by": plan.summary.by,
            "files": plan.summary.groups,
            "dropped": plan.summary.dropped,
            "bytes": size,
            "seconds": seconds,
            "warnings": plan.summary.warnings,
            "matrices": matrices,
        });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    detail(&matrices, printer);
    for (group, output) in plan.summary.groups.iter().zip(&outputs) {
        printer.detail(&format!("{}: {} cells", output.display(), count(group.cells)));
    }
    printer.note(&format!(
        "{}: {} files of {} cells, {} in {seconds:.1} s",
        folder.display(),
        count(outputs.len() as u64),
        count(plan.summary.input_shape[0] - plan.summary.dropped),
        bytes(size)
    ));
    Ok(())
}

/// What was not there before, so that a failure leaves nothing.
struct Made<'a> {
    folder: Option<&'a Path>,
    outputs: Vec<&'a Path>,
}

impl<'a> Made<'a> {
    /// Makes the folder if it is not there.
    fn new(folder: &'a Path, exists: bool, outputs: &'a [PathBuf]) -> Result<Self> {
        if !exists {
            std::fs::create_dir(folder).map_err(|error| Error::io(error, folder))?;
        }
        let new = outputs.iter().map(PathBuf::as_path).filter(|output| std::fs::symlink_metadata(output).is_err());
        Ok(Self { folder: (!exists).then_some(folder), outputs: new.collect() })
    }

    /// Removes what was published before something failed.
    fn undo(&self) {
        for output in &self.outputs {
            // What is left is told by the error that led here.
            drop(if output.is_dir() { std::fs::remove_dir_all(output) } else { std::fs::remove_file(output) });
        }
        if let Some(folder) = self.folder {
            drop(std::fs::remove_dir(folder));
        }
    }
}

fn show_plan(plan: &SplitPlan, json: bool, printer: Printer, exec: &Exec) {
    let summary = &plan.summary;
    if json {
        printer.out(&serde_json::to_string_pretty(summary).unwrap_or_default());
        return;
    }
    printer.out(&format!(
        "{} x {} by {} into {} files, compression {}",
        count(summary.input_shape[0]),
        count(summary.input_shape[1]),
        summary.by,
        count(summary.groups.len() as u64),
        summary.compression
    ));
    let width = summary.groups.iter().map(|group| group.file.chars().count()).max().unwrap_or(0).min(60);
    for group in &summary.groups {
        let key = group.key.as_deref().map_or_else(|| "cells without a value".to_owned(), |key| format!("'{key}'"));
        printer.out(&format!("  {:width$}  {:>12} cells  {key}", group.file, count(group.cells)));
    }
    printer.out(&format!(
        "passes over the data: {}; peak memory: about {} of {}",
        summary.passes,
        bytes(summary.memory),
        bytes(exec.budget().total())
    ));
}
