//! What is asked for: scanpy's names and scanpy's defaults.

use std::fmt;
use std::str::FromStr;

use annstream_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// How the variability of a gene is measured; the names are scanpy's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flavor {
    /// Dispersions of the raw scale, normalised by the mean and standard deviation of a bin of equal width.
    #[default]
    Seurat,
    /// Dispersions normalised by the median and the median absolute deviation of a bin between percentiles.
    CellRanger,
    /// Variances of counts that were standardised by a curve and clipped; genes by rank, then by number of batches.
    SeuratV3,
    /// The same, with genes by number of batches, then by rank.
    SeuratV3Paper,
    /// Variances of analytic Pearson residuals (`scanpy.experimental.pp.highly_variable_genes`).
    PearsonResiduals,
}

impl Flavor {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Seurat, Self::CellRanger, Self::SeuratV3, Self::SeuratV3Paper, Self::PearsonResiduals];

    /// The name that scanpy gives it, in its argument and in `uns["hvg"]["flavor"]`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seurat => "seurat",
            Self::CellRanger => "cell_ranger",
            Self::SeuratV3 => "seurat_v3",
            Self::SeuratV3Paper => "seurat_v3_paper",
            Self::PearsonResiduals => "pearson_residuals",
        }
    }
}

impl fmt::Display for Flavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Flavor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|flavor| flavor.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::argument(format!("unknown flavor {text:?}, expected one of {names}"))
        })
    }
}

/// The arguments of `scanpy.pp.highly_variable_genes` and its experimental sibling that concern the mathematics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HvgOptions {
    /// The measure; `seurat`.
    pub flavor: Flavor,
    /// How many genes to choose; cutoffs are ignored then. None by default, which means cutoffs for the flavors of
    /// dispersions, 2000 for `seurat_v3` and its sibling, and is refused for `pearson_residuals`.
    pub n_top_genes: Option<usize>,
    /// Normalised dispersions are above this; 0.5.
    pub min_disp: f64,
    /// Normalised dispersions are below this; infinity.
    pub max_disp: f64,
    /// Means are above this; 0.0125. For `seurat` the mean meant is that of the table, a logarithm.
    pub min_mean: f64,
    /// Means are below this; 3.
    pub max_mean: f64,
    /// The share of genes that the curve of `seurat_v3` looks at in one place; 0.3.
    pub span: f64,
    /// Number of bins of `seurat`; 20.
    pub n_bins: usize,
    /// Overdispersion of the model behind `pearson_residuals`; 100.
    pub theta: f64,
    /// Residuals are clipped to this; none by default, see [`residual_clip`](super::residual_clip).
    pub clip: Option<f64>,
    /// Whether a `batch_key` was given. Then columns about batches are part of the result, even for a single batch, and
    /// the flavors of dispersions leave out the genes that a batch does not express.
    pub batched: bool,
}

impl Default for HvgOptions {
    fn default() -> Self {
        Self {
            flavor: Flavor::Seurat,
            n_top_genes: None,
            min_disp: 0.5,
            max_disp: f64::INFINITY,
            min_mean: 0.0125,
            max_mean: 3.0,
            span: 0.3,
            n_bins: 20,
            theta: 100.0,
            clip: None,
            batched: false,
        }
    }
}

impl HvgOptions {
    /// The defaults for a flavor.
    pub fn new(flavor: Flavor) -> Self {
        Self { flavor, ..Self::default() }
    }

    /// Refuses options that mean nothing, before any data are read.
    ///
    /// # Errors
    /// If the flavor needs `n_top_genes` and there is none, or a number is outside of its range.
    pub fn check(&self) -> Result<()> {
        let refuse = |message: String| Err(Error::argument(message));
        if self.n_top_genes == Some(0) {
            return refuse("n_top_genes is 0, expected at least 1".to_owned());
        }
        match self.flavor {
            Flavor::Seurat if self.n_bins == 0 => refuse("n_bins is 0, expected at least 1".to_owned()),
            Flavor::SeuratV3 | Flavor::SeuratV3Paper if !(self.span > 0.0 && self.span.is_finite()) => {
                refuse(format!("span is {}, expected a number above 0", self.span))
            }
            Flavor::PearsonResiduals if self.n_top_genes.is_none() => {
                refuse("flavor pearson_residuals needs n_top_genes".to_owned())
            }
            Flavor::PearsonResiduals if self.theta.is_nan() || self.theta <= 0.0 => {
                refuse(format!("theta is {}, expected a number above 0", self.theta))
            }
            Flavor::PearsonResiduals if self.clip.is_some_and(|clip| clip.is_nan() || clip < 0.0) => {
                refuse("clip is negative, expected a number not below 0, or none".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The number of genes to choose for the flavors that choose by rank.
    pub(super) fn top(&self) -> usize {
        self.n_top_genes.unwrap_or(2000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for flavor in Flavor::ALL {
            assert_eq!(flavor.name().parse::<Flavor>().unwrap(), flavor);
        }
        assert!("seurat_v4".parse::<Flavor>().unwrap_err().to_string().contains("seurat_v3_paper"));
    }

    #[test]
    fn meaningless_options_are_refused() {
        let refused = |change: fn(&mut HvgOptions), flavor| {
            let mut options = HvgOptions { n_top_genes: Some(10), ..HvgOptions::new(flavor) };
            options.check().unwrap();
            change(&mut options);
            options.check().unwrap_err();
        };
        refused(|options| options.n_top_genes = Some(0), Flavor::CellRanger);
        refused(|options| options.n_bins = 0, Flavor::Seurat);
        refused(|options| options.span = 0.0, Flavor::SeuratV3);
        refused(|options| options.theta = 0.0, Flavor::PearsonResiduals);
        refused(|options| options.clip = Some(-1.0), Flavor::PearsonResiduals);
        refused(|options| options.n_top_genes = None, Flavor::PearsonResiduals);
    }
}
