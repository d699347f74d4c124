//! Running a recipe from the command line: what `run` and the commands of single steps share.

use std::path::Path;
use std::time::Instant;

use annstream_core::{Error, Result};
use annstream_pipeline::{Corrected, Recipe, Report, run, stages};
use annstream_sc::pipeline::{KeepX, PipelineOptions};

use super::common::disk_bytes;
use super::inputs::{Joining, Named, unchanged};
use super::metrics::Metrics;
use super::output::{check_output, folder_of};
use super::ready::{Opened, Ready};
use super::writing::Writing;
use crate::printer::{Printer, bytes, count};

/// What becomes of the matrix.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum KeepXName {
    /// X as the steps leave it, the counts in the layer counts
    #[default]
    Both,
    /// X as the steps leave it
    Normalized,
    /// X as PCA sees it, if the recipe regresses or scales: dense, unless its centre stays
    Scaled,
    /// X as it was
    Raw,
    /// No X: tables, scores and loadings only
    None,
}

impl From<KeepXName> for KeepX {
    fn from(name: KeepXName) -> Self {
        match name {
            KeepXName::Both => Self::Both,
            KeepXName::Normalized => Self::Normalized,
            KeepXName::Scaled => Self::Scaled,
            KeepXName::Raw => Self::Raw,
            KeepXName::None => Self::None,
        }
    }
}

/// A recipe, what it runs on, and where the result goes.
pub(crate) struct Job<'a> {
    /// One or several, which are treated as their concatenation.
    pub(crate) inputs: &'a [Named],
    pub(crate) joining: &'a Joining,
    pub(crate) output: &'a Path,
    pub(crate) recipe: &'a Recipe,
    pub(crate) keep_x: KeepX,
    pub(crate) metrics: Option<&'a Path>,
    pub(crate) writing: &'a Writing,
}

impl Job<'_> {
    /// Runs it and reports.
    pub(crate) fn run(&self) -> Result<()> {
        self.recipe.check()?;
        let started = Instant::now();
        let writing = self.writing;
        let printer = writing.common.printer();
        let paths = self.inputs.iter().map(|input| input.path.as_path());
        check_output(self.output, paths, writing.force || writing.plan)?;
        if let Some(metrics) = self.metrics {
            // Now, and not after all the work.
            check_output(metrics, self.inputs.iter().map(|input| input.path.as_path()), true)?;
            folder_of(metrics)?;
            if std::path::absolute(metrics).ok() == std::path::absolute(self.output).ok() {
                return Err(Error::argument("the metrics and the output are the same file").in_file(metrics));
            }
        }
        let exec = writing.common.exec(folder_of(self.output)?)?;
        let unchanged = unchanged(self.inputs)?;
        let opened = Opened::new(self.inputs, self.joining, writing, &exec)?;
        for warning in opened.warnings() {
            printer.warn(&warning);
        }
        opened.names().check(self.recipe, self.keep_x).map_err(|error| error.in_file(opened.name()))?;
        if writing.plan {
            self.show_plan(opened.shape(), printer);
            return Ok(());
        }
        let Ready { tables, matrix, compression } = opened.ready(self.recipe, writing, &exec)?;
        let options = PipelineOptions { keep_x: self.keep_x, compression, keep_scores: false };
        let writer = writing.create(self.output, &exec)?;
        let report = run(tables.input(), matrix, self.recipe, options, writer.as_ref(), &exec)?;
        drop(tables);
        writer.commit()?;
        unchanged.iter().try_for_each(|input| input.check(printer))?;
        for warning in &report.matrix.warnings {
            printer.warn(warning);
        }
        let seconds = started.elapsed().as_secs_f64();
        let size = disk_bytes(self.output);
        let metrics = Metrics::new(seconds);
        if let Some(path) = self.metrics {
            let inputs: Vec<String> = self.inputs.iter().map(|input| input.path.display().to_string()).collect();
            let value = serde_json::json!({ "version": env!("CARGO_PKG_VERSION"), "inputs": inputs,
                "output": self.output.display().to_string(), "bytes": size, "recipe": self.recipe, "report": report,
                "process": metrics });
            let text = serde_json::to_string_pretty(&value).unwrap_or_default() + "\n";
            std::fs::write(path, text).map_err(|error| Error::io(error, path))?;
        }
        if writing.json {
            let value = serde_json::json!({ "output": self.output.display().to_string(), "bytes": size,
                "seconds": seconds, "report": report });
            printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
        }
        say(&report, printer);
        let done = &report.matrix;
        printer.note(&format!(
            "{}: {} x {} of {} x {}, {} passes, {} in {seconds:.1} s",
            self.output.display(),
            count(done.shape[0] as u64),
            count(done.shape[1] as u64),
            count(done.input_shape[0] as u64),
            count(done.input_shape[1] as u64),
            done.passes,
            bytes(size)
        ));
        Ok(())
    }

    /// Says what the passes are for.
    fn show_plan(&self, shape: [u64; 2], printer: Printer) {
        let stages = stages(self.recipe, self.keep_x);
        let passes = stages.passes();
        if self.writing.json {
            let value = serde_json::json!({ "shape": shape, "recipe": self.recipe, "passes": passes,
                "in_memory": stages.in_memory });
            printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
            return;
        }
        printer.out(&format!("{} cells x {} genes", count(shape[0]), count(shape[1])));
        let before = stages.before.len();
        for (i, pass) in passes.iter().enumerate() {
            if i == before && !stages.in_memory.is_empty() {
                printer.out(&in_memory(&stages.in_memory));
            }
            printer.out(&format!("  pass {}: {pass}", i + 1));
        }
        if stages.after.is_empty() && !stages.in_memory.is_empty() {
            printer.out(&in_memory(&stages.in_memory));
        }
        printer.out(&format!("passes over the data: {}", passes.len()));
    }
}

fn in_memory(steps: &[String]) -> String {
    format!("  in memory, no pass: {}", steps.join(", "))
}

fn say(report: &Report, printer: Printer) {
    for stage in &report.matrix.stages {
        let peak = stage.peak_rss.map_or(String::new(), |peak| format!(", at most {} of memory so far", bytes(peak)));
        printer.detail(&format!(
            "{}: {:.2} s, {:.2} s of processor time{peak}",
            stage.name, stage.seconds, stage.cpu_seconds
        ));
    }
    report.matrix.doublets.iter().for_each(|batch| super::scrublet::say(batch, printer));
    if let Some(recall) = report.recall_of_doublets {
        printer.detail(&format!("{:.1} % of the neighbours of doublets were found, by a sample", recall * 100.0));
    }
    if let Some(Corrected { clusters, objectives, converged }) = &report.harmony {
        let turns = objectives.len().saturating_sub(1);
        let settled = if *converged { "" } else { " (not settled)" };
        printer.detail(&format!("batches were corrected for in {clusters} clusters, {turns} turns{settled}"));
    }
    if let Some(genes) = report.matrix.variable_genes {
        printer.detail(&format!("{} genes are highly variable", count(genes as u64)));
    }
    if let Some(recall) = report.recall {
        printer.detail(&format!("{:.1} % of the neighbours were found, by a sample", recall * 100.0));
    }
    if let (Some(communities), Some(modularity)) = (report.communities, report.modularity) {
        printer.detail(&format!("{} communities, modularity {modularity:.4}", count(communities as u64)));
    }
}
