//! `annstream neighbors`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::concat::Input;
use annstream_core::{Exec, Result};
use annstream_graph::inputs::representation;
use annstream_graph::neighbors::{Method, Metric, NeighborsStep, Search, connect, fitting};
use clap::{Args, ValueEnum};

use super::common::disk_bytes;
use super::edited::{Begun, begin, write_with};
use super::output::{input_name, parse};
use super::writing::{Writing, detail};
use crate::printer::{Printer, bytes, count};

/// Find the nearest neighbours of each cell and the graph that they make, as scanpy.pp.neighbors would in memory.
///
/// Distances and connectivities go to obsp, parameters to neighbors in uns, under the names that scanpy has; all else is
/// copied. Up to 16,384 cells all pairs are compared; beyond, neighbours are found nearly, and a sample of cells says
/// which share.
#[derive(Debug, Args)]
#[command(after_help = "\
The embedding is obsm[\"X_pca\"], or X where there are at most 50 genes; --use-rep names another. Where scanpy would run pca
first, this is an error: run annstream pca.

Examples:
  annstream neighbors done.h5ad -o graph.h5ad
  annstream neighbors done.h5ad -o graph.h5ad --n-neighbors 30 --n-pcs 20
  annstream neighbors done.h5ad -o graph.h5ad --use-rep X_scvi --metric cosine --key-added scvi")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN", value_parser = input_name())]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Neighbours of a cell, itself included
    #[arg(long, value_name = "N", default_value_t = 15)]
    n_neighbors: usize,
    /// Use only the first dimensions of the embedding; 0 is X
    #[arg(long, value_name = "N")]
    n_pcs: Option<usize>,
    /// The embedding, in obsm; or X
    #[arg(long, value_name = "NAME")]
    use_rep: Option<String>,
    /// How far cells are apart: euclidean, cosine, correlation, manhattan
    #[arg(long, value_name = "METRIC", default_value = "euclidean", value_parser = parse::<Metric>)]
    metric: Metric,
    /// How neighbours become connectivities
    #[arg(long, value_enum, value_name = "METHOD", default_value_t)]
    method: MethodName,
    /// Name under uns, and before _distances and _connectivities under obsp
    #[arg(long, value_name = "NAME")]
    key_added: Option<String>,
    /// Seed of the approximate search: random_state of scanpy
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Which way neighbours are looked for
    #[arg(long, value_enum, value_name = "WAY", default_value_t, hide = true)]
    search: SearchName,
    #[command(flatten)]
    writing: Writing,
}

/// How neighbours become connectivities.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum MethodName {
    /// The fuzzy union of UMAP
    #[default]
    Umap,
    /// A Gaussian kernel of adaptive width
    Gauss,
}

/// Which way neighbours are looked for.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum SearchName {
    #[default]
    Auto,
    Exact,
    Approximate,
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Umap => Self::Umap,
            MethodName::Gauss => Self::Gauss,
        }
    }
}

impl From<SearchName> for Search {
    fn from(name: SearchName) -> Self {
        match name {
            SearchName::Auto => Self::Auto,
            SearchName::Exact => Self::Exact,
            SearchName::Approximate => Self::Approximate,
        }
    }
}

/// Finds neighbours.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input: path, output, writing, .. } = arguments;
    let Begun { started, printer, exec, input, unchanged } = begin(path, output, writing)?;
    let recall = find(arguments, &input, printer, &exec).map_err(|error| error.in_file(&input.name))?;
    if writing.plan {
        return Ok(());
    }
    unchanged.check(printer)?;
    let seconds = started.elapsed().as_secs_f64();
    let size = disk_bytes(output);
    if writing.json {
        let value = serde_json::json!({ "output": output.display().to_string(), "cells": input.file.n_obs(),
            "recall": recall, "bytes": size, "seconds": seconds });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    let how = recall.map_or_else(|| "exact".to_owned(), |recall| format!("recall {:.1} %", recall * 100.0));
    printer.note(&format!(
        "{}: neighbours of {} cells, {how}, {} in {seconds:.1} s",
        output.display(),
        count(input.file.n_obs() as u64),
        bytes(size)
    ));
    Ok(())
}

impl Arguments {
    fn step(&self) -> NeighborsStep {
        let &Self { n_neighbors, n_pcs, metric, method, seed, search, .. } = self;
        NeighborsStep {
            n_neighbors,
            n_pcs,
            use_rep: self.use_rep.clone(),
            metric,
            method: method.into(),
            key_added: self.key_added.clone(),
            random_state: seed,
            search: search.into(),
        }
    }
}

/// Finds and writes; returns the measured share of neighbours that were found, where not all were.
fn find(arguments: &Arguments, input: &Input, printer: Printer, exec: &Exec) -> Result<Option<f64>> {
    let Arguments { output, writing, .. } = arguments;
    let step = arguments.step();
    let cells = input.file.n_obs();
    let n_neighbors = fitting(step.n_neighbors, cells)?;
    if n_neighbors != step.n_neighbors {
        printer.warn(&format!("there are {cells} cells only: looking for {n_neighbors} neighbours"));
    }
    let said = |path: &str, width: usize| format!("{path}: {} cells x {width} dimensions", count(cells as u64));
    if writing.plan {
        let embedding = representation(&input.file, step.use_rep.as_deref(), step.n_pcs, exec)?;
        printer.out(&said(&embedding.path, embedding.width));
        return Ok(None);
    }
    let found = connect(&input.file, &step, exec)?;
    printer.detail(&said(&found.embedding.0, found.embedding.1[1]));
    let recall = found.recall;
    let stored = found.stored(&step);
    let _stored = exec.budget().charge(stored.bytes(), "graphs to write")?;
    let additions = stored.additions()?;
    drop(found);
    let matrices = write_with(additions, input, output, writing, exec)?;
    detail(&matrices, printer);
    Ok(recall)
}
