//! The search for neighbours that `scrublet` is handed: `sc` knows no graphs.

use std::cell::Cell;

use annstream_core::Exec;
use annstream_graph::neighbors::{Metric, NearestOptions, Search, each_nearest};
use annstream_sc::scrublet::{Near, Points, ScrubletStep};

use crate::Result;

/// How the neighbours of cells and simulated doublets are looked for.
pub struct DoubletSearch<'a> {
    metric: Metric,
    search: Search,
    seed: u64,
    exec: &'a Exec,
    /// The least share of the true neighbours that was found.
    recall: Cell<Option<f64>>,
}

impl<'a> DoubletSearch<'a> {
    /// The search that a step asks for; exact unless it says otherwise.
    ///
    /// # Errors
    /// `Argument` if the metric is not known.
    pub fn new(step: &ScrubletStep, exec: &'a Exec) -> Result<Self> {
        let search = if step.use_approx_neighbors == Some(true) { Search::Approximate } else { Search::Exact };
        let (metric, seed) = (step.knn_dist_metric.parse()?, u64::from(step.options.random_state));
        Ok(Self { metric, search, seed, exec, recall: Cell::new(None) })
    }

    /// Looks at the neighbours of all points: an [`annstream_sc::scrublet::Search`].
    ///
    /// # Errors
    /// As those of [`each_nearest`].
    pub fn near(&self, points: Points<'_>, look: &(dyn Fn(usize, &[u32]) -> Near + Sync)) -> Result<Vec<Near>> {
        let &Self { metric, search, seed, .. } = self;
        let options = NearestOptions { n_neighbors: points.n_neighbors, metric, seed, search };
        let (near, recall) = each_nearest(points.values, points.width, options, look, self.exec)?;
        self.recall.set(self.recall.get().into_iter().chain(recall).reduce(f64::min));
        Ok(near)
    }

    /// The share of the true neighbours that was found, measured on a sample; the least of all batches. `None` if all were.
    pub fn recall(&self) -> Option<f64> {
        self.recall.get()
    }
}
