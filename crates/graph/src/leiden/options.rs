//! What is asked of the algorithm.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Vertices up to which a graph is begun anew more often.
const SMALL: usize = 5_000;
const STARTS_OF_SMALL: usize = 8;
const STARTS: usize = 2;

/// What communities are judged by. `A` is the matrix, `m` the sum of its entries, sums run over pairs of one community.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// Modularity with a resolution γ: `Σ (A_ij − γ out_i in_j / m) / m`, where `out` and `in` are sums of rows and columns.
    /// It is `RBConfigurationVertexPartition` of leidenalg and `modularity` of igraph.
    #[default]
    Modularity,
    /// The constant Potts model: `Σ (A_ij − γ) / m`. Without directions both of `A_ij` and `A_ji` count as an edge, as
    /// in the graphs that scanpy makes: `Σ (A_ij + A_ji − γ) / 2m`.
    Cpm,
}

impl FromStr for Objective {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "modularity" => Ok(Self::Modularity),
            "cpm" => Ok(Self::Cpm),
            _ => Err(Error::argument(format!("'{text}' is not an objective; expected modularity or cpm"))),
        }
    }
}

/// Options of [`leiden`](super::leiden); the defaults are those of `scanpy.tl.leiden` with `flavor="igraph"`, but for
/// the iterations, of which both flavors do as many as improve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeidenOptions {
    /// What communities are judged by.
    pub objective: Objective,
    /// The higher, the more communities; 0 or more.
    pub resolution: f64,
    /// Iterations; a negative number: until one improves nothing.
    pub n_iterations: i64,
    /// How often it is begun anew with other random numbers; the best result counts. Unless given, 8 times for at most
    /// 5,000 vertices, on which single runs differ most and take a moment, and twice for more.
    pub starts: Option<u32>,
    /// Whether `A_ij` is an edge from `i` to `j`. Makes no difference to modularity where the matrix is symmetric.
    pub directed: bool,
    /// Whether edges count by their weights; otherwise each that is not zero counts 1.
    pub use_weights: bool,
    /// Where the random numbers start: `random_state`.
    #[serde(rename = "random_state", alias = "seed")]
    pub seed: u64,
    /// How random merges are, in units of weights: the smaller, the more often the best is chosen; above 0.
    #[serde(skip)]
    pub theta: f64,
    /// The community of each vertex to start with, in any numbers; otherwise each vertex is one.
    #[serde(skip)]
    pub initial: Option<Vec<u32>>,
}

impl Default for LeidenOptions {
    fn default() -> Self {
        Self {
            objective: Objective::Modularity,
            resolution: 1.0,
            n_iterations: -1,
            starts: None,
            directed: false,
            use_weights: true,
            seed: 0,
            theta: 0.01,
            initial: None,
        }
    }
}

impl LeidenOptions {
    /// How often a graph of so many vertices is begun anew.
    pub(super) fn starts_of(&self, vertices: usize) -> usize {
        let usual = if vertices <= SMALL { STARTS_OF_SMALL } else { STARTS };
        self.starts.map_or(usual, |starts| usize::try_from(starts).unwrap_or(usize::MAX).max(1))
    }

    /// Refuses what makes no sense for a graph of so many vertices.
    pub(super) fn check(&self, vertices: usize) -> Result<()> {
        let &Self { resolution, theta, .. } = self;
        if !(resolution.is_finite() && resolution >= 0.0) {
            return Err(Error::argument(format!("the resolution is {resolution}, expected a number of 0 or more")));
        }
        if !(theta.is_finite() && theta > 0.0) {
            return Err(Error::argument(format!("theta is {theta}, expected a number above 0")));
        }
        if u32::try_from(vertices).is_err() {
            return Err(Error::unsupported(format!("a graph of {vertices} vertices, expected less than 2^32")));
        }
        match &self.initial {
            Some(initial) if initial.len() != vertices => {
                Err(Error::argument(format!("{} communities to start with for {vertices} vertices", initial.len())))
            }
            _ => Ok(()),
        }
    }
}
