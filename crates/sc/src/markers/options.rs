//! What is computed: the parameters of `scanpy.tl.rank_genes_groups`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The statistical test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Welch's t-test.
    #[default]
    #[serde(rename = "t-test")]
    TTest,
    /// The same with the variance of the other cells divided by the size of the group, which overestimates it.
    #[serde(rename = "t-test_overestim_var")]
    TTestOverestimVar,
    /// Wilcoxon's rank-sum test, by its normal approximation.
    #[serde(rename = "wilcoxon")]
    Wilcoxon,
}

impl Method {
    /// All.
    pub const ALL: [Self; 3] = [Self::TTest, Self::TTestOverestimVar, Self::Wilcoxon];

    /// The name that scanpy gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::TTest => "t-test",
            Self::TTestOverestimVar => "t-test_overestim_var",
            Self::Wilcoxon => "wilcoxon",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(method) = Self::ALL.into_iter().find(|method| method.name() == text) {
            return Ok(method);
        }
        if text == "logreg" {
            return Err(Error::argument("logreg fits a model to all cells at once, which needs them in memory")
                .hint("use wilcoxon or t-test here, or scanpy on a sample of the cells (annstream sample)"));
        }
        Err(Error::argument(format!("'{text}' is not one of t-test, t-test_overestim_var and wilcoxon")))
    }
}

/// How p-values are corrected for the number of genes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correction {
    /// By the false discovery rate.
    #[default]
    BenjaminiHochberg,
    /// By the number of tests.
    Bonferroni,
}

impl Correction {
    /// The name that scanpy gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::BenjaminiHochberg => "benjamini-hochberg",
            Self::Bonferroni => "bonferroni",
        }
    }
}

impl fmt::Display for Correction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Correction {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::BenjaminiHochberg, Self::Bonferroni]
            .into_iter()
            .find(|correction| correction.name() == text)
            .ok_or_else(|| Error::argument(format!("'{text}' is neither benjamini-hochberg nor bonferroni")))
    }
}

/// The parameters of `scanpy.tl.rank_genes_groups`, with its defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarkerOptions {
    /// Column of `obs` with the group of each cell.
    pub groupby: String,
    /// The groups that are compared, in order; all if none are named.
    pub groups: Option<Vec<String>>,
    /// The group that each is compared with; all other cells if none is named.
    pub reference: Option<String>,
    /// The test.
    pub method: Method,
    /// Whether the scores of `wilcoxon` are corrected for ties.
    pub tie_correct: bool,
    /// How many genes the result has of each group; all if it is not said.
    pub n_genes: Option<usize>,
    /// Whether genes are ranked by the absolute score.
    pub rankby_abs: bool,
    /// Whether the fraction of cells that express a gene is computed.
    pub pts: bool,
    /// How p-values are corrected.
    pub corr_method: Correction,
    /// The layer that is read.
    pub layer: Option<String>,
    /// Whether `raw` is read; if it is there, unless it is said.
    pub use_raw: Option<bool>,
    /// Column of `var` of truth values: the genes that are looked at.
    pub mask_var: Option<String>,
}

impl MarkerOptions {
    /// The same where scanpy's names for the defaults, `all` groups and the `rest`, stand for nothing named.
    #[must_use]
    pub fn resolved(mut self) -> Self {
        self.groups = self.groups.filter(|groups| groups.as_slice() != ["all"]);
        self.reference = self.reference.filter(|name| name != "rest");
        self
    }
}

/// A comparison as a step of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarkersStep {
    /// What is compared, and how.
    #[serde(flatten)]
    pub options: MarkerOptions,
    /// Name of the result in `uns`.
    pub key_added: String,
}

impl Default for MarkersStep {
    fn default() -> Self {
        Self { options: MarkerOptions::default(), key_added: "rank_genes_groups".to_owned() }
    }
}
