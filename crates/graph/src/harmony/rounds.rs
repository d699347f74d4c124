//! Turns of clustering: what belongs to whom, with a penalty for clusters in which the batches are not evenly mixed.

use rayon::prelude::*;

use super::batches::Batches;
use super::draw::Draw;
use super::kernel::{add_shares, vectorized, weight};
use super::soft::{Soft, Tally};

/// Cells of a task. Sums are added up task after task, so it changes results.
const TASK: usize = 512;
/// Rows that are copied together.
const GATHERED: usize = 32;
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

/// How many blocks there are for a share of the cells.
pub(super) fn blocks(cells: usize, proportion: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "above zero, and floats saturate")]
    let blocks = (1.0 / proportion).ceil() as usize;
    blocks.clamp(1, cells.max(1))
}

/// Places dealt to blocks.
pub(super) struct Blocks {
    /// The block of each place.
    pub(super) of: Vec<u32>,
    /// The places of one block after those of another, rising within a block.
    places: Vec<u32>,
    /// Where blocks begin, and one more.
    starts: Vec<usize>,
}

impl Blocks {
    /// Deals cells at random: the same number to each block, and what is left over to the last.
    pub(super) fn deal(batches: &Batches, mixing: &Mixing, turn: u64) -> Self {
        let cells = batches.cells();
        let blocks = blocks(cells, mixing.block_proportion);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not above the number of cells")]
        let size = ((cells as f64 * mixing.block_proportion) as usize).max(1);
        let mut order: Vec<u32> = (0..).take(cells).collect();
        Draw::of_turn(mixing.seed, turn).shuffle(&mut order);
        let mut starts: Vec<usize> = (0..blocks).map(|block| (block * size).min(cells)).collect();
        starts.push(cells);
        let mut of_cell = vec![0_u32; cells];
        for (block, ends) in (0..).zip(starts.windows(2)) {
            order[ends[0]..ends[1]].iter().for_each(|&cell| of_cell[cell as usize] = block);
        }
        let of: Vec<u32> = batches.order.iter().map(|&cell| of_cell[cell as usize]).collect();
        let (mut places, mut next) = (order, starts.clone());
        for (place, &block) in (0..).zip(&of) {
            let next = &mut next[block as usize];
            places[*next] = place;
            *next += 1;
        }
        Self { of, places, starts }
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }
}

/// What belongs to the clusters of the cells of each block and group: blocks x groups x clusters. A block is taken out of
/// its clusters by it, without another look at its cells.
pub(super) struct Dealt(Vec<f64>);

impl Dealt {
    pub(super) fn new(blocks: usize, batches: &Batches, clusters: usize) -> Self {
        Self(vec![0.0; blocks * batches.groups() * clusters])
    }

    /// Adds what belongs to the clusters of some cells of a group: blocks x clusters.
    pub(super) fn add(&mut self, batches: &Batches, group: usize, clusters: usize, masses: &[f64]) {
        for (block, masses) in masses.chunks_exact(clusters).enumerate() {
            let all = self.0[(block * batches.groups() + group) * clusters..].iter_mut();
            all.zip(masses).for_each(|(all, mass)| *all += mass);
        }
    }
}

/// The sums of columns.
pub(super) fn columns(rows: &[f64], width: usize) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    sums
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
    mixing.sigma * (soft.logarithms() + soft.least + tally.unevenness(batches, &mixing.theta))
}

/// Assigns all cells once more, block after block: each block is taken out of its clusters, and put into those that are
/// near and lack cells of its batches. Gives what the clusters cost afterwards, and what was dealt to the next blocks.
pub(super) fn round(
    soft: &mut Soft,
    tally: &mut Tally,
    batches: &Batches,
    mixing: &Mixing,
    (blocks, dealt): (&Blocks, &Dealt),
    next: Option<&Blocks>,
) -> (f64, Dealt) {
    let (clusters, groups) = (soft.clusters, batches.groups());
    let next_blocks = next.map_or(1, Blocks::len);
    let mut next_dealt = Dealt::new(next_blocks, batches, clusters);
    soft.even.clear();
    let mut cost = 0.0;
    for (block, ends) in blocks.starts.windows(2).enumerate() {
        let places = &blocks.places[ends[0]..ends[1]];
        let taken = &dealt.0[block * groups * clusters..][..groups * clusters];
        for (group, masses) in taken.chunks_exact(clusters).enumerate() {
            tally.add(batches, group, masses, -1.0);
        }
        let even = tally.even(batches, &mixing.theta);
        let near = &soft.near;
        let given: Vec<Given> = places
            .par_chunks(TASK)
            .map(|places| {
                let mut given = Given { scales: Vec::with_capacity(places.len()), masses: Vec::new() };
                let mut rows = vec![0.0; GATHERED * clusters];
                for run in
                    places.chunk_by(|left, right| batches.group[*left as usize] == batches.group[*right as usize])
                {
                    let group = batches.group[run[0] as usize] as usize;
                    let even = &even[group * clusters..][..clusters];
                    let mut masses = vec![0.0; next_blocks * clusters];
                    for run in run.chunks(GATHERED) {
                        // Copied first, so that the processor waits for all these rows at the same time.
                        for (&place, row) in run.iter().zip(rows.chunks_exact_mut(clusters)) {
                            row.copy_from_slice(&near[place as usize * clusters..][..clusters]);
                        }
                        vectorized(|| {
                            for (&place, near) in run.iter().zip(rows.chunks_exact(clusters)) {
                                let scale = 1.0 / weight(near, even);
                                let next = next.map_or(0, |next| next.of[place as usize] as usize);
                                add_shares(near, even, scale, &mut masses[next * clusters..][..clusters]);
                                given.scales.push(scale);
                            }
                        });
                    }
                    given.masses.push((group, masses));
                }
                given
            })
            .collect();
        for (places, Given { scales, masses }) in places.chunks(TASK).zip(given) {
            for (group, masses) in masses {
                next_dealt.add(batches, group, clusters, &masses);
                let masses = columns(&masses, clusters);
                tally.add(batches, group, &masses, 1.0);
                let even = &even[group * clusters..][..clusters];
                cost += masses.iter().zip(even).map(|(mass, even)| mass * even.ln()).sum::<f64>();
            }
            for (&place, scale) in places.iter().zip(scales) {
                soft.scale[place as usize] = scale;
            }
        }
        soft.even.extend(even);
    }
    soft.block.copy_from_slice(&blocks.of);
    let cost = cost + soft.logarithms() + soft.least + tally.unevenness(batches, &mixing.theta);
    (mixing.sigma * cost, next_dealt)
}

/// What comes of some places of a block.
struct Given {
    /// Of each place.
    scales: Vec<f64>,
    /// Groups, and what belongs to the clusters of their places: next blocks x clusters.
    masses: Vec<(usize, Vec<f64>)>,
}
