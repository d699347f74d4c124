//! What is asked for.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Error, Result};

/// Clusters unless asked for: one for so many cells, up to [`MOST_CLUSTERS`].
const CELLS_OF_CLUSTER: f64 = 30.0;
const MOST_CLUSTERS: f64 = 100.0;

/// How batches are corrected for. Names are those of `scanpy.pp.harmony_integrate` of 1.13, defaults those of harmonypy
/// 2.1, which `scanpy.external.pp.harmony_integrate` calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HarmonyOptions {
    /// Number of clusters; by default one for 30 cells, 1 to 100 (harmonypy: `nclust`).
    pub n_clusters: Option<usize>,
    /// Turns of clustering and correction, at most.
    pub max_iter_harmony: usize,
    /// Rounds of clustering in a turn, at most (harmonypy: `max_iter_kmeans`).
    pub max_iter_clustering: usize,
    /// The turns end when the objective falls by less than this part of itself (harmonypy: `epsilon_harmony`).
    pub tol_harmony: f64,
    /// Rounds end when the objective changes by less than this part of itself, from the fifth round on (harmonypy:
    /// `epsilon_cluster`).
    pub tol_clustering: f64,
    /// Width of clusters, in squared distances of unit vectors: the smaller, the harder they are.
    pub sigma: f64,
    /// How strongly batches are mixed: one number, or one for each key. Zero: not at all.
    #[serde(deserialize_with = "one_or_several")]
    pub theta: Vec<f64>,
    /// Cells that a batch should have for each cluster: smaller ones are mixed less. Zero: all alike.
    pub tau: f64,
    /// Penalty of the effects of batches, one number, or one for each key; by default what `alpha` says (harmonypy:
    /// `lamb`).
    #[serde(deserialize_with = "maybe_several")]
    pub ridge_lambda: Option<Vec<f64>>,
    /// The penalty, in parts of the cells that a cluster would have of a batch if all were evenly mixed.
    pub alpha: f64,
    /// Share of its cells up to which a batch is not looked at in a cluster (harmonypy: `batch_prop_cutoff`).
    pub batch_prune_threshold: f64,
    /// Share of the cells that change clusters together (harmonypy: `block_size`).
    pub block_proportion: f64,
    /// Seed of all that is drawn.
    #[serde(alias = "seed")]
    pub random_state: u64,
    /// Where clusters begin, clusters x dimensions, instead of where k-means puts them; `n_clusters` is not looked at.
    #[serde(skip)]
    pub centres: Option<Vec<f64>>,
}

impl Default for HarmonyOptions {
    fn default() -> Self {
        Self {
            n_clusters: None,
            max_iter_harmony: 10,
            max_iter_clustering: 4,
            tol_harmony: 1e-2,
            tol_clustering: 1e-3,
            sigma: 0.1,
            theta: vec![2.0],
            tau: 0.0,
            ridge_lambda: None,
            alpha: 0.2,
            batch_prune_threshold: 1e-5,
            block_proportion: 0.05,
            random_state: 0,
            centres: None,
        }
    }
}

impl HarmonyOptions {
    /// How many clusters there are for cells of so many dimensions.
    pub(super) fn clusters(&self, cells: usize, width: usize) -> Result<usize> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 100")]
        let usual = (cells as f64 / CELLS_OF_CLUSTER).round_ties_even().clamp(1.0, MOST_CLUSTERS) as usize;
        let clusters = match &self.centres {
            Some(centres) if centres.is_empty() || !centres.len().is_multiple_of(width) => {
                let message = format!("{} numbers as centres of {width} dimensions", centres.len());
                return Err(Error::argument(message));
            }
            Some(centres) => centres.len() / width,
            None => self.n_clusters.unwrap_or(usual),
        };
        if clusters == 0 || clusters > cells {
            return Err(Error::argument(format!("{clusters} clusters of {cells} cells; expected 1 to {cells}")));
        }
        Ok(clusters)
    }

    /// # Errors
    /// `Argument`, naming the option that is out of range.
    pub(super) fn check(&self, keys: usize) -> Result<()> {
        let refuse = |name: &str, value: f64, expected: &str| {
            Err(Error::argument(format!("{name} is {value}; expected {expected}")))
        };
        if self.max_iter_harmony == 0 || self.max_iter_clustering == 0 {
            return Err(Error::argument("no iterations; expected 1 or more"));
        }
        for (name, value) in [("sigma", self.sigma), ("alpha", self.alpha)] {
            if !(value > 0.0 && value.is_finite()) {
                return refuse(name, value, "a number above 0");
            }
        }
        for (name, value) in [("tau", self.tau), ("batch_prune_threshold", self.batch_prune_threshold)] {
            if !(value >= 0.0 && value.is_finite()) {
                return refuse(name, value, "0 or more");
            }
        }
        if !(self.block_proportion > 0.0 && self.block_proportion <= 1.0) {
            return refuse("block_proportion", self.block_proportion, "above 0, and at most 1");
        }
        if self.tol_harmony.is_nan() || self.tol_clustering.is_nan() {
            return Err(Error::argument("a tolerance is no number"));
        }
        for (name, values, least) in
            [("theta", Some(&self.theta), 0.0), ("ridge_lambda", self.ridge_lambda.as_ref(), f64::MIN_POSITIVE)]
        {
            let Some(values) = values else { continue };
            if values.len() != 1 && values.len() != keys {
                let message =
                    format!("{name} has {} numbers; expected one, or one for each key ({keys})", values.len());
                return Err(Error::argument(message));
            }
            if let Some(&value) = values.iter().find(|value| !(**value >= least && value.is_finite())) {
                return refuse(name, value, if least > 0.0 { "a number above 0" } else { "0 or more" });
            }
        }
        Ok(())
    }
}

/// One value, or a list of them.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected one value, or a list of them")]
enum OneOrSeveral<T> {
    One(T),
    Several(Vec<T>),
}

impl<T> OneOrSeveral<T> {
    fn all(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Several(all) => all,
        }
    }
}

/// Reads one value as a list of one.
pub(super) fn one_or_several<'a, T, D>(from: D) -> std::result::Result<Vec<T>, D::Error>
where
    T: Deserialize<'a>,
    D: Deserializer<'a>,
{
    OneOrSeveral::deserialize(from).map(OneOrSeveral::all)
}

/// The same where it may be absent.
fn maybe_several<'a, D: Deserializer<'a>>(from: D) -> std::result::Result<Option<Vec<f64>>, D::Error> {
    Option::<OneOrSeveral<f64>>::deserialize(from).map(|all| all.map(OneOrSeveral::all))
}

/// The number of a key, of one for all or one for each.
pub(super) fn of_key(values: &[f64], key: usize) -> f64 {
    if values.len() == 1 { values[0] } else { values[key] }
}
