//! `annstream score-genes` and `annstream cell-cycle`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::PathBuf;

use annstream_core::concat::Input;
use annstream_core::edit::Additions;
use annstream_core::table::Column;
use annstream_core::{Exec, Result};
use annstream_sc::score::{self, CellCycle, Like, Score, ScoreOptions};
use annstream_store::Buffer;
use clap::Args;

use super::edited::{Begun, begin, write_with};
use super::output::parse;
use super::subset::labels;
use super::writing::Writing;
use crate::printer::{Printer, count};

/// What is scored, and how.
#[derive(Debug, Args)]
struct Scoring {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Draw controls only from genes that are not in the list; otherwise those of the list are left out afterwards
    #[arg(long)]
    no_ctrl_as_ref: bool,
    /// File with the genes that controls are drawn from, one a line [default: all genes]
    #[arg(long, value_name = "FILE")]
    gene_pool_file: Option<PathBuf>,
    /// Bins of genes, by their means
    #[arg(long, value_name = "N", default_value_t = 25)]
    n_bins: usize,
    /// Seed of the draw: random_state of scanpy
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u32,
    /// Score raw: yes or no [default: if there is one]
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no, conflicts_with = "layer")]
    use_raw: Option<bool>,
    /// Layer to score, instead of X or raw
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// Scanpy whose sums of sparse float32 matrices are followed: 1.11 adds in float32, 1.12 in float64
    #[arg(long, value_name = "1.11|1.12", default_value_t, value_parser = parse::<Like>)]
    like: Like,
    #[command(flatten)]
    writing: Writing,
}

/// Score cells by a list of genes: scanpy.tl.score_genes.
///
/// The score is the mean of the genes less the mean of control genes that are expressed alike. The same seed draws the
/// same controls as scanpy. X should be normalized and logarithmised; it is read twice.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  annstream score-genes in.h5ad -o out.h5ad --genes CD3D,CD3E,IL7R --name t_cell
  annstream score-genes in.h5ad -o out.h5ad --genes-file interferon.txt --name interferon --ctrl-size 100")]
pub(crate) struct ScoreGenes {
    /// The genes
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', required_unless_present = "genes_file")]
    genes: Vec<String>,
    /// File with the genes, one a line
    #[arg(long, value_name = "FILE", conflicts_with = "genes")]
    genes_file: Option<PathBuf>,
    /// Column of obs for the scores: score_name of scanpy
    #[arg(long, value_name = "NAME", default_value = "score")]
    name: String,
    /// Controls drawn from each bin
    #[arg(long, value_name = "N", default_value_t = 50)]
    ctrl_size: usize,
    #[command(flatten)]
    scoring: Scoring,
}

/// Score the phases of the cell cycle: scanpy.tl.score_genes_cell_cycle.
///
/// Adds S_score, G2M_score and phase to obs. As many controls are drawn from each bin as the shorter list has genes.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  annstream cell-cycle in.h5ad -o out.h5ad --s-genes-file s.txt --g2m-genes-file g2m.txt"
)]
pub(crate) struct CellCycleScores {
    /// File with the genes of the S phase, one a line
    #[arg(long, value_name = "FILE")]
    s_genes_file: PathBuf,
    /// File with the genes of the G2M phase, one a line
    #[arg(long, value_name = "FILE")]
    g2m_genes_file: PathBuf,
    #[command(flatten)]
    scoring: Scoring,
}

pub(super) fn yes_or_no(text: &str) -> std::result::Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("expected yes or no".to_owned()),
    }
}

impl ScoreGenes {
    pub(crate) fn run(&self) -> Result<()> {
        let genes = match &self.genes_file {
            Some(path) => labels(path)?,
            None => self.genes.clone(),
        };
        self.scoring.run(self.ctrl_size, |input, options, exec, printer| {
            let score = score::score_genes(input, &genes, options, exec)?;
            say(&score, &self.name, printer);
            Ok(vec![(self.name.clone(), column(score.values))])
        })
    }
}

impl CellCycleScores {
    pub(crate) fn run(&self) -> Result<()> {
        let (s_genes, g2m_genes) = (labels(&self.s_genes_file)?, labels(&self.g2m_genes_file)?);
        self.scoring.run(0, |input, options, exec, printer| {
            let scores = score::score_genes_cell_cycle(input, &s_genes, &g2m_genes, options, exec)?;
            let CellCycle { s, g2m, phase } = scores;
            say(&s, "S_score", printer);
            say(&g2m, "G2M_score", printer);
            let scores = [("S_score", column(s.values)), ("G2M_score", column(g2m.values)), ("phase", phase)];
            Ok(scores.map(|(name, column)| (name.to_owned(), column)).into())
        })
    }
}

impl Scoring {
    /// Scores, and writes the file with the columns.
    fn run(
        &self,
        ctrl_size: usize,
        columns: impl FnOnce(&Input, &ScoreOptions, &Exec, Printer) -> Result<Vec<(String, Column)>>,
    ) -> Result<()> {
        let Self { input: path, output, writing, .. } = self;
        let gene_pool = self.gene_pool_file.as_deref().map(labels).transpose()?;
        let Begun { started, printer, exec, input, unchanged } = begin(path, output, writing)?;
        let shape = [input.file.n_obs(), input.file.n_vars()];
        if writing.plan {
            show_plan(shape, writing.json, printer);
            return Ok(());
        }
        let options = ScoreOptions {
            ctrl_as_ref: !self.no_ctrl_as_ref,
            ctrl_size,
            gene_pool,
            n_bins: self.n_bins,
            random_state: self.seed,
            use_raw: self.use_raw,
            layer: self.layer.clone(),
            like: self.like,
        };
        let mut additions = Additions::default();
        additions.obs.extend(columns(&input, &options, &exec, printer)?);
        let columns: Vec<String> = additions.obs.keys().cloned().collect();
        write_with(additions, &input, output, writing, &exec)?;
        unchanged.check(printer)?;
        writing.done(output, started, shape, &serde_json::json!({ "columns": columns }), printer);
        Ok(())
    }
}

fn column(values: Vec<f64>) -> Column {
    Column::Plain(Buffer::F64(values))
}

fn say(score: &Score, name: &str, printer: Printer) {
    if !score.unknown.is_empty() {
        let some: Vec<&str> = score.unknown.iter().map(String::as_str).take(10).collect();
        printer.warn(&format!("{name}: {} genes are not there: {}", score.unknown.len(), some.join(", ")));
    }
    printer.detail(&format!("{name}: {} control genes", count(score.controls.len() as u64)));
}

fn show_plan(shape: [usize; 2], json: bool, printer: Printer) {
    if json {
        printer.out(
            &serde_json::to_string_pretty(&serde_json::json!({ "shape": shape, "passes": 2 })).unwrap_or_default(),
        );
        return;
    }
    printer.out(&format!("{} cells x {} genes", count(shape[0] as u64), count(shape[1] as u64)));
    printer.out("  pass 1: means of genes\n  pass 2: scores\npasses over the data: 2");
}
