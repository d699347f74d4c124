//! Soft clusters: how much of each cell belongs to each cluster.

use std::ops::Range;

use rayon::prelude::*;

use super::batches::Batches;
use super::kernel::{Rows, add_product, nearness, normalise, outer_product, shares, vectorized};
use super::rounds::{Blocks, Dealt, columns};

/// Cells whose products are worked out at a time.
const PANEL: usize = 128;

/// What belongs of a cell to a cluster is `near * even * scale`: how near it is, how much the cluster lacks cells of the
/// cell's batches, and a factor that makes one of the sum. Only the first is a number for each cell and cluster; the
/// second is that of all cells of a group that were looked at in the same block of cells.
#[derive(Debug)]
pub(super) struct Soft {
    pub(super) clusters: usize,
    /// Places x clusters.
    pub(super) near: Vec<f32>,
    /// Of each place.
    pub(super) scale: Vec<f64>,
    /// The block in which each place was looked at.
    pub(super) block: Vec<u32>,
    /// Blocks x groups x clusters.
    pub(super) even: Vec<f64>,
    /// Groups.
    pub(super) groups: usize,
    /// The sum of all least distances, in units of `sigma`: of what nearness is counted from.
    pub(super) least: f64,
}

/// How much belongs to each cluster in all (clusters) and of each level (levels x clusters).
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) total: Vec<f64>,
    pub(super) observed: Vec<f64>,
}

impl Tally {
    pub(super) fn new(levels: usize, clusters: usize) -> Self {
        Self { total: vec![0.0; clusters], observed: vec![0.0; levels * clusters] }
    }

    /// Adds what belongs to the clusters of cells of a group, times `sign`.
    pub(super) fn add(&mut self, batches: &Batches, group: usize, masses: &[f64], sign: f64) {
        let clusters = self.total.len();
        self.total.iter_mut().zip(masses).for_each(|(total, mass)| *total += sign * mass);
        for &level in batches.levels_of(group) {
            let observed = &mut self.observed[level as usize * clusters..][..clusters];
            observed.iter_mut().zip(masses).for_each(|(observed, mass)| *observed += sign * mass);
        }
    }
}

/// What is taken off a cell for its share in each cluster: levels x clusters x width.
#[derive(Debug)]
pub(super) struct Effects {
    pub(super) values: Vec<f64>,
    pub(super) size: usize,
}

impl Effects {
    /// Clusters x width, of a group.
    fn of(&self, batches: &Batches, group: usize) -> Vec<f64> {
        let mut sums = vec![0.0; self.size];
        for &level in batches.levels_of(group) {
            let effects = &self.values[level as usize * self.size..][..self.size];
            sums.iter_mut().zip(effects).for_each(|(sum, effect)| *sum += effect);
        }
        sums
    }
}

/// The parts of a [`Soft`] that belong to places of one group.
struct Run<'a> {
    group: usize,
    range: Range<usize>,
    near: &'a mut [f32],
    scale: &'a mut [f64],
}

impl Soft {
    pub(super) fn new(cells: usize, clusters: usize, groups: usize) -> Self {
        let (near, scale) = (vec![0.0; cells * clusters], vec![0.0; cells]);
        Self { clusters, near, scale, block: vec![0; cells], even: vec![1.0; groups * clusters], groups, least: 0.0 }
    }

    /// The `even` of a place.
    fn even_of(&self, place: usize, group: usize) -> &[f64] {
        &self.even[(self.block[place] as usize * self.groups + group) * self.clusters..][..self.clusters]
    }

    /// The `near` of a place.
    fn near_of(&self, place: usize) -> &[f32] {
        &self.near[place * self.clusters..][..self.clusters]
    }

    /// What belongs to each cluster of places of one group.
    pub(super) fn shares(&self, group: usize, places: Range<usize>, out: &mut [f64]) {
        vectorized(|| {
            for (place, out) in places.zip(out.chunks_exact_mut(self.clusters)) {
                shares(self.near_of(place), self.even_of(place, group), self.scale[place], out);
            }
        });
    }

    /// The sum of the logarithms of all scales.
    pub(super) fn logarithms(&self) -> f64 {
        let parts: Vec<f64> =
            self.scale.par_chunks(8192).map(|scales| scales.iter().map(|scale| scale.ln()).sum()).collect();
        parts.into_iter().sum()
    }

