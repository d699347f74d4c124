//! The matrix of a graph, whose products with vectors are what everything is made of.

use rayon::prelude::*;

use super::block::{Block, GROUP, Group, ROWS};
use crate::umap::springs::Springs;

/// A connected graph at some coarseness, and its matrix `S W S`.
#[derive(Clone, Debug, Default)]
pub(in crate::umap) struct Level {
    pub(super) starts: Vec<usize>,
    pub(super) targets: Vec<u32>,
    /// Entries of `S W S`.
    pub(super) entries: Vec<f32>,
    /// Square roots of the sums of the weights: the trivial eigenvector, but for its length.
    pub(super) roots: Vec<f32>,
}

impl Level {
    /// That of some vertices, between which and the others there are no edges.
    pub(in crate::umap) fn new(springs: &Springs, vertices: &[u32]) -> Self {
        let mut places = vec![0_u32; springs.vertices()];
        for (place, &vertex) in (0..).zip(vertices) {
            places[vertex as usize] = place;
        }
        let mut level = Self { starts: vec![0], ..Self::default() };
        for &vertex in vertices {
            let (targets, weights) = springs.of(vertex as usize);
            level.targets.extend(targets.iter().map(|target| places[*target as usize]));
            level.entries.extend(weights);
            level.starts.push(level.targets.len());
        }
        level.normalize();
        level
    }

    /// Makes entries of weights.
    #[expect(clippy::cast_possible_truncation, reason = "vectors are of single precision")]
    pub(super) fn normalize(&mut self) {
        let sum = |range: &[usize]| self.entries[range[0]..range[1]].iter().map(|x| f64::from(*x)).sum::<f64>();
        self.roots = self.starts.windows(2).map(|range| sum(range).max(1e-30).sqrt() as f32).collect();
        let Self { starts, targets, entries, roots } = self;
        for (range, root) in starts.windows(2).zip(roots.iter()) {
            for (entry, target) in entries[range[0]..range[1]].iter_mut().zip(&targets[range[0]..range[1]]) {
                *entry /= root * roots[*target as usize];
            }
        }
    }

    /// Number of vertices.
    pub(in crate::umap) fn vertices(&self) -> usize {
        self.roots.len()
    }

    /// The ids and the entries of a row.
    pub(in crate::umap) fn row(&self, vertex: usize) -> (&[u32], &[f32]) {
        let range = self.starts[vertex]..self.starts[vertex + 1];
        (&self.targets[range.clone()], &self.entries[range])
    }

    /// The square root of the sum of the weights of a vertex.
    pub(in crate::umap) fn root(&self, vertex: usize) -> f32 {
        self.roots[vertex]
    }

    /// `out = scale (A x - shift x) - share out`.
    pub(super) fn step(&self, x: &Group, out: &mut Group, scale: f32, shift: f32, share: f32) {
        out.par_chunks_mut(ROWS).enumerate().for_each(|(chunk, out)| {
            for (i, out) in (chunk * ROWS..).zip(out) {
                let (targets, entries) = self.row(i);
                let mut sums = [0.0; GROUP];
                for (&target, &entry) in targets.iter().zip(entries) {
                    let other = &x[target as usize];
                    for lane in 0..GROUP {
                        sums[lane] += entry * other[lane];
                    }
                }
                for lane in 0..GROUP {
                    out[lane] = scale * (sums[lane] - shift * x[i][lane]) - share * out[lane];
                }
            }
        });
    }

    /// The vectors of a coarser level here: parts of a vertex have the amplitude that it had.
    pub(super) fn carried(&self, coarse: &Block, coarse_roots: &[f32], parents: &[u32]) -> Block {
        let mut block = Block::zeros(self.vertices(), coarse.width());
        for (group, from) in block.groups.iter_mut().zip(&coarse.groups) {
            for ((row, &parent), root) in group.iter_mut().zip(parents).zip(&self.roots) {
                let share = root / coarse_roots[parent as usize];
                *row = from[parent as usize].map(|x| x * share);
            }
        }
        block
    }
}
