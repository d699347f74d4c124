//! Turns of clustering: what belongs to whom, with a penalty for clusters in which the batches are not evenly mixed.

use rayon::prelude::*;

use super::batches::Batches;
use super::draw::Draw;
use super::kernel::{add_shares, vectorized, weight};
use super::soft::{Soft, Tally};

/// Cells of a task. Sums are added up task after task, so it changes results.
const TASK: usize = 512;
/// What no weight of a cluster is below: products with it are still numbers.
const LEAST: f64 = 1e-200;

/// How strongly batches are mixed.
#[derive(Clone, Debug)]
pub(super) struct Mixing {
    /// For each level.
    pub(super) theta: Vec<f64>,
    /// Width of clusters.
    pub(super) sigma: f64,
    /// Share of the cells that are looked at together.
    pub(super) block_proportion: f64,
    pub(super) seed: u64,
}

/// Places dealt to blocks.
struct Blocks {
    /// The places of one block after those of another, rising within a block.
    places: Vec<u32>,
    /// Where blocks begin, and one more.
    starts: Vec<usize>,
}

/// How many blocks there are for a share of the cells.
pub(super) fn blocks(cells: usize, proportion: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "above zero, and floats saturate")]
    let blocks = (1.0 / proportion).ceil() as usize;
    blocks.clamp(1, cells.max(1))
}

impl Blocks {
    /// Deals cells at random: the same number to each block, and what is left over to the last.
    fn deal(batches: &Batches, mixing: &Mixing, turn: u64) -> Self {
        let cells = batches.cells();
        let blocks = blocks(cells, mixing.block_proportion);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not above the number of cells")]
        let size = ((cells as f64 * mixing.block_proportion) as usize).max(1);
        let mut order: Vec<u32> = (0..).take(cells).collect();
        Draw::of_turn(mixing.seed, turn).shuffle(&mut order);
        let mut starts: Vec<usize> = (0..blocks).map(|block| (block * size).min(cells)).collect();
        starts.push(cells);
        let mut block_of = vec![0_u32; cells];
        for (block, ends) in (0..).zip(starts.windows(2)) {
            order[ends[0]..ends[1]].iter().for_each(|&cell| block_of[cell as usize] = block);
        }
        let (mut places, mut next) = (order, starts.clone());
        for (place, &cell) in (0..).zip(&batches.order) {
            let next = &mut next[block_of[cell as usize] as usize];
            places[*next] = place;
            *next += 1;
        }
        Self { places, starts }
    }
}

impl Tally {
    /// `(2 expected + 1) / (observed + expected + 1)` for a level and a cluster.
    fn lack(&self, batches: &Batches, level: usize, cluster: usize) -> f64 {
        let expected = batches.shares[level] * self.total[cluster];
        let observed = self.observed[level * self.total.len() + cluster];
        (2.0 * expected + 1.0) / (observed + expected + 1.0)
    }

    /// The weight of each cluster for cells of each group (groups x clusters): the less it has of the group's levels, the
    /// more.
    fn even(&self, batches: &Batches, theta: &[f64]) -> Vec<f64> {
        let clusters = self.total.len();
        let levels: Vec<f64> = (0..batches.levels())
            .flat_map(|level| (0..clusters).map(move |cluster| (level, cluster)))
            .map(|(level, cluster)| self.lack(batches, level, cluster).powf(theta[level]).max(LEAST))
            .collect();
        let mut even = vec![0.0; batches.groups() * clusters];
        for (group, even) in even.chunks_exact_mut(clusters.max(1)).enumerate() {
            for &level in batches.levels_of(group) {
                let level = &levels[level as usize * clusters..][..clusters];
                even.iter_mut().zip(level).for_each(|(even, level)| *even += level);
            }
        }
        even
    }

    /// What it costs that clusters are not evenly mixed.
    fn unevenness(&self, batches: &Batches, theta: &[f64]) -> f64 {
        let clusters = self.total.len();
        let cost = |level: usize, cluster: usize| {
            -theta[level] * self.observed[level * clusters + cluster] * self.lack(batches, level, cluster).ln()
        };
        (0..batches.levels()).map(|level| (0..clusters).map(|cluster| cost(level, cluster)).sum::<f64>()).sum()
    }
}

