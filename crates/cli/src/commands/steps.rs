//! The commands of single steps: `qc`, `filter`, `normalize`, `log1p`, `hvg`, `scale`, `pca`.
//!
//! Each is a recipe of one step, run like any other; names and defaults of the options are scanpy's.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::{Error, Result};
use annstream_sc::filter::{CellFilter, GeneFilter};
use annstream_sc::gene_sets::GeneSet;
use annstream_sc::hvg::{Flavor, HvgOptions};
use annstream_sc::normalize::NormalizeOptions;
use annstream_sc::pipeline::KeepX;
use annstream_sc::qc::QcOptions;
use annstream_sc::recipe::{HvgStep, LogOptions, PcaStep, Recipe, ScaleOptions};
use clap::Args;

use super::inputs::{Joining, Named};
use super::output::parse;
use super::pipeline::Job;
use super::writing::Writing;

/// What every step reads and writes.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Write time, memory and bytes of each stage to this file, as JSON
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    #[command(flatten)]
    writing: Writing,
}

impl Files {
    pub(super) fn run(&self, recipe: &Recipe, keep_x: KeepX) -> Result<()> {
        let Self { input, output, metrics, writing } = self;
        let (inputs, joining) = (&[Named::only(input)], &Joining::none());
        let recipe = &annstream_pipeline::Recipe::from(recipe.clone());
        Job { inputs, joining, output, recipe, keep_x, metrics: metrics.as_deref(), writing }.run()
    }
}

/// Quality metrics of cells and genes: scanpy.pp.calculate_qc_metrics(inplace=True).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annstream qc in.h5ad -o out.h5ad --gene-set mt=MT- --gene-set ribo=RPS,RPL")]
pub(crate) struct Qc {
    /// Columns of var that mark sets of genes
    #[arg(long = "qc-vars", value_name = "NAME,…", value_delimiter = ',')]
    vars: Vec<String>,
    /// A set of genes by the beginnings of their names, such as mt=MT-; added to var and to --qc-vars
    #[arg(long, value_name = "NAME=PREFIX,…")]
    gene_set: Vec<String>,
    /// Shares of so many of the highest genes; 0 for none
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "50,100,200,500")]
    percent_top: Vec<usize>,
    /// Leave out the logarithms
    #[arg(long)]
    no_log1p: bool,
    #[command(flatten)]
    files: Files,
}

/// Keep cells and genes that pass: scanpy.pp.filter_cells, then scanpy.pp.filter_genes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annstream filter in.h5ad -o out.h5ad --min-genes 200 --min-cells 3")]
pub(crate) struct Filter {
    /// Cells with so many genes, at least
    #[arg(long, value_name = "N")]
    min_genes: Option<u64>,
    /// Cells with so many genes, at most
    #[arg(long, value_name = "N")]
    max_genes: Option<u64>,
    /// Cells with so many counts, at least
    #[arg(long, value_name = "N")]
    min_counts: Option<f64>,
    /// Cells with so many counts, at most
    #[arg(long, value_name = "N")]
    max_counts: Option<f64>,
    /// Genes in so many cells, at least
    #[arg(long, value_name = "N")]
    min_cells: Option<u64>,
    /// Genes in so many cells, at most
    #[arg(long, value_name = "N")]
    max_cells: Option<u64>,
    /// Genes with so many counts, at least
    #[arg(long, value_name = "N")]
    gene_min_counts: Option<f64>,
    /// Genes with so many counts, at most
    #[arg(long, value_name = "N")]
    gene_max_counts: Option<f64>,
    #[command(flatten)]
    files: Files,
}

/// Give every cell the same total: scanpy.pp.normalize_total.
#[derive(Debug, Args)]
pub(crate) struct Normalize {
    /// The total [default: the median of the cells]
    #[arg(long, value_name = "N")]
    target_sum: Option<f64>,
    /// Leave genes that dominate a cell out of the totals
    #[arg(long)]
    exclude_highly_expressed: bool,
    /// From which share of a cell on a gene dominates it
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    max_fraction: f64,
    /// Column of obs for the divisors
    #[arg(long, value_name = "NAME")]
    key_added: Option<String>,
    #[command(flatten)]
    files: Files,
}

/// Take the logarithm of 1 + X: scanpy.pp.log1p.
#[derive(Debug, Args)]
pub(crate) struct Log1p {
    /// Base of the logarithm [default: natural]
    #[arg(long, value_name = "N")]
    base: Option<f64>,
    #[command(flatten)]
    files: Files,
}

/// Mark highly variable genes: scanpy.pp.highly_variable_genes.
///
/// X is log-normalized for seurat and cell_ranger, and counts for seurat_v3, seurat_v3_paper and pearson_residuals.
#[derive(Debug, Args)]
pub(crate) struct Hvg {
    /// seurat, cell_ranger, seurat_v3, seurat_v3_paper or pearson_residuals
    #[arg(long, value_name = "NAME", default_value = "seurat", value_parser = parse::<Flavor>)]
    flavor: Flavor,
    /// How many genes
    #[arg(long, value_name = "N")]
    n_top_genes: Option<usize>,
    /// Column of obs with the batch of each cell
    #[arg(long, value_name = "NAME")]
    batch_key: Option<String>,
    /// Normalized dispersion, above
    #[arg(long, value_name = "N", default_value_t = 0.5)]
    min_disp: f64,
    /// Normalized dispersion, below
    #[arg(long, value_name = "N", default_value_t = f64::INFINITY)]
    max_disp: f64,
    /// Mean, above
    #[arg(long, value_name = "N", default_value_t = 0.0125)]
    min_mean: f64,
    /// Mean, below
    #[arg(long, value_name = "N", default_value_t = 3.0)]
    max_mean: f64,
    /// Share of the genes that the curve of seurat_v3 looks at
    #[arg(long, value_name = "SHARE", default_value_t = 0.3)]
    span: f64,
    /// Bins of seurat
    #[arg(long, value_name = "N", default_value_t = 20)]
    n_bins: usize,
    /// Overdispersion of pearson_residuals
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    theta: f64,
    /// Keep only those genes
    #[arg(long)]
    subset: bool,
    #[command(flatten)]
    files: Files,
}

