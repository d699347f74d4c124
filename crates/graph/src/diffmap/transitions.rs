//! The transition matrix of a connected graph.

use std::borrow::Cow;

use rayon::prelude::*;

use super::vectors::{Block, LANES, ROWS, Row};
use crate::Graph;

/// The symmetric form of the transitions of a random walk, after the density of the cells was divided out.
///
/// With weights `a`, `d` the sums of their rows and `z²` the sums of the rows of `a_ij / (d_i d_j)`, its entries are
/// `a_ij s_i s_j`, `s = 1 / (d z)`. They are not stored: a product with a vector multiplies it by `s` before and after.
pub(super) struct Transitions<'a> {
    graph: Cow<'a, Graph>,
    scale: Vec<f64>,
    /// `z`.
    roots: Vec<f64>,
}

impl<'a> Transitions<'a> {
    /// Of a connected graph with an edge at every vertex.
    pub(super) fn new(graph: Cow<'a, Graph>) -> Self {
        let rows = 0..graph.vertices();
        let sum = |i: usize, scale: &dyn Fn(usize) -> f64| -> f64 {
            let (ids, weights) = graph.row(i);
            ids.iter().zip(weights).map(|(&j, &weight)| f64::from(weight) * scale(j as usize)).sum()
        };
        let density: Vec<f64> = rows.clone().map(|i| sum(i, &|_| 1.0)).collect();
        let roots: Vec<f64> = rows.map(|i| (sum(i, &|j| 1.0 / density[j]) / density[i]).sqrt()).collect();
        let scale = density.iter().zip(&roots).map(|(density, root)| 1.0 / (density * root)).collect();
        Self { graph, scale, roots }
    }

    /// Number of vertices.
    pub(super) fn vertices(&self) -> usize {
        self.scale.len()
    }

    /// The eigenvector of the eigenvalue 1, of unit length: where the walk is in the long run.
    pub(super) fn stationary(&self) -> Vec<f64> {
        let length = self.roots.iter().map(|root| root * root).sum::<f64>().sqrt();
        self.roots.iter().map(|root| root / length).collect()
    }

    /// The entries of a row, by column.
    pub(super) fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let (ids, weights) = self.graph.row(i);
        ids.iter().zip(weights).map(move |(&j, &weight)| {
            let j = j as usize;
            (j, f64::from(weight) * self.scale[i] * self.scale[j])
        })
    }

    /// The products with some vectors.
    pub(super) fn product(&self, vectors: &[Row]) -> Block {
        let scaled: Block =
            vectors.par_iter().zip(&self.scale).map(|(row, scale)| row.map(|value| value * scale)).collect();
        let mut out = vec![[0.0; LANES]; scaled.len()];
        out.par_chunks_mut(ROWS).enumerate().for_each(|(chunk, out)| {
            for (i, out) in (chunk * ROWS..).zip(out) {
                let (ids, weights) = self.graph.row(i);
                let mut sums = [0.0; LANES];
                for (&j, &weight) in ids.iter().zip(weights) {
                    let (other, weight) = (&scaled[j as usize], f64::from(weight));
                    for lane in 0..LANES {
                        sums[lane] += weight * other[lane];
                    }
                }
                *out = sums.map(|sum| sum * self.scale[i]);
            }
        });
        out
    }
}