/// What clusters cost in all, for cells that were just assigned to them.
pub(super) fn objective(soft: &Soft, tally: &Tally, batches: &Batches, mixing: &Mixing) -> f64 {
    // The logarithm of what belongs to a cluster is that of its nearness less that of the sum, so that distances cancel.
    let scales: f64 = soft.scale.iter().map(|scale| scale.ln()).sum();
    mixing.sigma * (scales + soft.least + tally.unevenness(batches, &mixing.theta))
}

/// Assigns all cells once more, block after block: each block is taken out of its clusters, and put into those that are
/// near and lack cells of its batches. Gives what the clusters cost afterwards.
pub(super) fn round(soft: &mut Soft, tally: &mut Tally, batches: &Batches, mixing: &Mixing, turn: u64) -> f64 {
    let (clusters, groups) = (soft.clusters, batches.groups());
    let blocks = Blocks::deal(batches, mixing, turn);
    let mut tables = Vec::with_capacity((blocks.starts.len() - 1) * groups * clusters);
    let mut cost = 0.0;
    for (block, ends) in (0_u32..).zip(blocks.starts.windows(2)) {
        let places = &blocks.places[ends[0]..ends[1]];
        let before = &*soft;
        let taken: Vec<Vec<(usize, Vec<f64>)>> = places
            .par_chunks(TASK)
            .map(|places| {
                by_group(places, batches, |_, group, run| {
                    let mut masses = vec![0.0; clusters];
                    vectorized(|| {
                        for &place in run {
                            let place = place as usize;
                            let even = before.even_of(place, group);
                            add_shares(before.near_of(place), even, before.scale[place], &mut masses);
                        }
                    });
                    masses
                })
            })
            .collect();
        for (group, masses) in taken.iter().flatten() {
            tally.add(batches, *group, masses, -1.0);
        }
        let even = tally.even(batches, &mixing.theta);
        let given: Vec<(f64, Vec<f64>, Vec<(usize, Vec<f64>)>)> = places
            .par_chunks(TASK)
            .map(|places| {
                let mut scales = vec![0.0; places.len()];
                let mut logarithms = 0.0;
                let masses = by_group(places, batches, |first, group, run| {
                    let mut masses = vec![0.0; clusters];
                    let even = &even[group * clusters..][..clusters];
                    vectorized(|| {
                        for (&place, scale) in run.iter().zip(&mut scales[first..]) {
                            let near = before.near_of(place as usize);
                            *scale = 1.0 / weight(near, even);
                            add_shares(near, even, *scale, &mut masses);
                        }
                    });
                    masses
                });
                scales.iter().for_each(|scale| logarithms += scale.ln());
                (logarithms, scales, masses)
            })
            .collect();
        for (part, (logarithms, scales, masses)) in places.chunks(TASK).zip(given) {
            cost += logarithms;
            for (group, masses) in masses {
                tally.add(batches, group, &masses, 1.0);
                let even = &even[group * clusters..][..clusters];
                cost += masses.iter().zip(even).map(|(mass, even)| mass * even.ln()).sum::<f64>();
            }
            for (&place, scale) in part.iter().zip(scales) {
                soft.scale[place as usize] = scale;
                soft.block[place as usize] = block;
            }
        }
        tables.extend(even);
    }
    // Until now, places that the round had not come to were still of the blocks of the last one.
    soft.even = tables;
    mixing.sigma * (cost + soft.least + tally.unevenness(batches, &mixing.theta))
}

/// What comes of each run of places of one group: where it begins in the list, the group, and its places are given.
fn by_group<T>(places: &[u32], batches: &Batches, mut work: impl FnMut(usize, usize, &[u32]) -> T) -> Vec<(usize, T)> {
    let group = |place: u32| batches.group[place as usize];
    let mut first = 0;
    let runs = places.chunk_by(|left, right| group(*left) == group(*right));
    runs.map(|run| {
        let (start, group) = (first, group(run[0]) as usize);
        first += run.len();
        (group, work(start, group, run))
    })
    .collect()
}