    /// Assigns all cells anew, without regard of batches: by how near they are to the clusters' centres (clusters x
    /// `width`), after effects were taken off for what belonged to each cluster. Gives what belongs to each cluster now, in
    /// all and of each block.
    pub(super) fn assign(
        &mut self,
        batches: &Batches,
        cells: Rows,
        centres: &[f64],
        effects: Option<&Effects>,
        blocks: &Blocks,
        sigma: f64,
    ) -> (Tally, Dealt) {
        let (clusters, width) = (self.clusters, cells.1);
        let (mut near, mut scale) = (std::mem::take(&mut self.near), std::mem::take(&mut self.scale));
        let this = &*self;
        let parts: Vec<(usize, f64, Vec<f64>)> = runs(batches, clusters, &mut near, &mut scale)
            .into_par_iter()
            .map(|Run { group, range, near, scale }| {
                let effects = effects.map(|effects| effects.of(batches, group));
                let (mut panel, mut weights) = (vec![0.0; PANEL * width], vec![0.0; PANEL * clusters]);
                let (mut least, mut masses) = (0.0, vec![0.0; blocks.len() * clusters]);
                for start in range.clone().step_by(PANEL) {
                    let places = start..range.end.min(start + PANEL);
                    let here = start - range.start..places.end - range.start;
                    let near = &mut near[here.start * clusters..here.end * clusters];
                    let scale = &mut scale[here];
                    let panel = &mut panel[..places.len() * width];
                    let weights = &mut weights[..places.len() * clusters];
                    panel.copy_from_slice(&cells.0[places.start * width..places.end * width]);
                    if let Some(effects) = &effects {
                        this.shares_of(group, places.clone(), near, scale, weights);
                        add_product(panel, -1.0, Rows(weights, clusters), Rows(effects, width));
                    }
                    vectorized(|| panel.chunks_exact_mut(width).for_each(normalise));
                    outer_product(weights, Rows(panel, width), Rows(centres, width));
                    vectorized(|| {
                        let rows = near.chunks_exact_mut(clusters).zip(weights.chunks_exact(clusters));
                        for ((place, (near, cosines)), scale) in places.zip(rows).zip(scale) {
                            let (largest, sum) = nearness(cosines, 2.0 / sigma, near);
                            *scale = 1.0 / sum;
                            least += 2.0 * (1.0 - largest) / sigma;
                            let masses = &mut masses[blocks.of[place] as usize * clusters..][..clusters];
                            masses.iter_mut().zip(&*near).for_each(|(mass, x)| *mass += f64::from(*x) * *scale);
                        }
                    });
                }
                (group, least, masses)
            })
            .collect();
        (self.near, self.scale) = (near, scale);
        self.block.fill(0);
        self.even.clear();
        self.even.resize(self.groups * clusters, 1.0);
        self.least = 0.0;
        let mut tally = Tally::new(batches.levels(), clusters);
        let mut dealt = Dealt::new(blocks.len(), batches, clusters);
        for (group, least, masses) in parts {
            self.least += least;
            tally.add(batches, group, &columns(&masses, clusters), 1.0);
            dealt.add(batches, group, clusters, &masses);
        }
        (tally, dealt)
    }

    /// [`Self::shares`], while these parts are elsewhere.
    fn shares_of(&self, group: usize, places: Range<usize>, near: &[f32], scale: &[f64], out: &mut [f64]) {
        vectorized(|| {
            let rows = near.chunks_exact(self.clusters).zip(out.chunks_exact_mut(self.clusters));
            for ((place, (near, out)), scale) in places.zip(rows).zip(scale) {
                shares(near, self.even_of(place, group), *scale, out);
            }
        });
    }

    /// Takes effects off cells (places x `width`) for what belongs of them to each cluster.
    pub(super) fn correct(&self, batches: &Batches, cells: &mut [f64], width: usize, effects: &Effects) {
        let mut pieces = Vec::new();
        let mut rest = cells;
        for (group, range) in batches.runs() {
            let (piece, after) = rest.split_at_mut(range.len() * width);
            pieces.push((group, range, piece));
            rest = after;
        }
        pieces.into_par_iter().for_each(|(group, range, cells)| {
            let effects = effects.of(batches, group);
            let mut weights = vec![0.0; PANEL * self.clusters];
            for (start, cells) in range.clone().step_by(PANEL).zip(cells.chunks_mut(PANEL * width)) {
                let places = start..range.end.min(start + PANEL);
                let weights = &mut weights[..places.len() * self.clusters];
                self.shares(group, places, weights);
                add_product(cells, -1.0, Rows(weights, self.clusters), Rows(&effects, width));
            }
        });
    }
}

/// The parts of all runs.
fn runs<'a>(batches: &Batches, clusters: usize, mut near: &'a mut [f32], mut scale: &'a mut [f64]) -> Vec<Run<'a>> {
    let mut runs = Vec::new();
    for (group, range) in batches.runs() {
        let (first, near_rest) = near.split_at_mut(range.len() * clusters);
        let (second, scale_rest) = scale.split_at_mut(range.len());
        (near, scale) = (near_rest, scale_rest);
        runs.push(Run { group, range, near: first, scale: second });
    }
    runs
}