/// Centre and scale genes: scanpy.pp.scale. X becomes dense unless --no-zero-center is given.
#[derive(Debug, Args)]
pub(crate) struct Scale {
    /// Leave the centre where it is, and X sparse
    #[arg(long)]
    no_zero_center: bool,
    /// Clip values beyond this
    #[arg(long, value_name = "N")]
    max_value: Option<f64>,
    #[command(flatten)]
    files: Files,
}

/// Principal components, exact: scanpy.pp.pca.
#[derive(Debug, Args)]
pub(crate) struct Pca {
    /// Number of components [default: 50, or one less than the smaller extent]
    #[arg(long, value_name = "N")]
    n_comps: Option<usize>,
    /// Leave the centre where it is
    #[arg(long)]
    no_zero_center: bool,
    /// Column of var that chooses genes [default: highly_variable, if there is one]
    #[arg(long, value_name = "NAME", conflicts_with = "all_genes")]
    mask_var: Option<String>,
    /// Use all genes
    #[arg(long)]
    all_genes: bool,
    #[command(flatten)]
    files: Files,
}

/// A gene set from `NAME=PREFIX,PREFIX`.
fn gene_set(text: &str) -> Result<(String, GeneSet)> {
    match text.split_once('=') {
        Some((name, prefixes)) if !name.is_empty() && !prefixes.is_empty() => {
            Ok((name.to_owned(), GeneSet { prefix: prefixes.split(',').map(str::to_owned).collect(), pattern: None }))
        }
        _ => Err(Error::argument(format!("'{text}' is not a gene set; expected a name and prefixes, as mt=MT-"))),
    }
}

impl Qc {
    pub(crate) fn run(&self) -> Result<()> {
        let gene_sets =
            self.gene_set.iter().map(|text| gene_set(text)).collect::<Result<indexmap::IndexMap<_, _>>>()?;
        let mut qc_vars = self.vars.clone();
        qc_vars.extend(gene_sets.keys().filter(|name| !self.vars.contains(name)).cloned());
        let percent_top = self.percent_top.iter().copied().filter(|rank| *rank > 0).collect();
        let qc = QcOptions { qc_vars, percent_top, log1p: !self.no_log1p, ..QcOptions::default() };
        self.files.run(&Recipe { gene_sets, qc: Some(qc), ..Recipe::default() }, KeepX::Raw)
    }
}

impl Filter {
    pub(crate) fn run(&self) -> Result<()> {
        let &Self { min_genes, max_genes, min_counts, max_counts, min_cells, max_cells, .. } = self;
        let cells = CellFilter { min_genes, max_genes, min_counts, max_counts, ..CellFilter::default() };
        let (gene_min, gene_max) = (self.gene_min_counts, self.gene_max_counts);
        let genes = GeneFilter { min_cells, max_cells, min_counts: gene_min, max_counts: gene_max };
        let filter_cells = (cells != CellFilter::default()).then_some(cells);
        let filter_genes = (genes != GeneFilter::default()).then_some(genes);
        if filter_cells.is_none() && filter_genes.is_none() {
            return Err(
                Error::argument("nothing to filter by").hint("give --min-genes, --min-cells or another threshold")
            );
        }
        self.files.run(&Recipe { filter_cells, filter_genes, ..Recipe::default() }, KeepX::Raw)
    }
}

impl Normalize {
    pub(crate) fn run(&self) -> Result<()> {
        let options = NormalizeOptions {
            target_sum: self.target_sum,
            exclude_highly_expressed: self.exclude_highly_expressed,
            max_fraction: self.max_fraction,
            key_added: self.key_added.clone(),
        };
        self.files.run(&Recipe { normalize_total: Some(options), ..Recipe::default() }, KeepX::Normalized)
    }
}

impl Log1p {
    pub(crate) fn run(&self) -> Result<()> {
        let log1p = Some(LogOptions { base: self.base });
        self.files.run(&Recipe { log1p, ..Recipe::default() }, KeepX::Normalized)
    }
}

impl Hvg {
    pub(crate) fn run(&self) -> Result<()> {
        let &Self { flavor, n_top_genes, min_disp, max_disp, min_mean, max_mean, span, n_bins, theta, .. } = self;
        let options = HvgOptions {
            n_top_genes,
            min_disp,
            max_disp,
            min_mean,
            max_mean,
            span,
            n_bins,
            theta,
            ..HvgOptions::new(flavor)
        };
        let step = HvgStep { batch_key: self.batch_key.clone(), subset: self.subset, options };
        self.files.run(&Recipe { highly_variable_genes: Some(step), ..Recipe::default() }, KeepX::Raw)
    }
}

impl Scale {
    pub(crate) fn run(&self) -> Result<()> {
        let scale = ScaleOptions { zero_center: !self.no_zero_center, max_value: self.max_value };
        self.files.run(&Recipe { scale: Some(scale), ..Recipe::default() }, KeepX::Scaled)
    }
}

impl Pca {
    pub(crate) fn run(&self) -> Result<()> {
        let mask_var = if self.all_genes { Some(String::new()) } else { self.mask_var.clone() };
        let pca = PcaStep { n_comps: self.n_comps, zero_center: !self.no_zero_center, mask_var };
        self.files.run(&Recipe { pca: Some(pca), ..Recipe::default() }, KeepX::Raw)
    }
}
