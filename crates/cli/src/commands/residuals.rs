//! The commands of single steps that leave residuals: `normalize-pearson-residuals`, `regress-out`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use annstream_core::Result;
use annstream_sc::pearson::PearsonOptions;
use annstream_sc::pipeline::KeepX;
use annstream_sc::recipe::Recipe;
use annstream_sc::regress::RegressOptions;
use clap::Args;

use super::steps::Files;

/// Replace counts by their Pearson residuals: scanpy.experimental.pp.normalize_pearson_residuals. X becomes dense.
#[derive(Debug, Args)]
pub(crate) struct NormalizePearsonResiduals {
    /// Overdispersion
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    theta: f64,
    /// Clip residuals beyond this [default: the square root of the number of cells]
    #[arg(long, value_name = "N")]
    clip: Option<f64>,
    /// Say nothing of values that are no counts
    #[arg(long)]
    no_check_values: bool,
    #[command(flatten)]
    files: Files,
}

/// Subtract what columns of obs predict of each gene: scanpy.pp.regress_out. X becomes dense.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annstream regress-out in.h5ad -o out.h5ad --keys total_counts,pct_counts_mt")]
pub(crate) struct RegressOut {
    /// Columns of obs: numbers, or a single one of categories
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', required = true)]
    keys: Vec<String>,
    #[command(flatten)]
    files: Files,
}

impl NormalizePearsonResiduals {
    pub(crate) fn run(&self) -> Result<()> {
        let options = PearsonOptions { theta: self.theta, clip: self.clip, check_values: !self.no_check_values };
        let recipe = Recipe { normalize_pearson_residuals: Some(options), ..Recipe::default() };
        self.files.run(&recipe, KeepX::Normalized)
    }
}

impl RegressOut {
    pub(crate) fn run(&self) -> Result<()> {
        let regress_out = Some(RegressOptions { keys: self.keys.clone() });
        self.files.run(&Recipe { regress_out, ..Recipe::default() }, KeepX::Scaled)
    }
}
