//! What is asked for.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// `scrublet` in a recipe: with the metric of neighbours and how they are looked for, of which this crate knows the names
/// only, and with what becomes of doublets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScrubletStep {
    /// How doublets are simulated and called.
    #[serde(flatten)]
    pub options: ScrubletOptions,
    /// How far cells are apart.
    pub knn_dist_metric: String,
    /// Whether neighbours are looked for nearly; unless given, exactly.
    pub use_approx_neighbors: Option<bool>,
    /// Whether the cells that are called doublets are removed; cells without a score stay.
    pub filter: bool,
}

impl Default for ScrubletStep {
    fn default() -> Self {
        Self {
            options: ScrubletOptions::default(),
            knn_dist_metric: "euclidean".to_owned(),
            use_approx_neighbors: None,
            filter: false,
        }
    }
}

/// The parameters of `scanpy.pp.scrublet`; names and defaults are scanpy's. The metric of neighbours, and how they are
/// looked for, is the caller's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter of scanpy")]
pub struct ScrubletOptions {
    /// Column of `obs`; cells of each value are looked at by themselves.
    pub batch_key: Option<String>,
    /// Doublets that are simulated for each cell.
    pub sim_doublet_ratio: f64,
    /// The share of doublets among the cells that is expected.
    pub expected_doublet_rate: f64,
    /// How uncertain that is.
    pub stdev_doublet_rate: f64,
    /// The share of the counts of its parents that a doublet gets.
    pub synthetic_doublet_umi_subsampling: f64,
    /// Whether genes are scaled to a variance of 1.
    pub normalize_variance: bool,
    /// Whether logarithms are taken before the components.
    pub log_transform: bool,
    /// Whether the means of genes are subtracted.
    pub mean_center: bool,
    /// Components.
    pub n_prin_comps: usize,
    /// Whether the parents of the doublets near each cell are kept.
    pub get_doublet_neighbor_parents: bool,
    /// Neighbours among the cells; half the root of their number if absent.
    pub n_neighbors: Option<usize>,
    /// The score from which on a cell is called a doublet; found if absent.
    pub threshold: Option<f64>,
    /// The seed.
    #[serde(alias = "seed")]
    pub random_state: u32,
}

impl Default for ScrubletOptions {
    fn default() -> Self {
        Self {
            batch_key: None,
            sim_doublet_ratio: 2.0,
            expected_doublet_rate: 0.05,
            stdev_doublet_rate: 0.02,
            synthetic_doublet_umi_subsampling: 1.0,
            normalize_variance: true,
            log_transform: false,
            mean_center: true,
            n_prin_comps: 30,
            get_doublet_neighbor_parents: false,
            n_neighbors: None,
            threshold: None,
            random_state: 0,
        }
    }
}

impl ScrubletOptions {
    /// Fails if a number has no meaning.
    ///
    /// # Errors
    /// `Argument`.
    pub fn check(&self) -> Result<()> {
        let fits = |name: &str, value: f64, fits: bool, expected: &str| {
            if fits { Ok(()) } else { Err(Error::argument(format!("{name} is {value}, expected {expected}"))) }
        };
        let (ratio, rate) = (self.sim_doublet_ratio, self.expected_doublet_rate);
        fits("sim_doublet_ratio", ratio, ratio > 0.0 && ratio.is_finite(), "a number above 0")?;
        fits("expected_doublet_rate", rate, rate > 0.0 && rate < 1.0, "a number between 0 and 1")?;
        let deviation = self.stdev_doublet_rate;
        fits("stdev_doublet_rate", deviation, (0.0..1.0).contains(&deviation), "a number from 0 to 1")?;
        let share = self.synthetic_doublet_umi_subsampling;
        let said = "a number above 0, up to 1";
        fits("synthetic_doublet_umi_subsampling", share, share > 0.0 && share <= 1.0, said)?;
        if let Some(threshold) = self.threshold {
            fits("threshold", threshold, threshold.is_finite(), "a finite number")?;
        }
        if self.n_prin_comps == 0 || self.n_neighbors == Some(0) {
            return Err(Error::argument("no components, or no neighbours; expected one or more"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_a_meaning_are_refused() {
        assert!(ScrubletOptions::default().check().is_ok());
        let refused = |change: fn(&mut ScrubletOptions)| {
            let mut options = ScrubletOptions::default();
            change(&mut options);
            assert!(options.check().is_err(), "{options:?}");
        };
        refused(|options| options.sim_doublet_ratio = 0.0);
        refused(|options| options.expected_doublet_rate = 1.0);
        refused(|options| options.stdev_doublet_rate = f64::NAN);
        refused(|options| options.synthetic_doublet_umi_subsampling = 0.0);
        refused(|options| options.synthetic_doublet_umi_subsampling = 1.5);
        refused(|options| options.threshold = Some(f64::INFINITY));
        refused(|options| options.n_prin_comps = 0);
        refused(|options| options.n_neighbors = Some(0));
    }
}
