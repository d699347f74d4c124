//! Turns of clustering and correction.

use rayon::prelude::*;

use super::batches::Batches;
use super::centres::{self, centres};
use super::kernel::{Rows, normalise};
use super::options::{HarmonyOptions, of_key};
use super::ridge::{Ridge, Sums, regress};
use super::rounds::{Blocks, Mixing, blocks, objective, round};
use super::soft::Soft;
use crate::{Error, Exec, Result};

/// Objectives that are compared with as many before.
const WINDOW: usize = 3;

/// A corrected embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Harmony {
    /// Cells x dimensions, row by row.
    pub values: Vec<f64>,
    /// Number of clusters.
    pub clusters: usize,
    /// The objective at the beginning and after the clustering of each turn.
    pub objectives: Vec<f64>,
    /// Whether the turns ended by themselves.
    pub converged: bool,
}

/// Corrects an embedding (cells x `width`, row by row) for batches, of which each key gives the number of each cell's:
/// `harmonypy.run_harmony`, but for what is drawn at random. Where only one batch has cells, nothing changes. The same bits
/// for any number of threads.
///
/// Memory: 8 bytes for each value of the embedding beside what is given, 4 bytes for each cell and cluster and some 30 a
/// cell; for each combination of batches that has cells and each cluster, 8 bytes for each dimension, and 16 for each
/// block of cells, of which there are 20. The embedding is passed over twice for each turn, nearness four times more.
///
/// # Errors
/// `Argument` for options out of range; `Invalid` for values that are not finite, naming the row; `Memory`; `Interrupted`.
pub fn harmony(
    values: Vec<f64>,
    width: usize,
    keys: &[Vec<u32>],
    options: &HarmonyOptions,
    exec: &Exec,
) -> Result<Harmony> {
    options.check(keys.len())?;
    if width == 0 {
        return Err(Error::argument("the embedding has no dimensions"));
    }
    let cells = values.len() / width;
    let batches = Batches::new(cells, keys)?;
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        let message = format!("holds {} in column {}; expected finite numbers", values[at], at % width);
        return Err(Error::invalid(message).row((at / width) as u64));
    }
    if cells == 0 {
        return Ok(Harmony { values, clusters: 0, objectives: Vec::new(), converged: true });
    }
    let clusters = options.clusters(cells, width)?;
    let _charge = exec.budget().charge(bytes(&batches, width, clusters, options), "the correction of batches")?;
    exec.pool().install(|| {
        let mut turns = Turns::new(values, width, clusters, batches, options)?;
        let (objectives, converged) = turns.run(options, exec)?;
        Ok(Harmony { values: turns.finish(), clusters, objectives, converged })
    })
}

fn bytes(batches: &Batches, width: usize, clusters: usize, options: &HarmonyOptions) -> u64 {
    let cells = batches.cells();
    let each_cell = 8 * width + 4 * clusters + 8 + 9 * 4;
    let tables = 3 * 8 * blocks(cells, options.block_proportion) * batches.groups() * clusters;
    let moments = 8 * (2 * batches.groups() + batches.levels() + cells / 2048) * clusters * (width + 1);
    let beginning = centres::bytes(cells, width, clusters);
    (cells * each_cell + tables + moments.max(beginning)) as u64
}

struct Turns {
    batches: Batches,
    width: usize,
    /// Places x width, not corrected.
    cells: Vec<f64>,
    /// Clusters x width, of length one.
    centres: Vec<f64>,
    soft: Soft,
    mixing: Mixing,
    ridge: Ridge,
}

impl Turns {
    fn new(
        values: Vec<f64>,
        width: usize,
        clusters: usize,
        batches: Batches,
        options: &HarmonyOptions,
    ) -> Result<Self> {
        let centres = match &options.centres {
            None => centres(&values, width, clusters, options.random_state),
            Some(centres) if centres.iter().all(|x| x.is_finite()) => {
                let mut centres = centres.clone();
                centres.chunks_exact_mut(width).for_each(normalise);
                centres
            }
            Some(_) => return Err(Error::argument("centres are not finite")),
        };
        let mut cells = vec![0.0; values.len()];
        cells.par_chunks_mut(width).zip(&batches.order).with_min_len(512).for_each(|(row, &cell)| {
            row.copy_from_slice(&values[cell as usize * width..][..width]);
        });
        drop(values);
        let size = |level: usize| batches.shares[level] * batches.cells() as f64;
        let theta = batches.owner.iter().enumerate().map(|(level, &key)| {
            let theta = of_key(&options.theta, key);
            if options.tau > 0.0 {
                theta * (1.0 - (-(size(level) / (clusters as f64 * options.tau)).powi(2)).exp())
            } else {
                theta
            }
        });
        let &HarmonyOptions { sigma, block_proportion, alpha, batch_prune_threshold, random_state, .. } = options;
        let mixing = Mixing { theta: theta.collect(), sigma, block_proportion, seed: random_state };
        let lambda = options.ridge_lambda.as_ref();
        let lambda = lambda.map(|lambda| batches.owner.iter().map(|&key| of_key(lambda, key)).collect());
        let ridge = Ridge { lambda, alpha, prune: batch_prune_threshold };
        let soft = Soft::new(batches.cells(), clusters, batches.groups());
        Ok(Self { batches, width, cells, centres, soft, mixing, ridge })
    }

    /// The objectives, and whether the turns ended by themselves. Leaves corrected cells.
    fn run(&mut self, options: &HarmonyOptions, exec: &Exec) -> Result<(Vec<f64>, bool)> {
        let Self { batches, width, cells, centres, soft, mixing, ridge } = self;
        let (mut of_turns, mut of_rounds, mut converged) = (Vec::new(), Vec::new(), false);
        exec.progress().begin("correcting batches", options.max_iter_harmony as u64, "turns");
        let mut effects = None;
        for _ in 0..options.max_iter_harmony {
            let rows = Rows(cells, *width);
            // The first objective is that of no round.
            let done = |of_rounds: &[f64]| (of_rounds.len() as u64).saturating_sub(1);
            let mut blocks = Blocks::deal(batches, mixing, done(&of_rounds));
            let (mut tally, mut dealt) = soft.assign(batches, rows, centres, effects.as_ref(), &blocks, mixing.sigma);
            if of_turns.is_empty() {
                let first = objective(soft, &tally, batches, mixing);
                of_turns.push(first);
                of_rounds.push(first);
            }
            for step in 1..=options.max_iter_clustering {
                exec.check()?;
                let next =
                    (step < options.max_iter_clustering).then(|| Blocks::deal(batches, mixing, done(&of_rounds) + 1));
                let (cost, next_dealt) = round(soft, &mut tally, batches, mixing, (&blocks, &dealt), next.as_ref());
                of_rounds.push(cost);
                if step > WINDOW + 1 && settled(&of_rounds, options.tol_clustering) {
                    break;
                }
                dealt = next_dealt;
                blocks = next.unwrap_or(blocks);
            }
            of_turns.extend(of_rounds.last());
            let sums = Sums::of(soft, batches, rows);
            effects = Some(regress(&sums, batches, ridge, centres, *width)?);
            centres.chunks_exact_mut(*width).for_each(normalise);
            exec.progress().advance(1);
            if let [.., before, now] = of_turns[..]
                && (before - now) / before.abs() < options.tol_harmony
            {
                converged = true;
                break;
            }
        }
        if let Some(effects) = &effects {
            soft.correct(batches, cells, *width, effects);
        }
        exec.progress().end();
        Ok((of_turns, converged))
    }

    /// The cells in their own order.
    fn finish(self) -> Vec<f64> {
        let Self { batches, width, cells, soft, .. } = self;
        drop(soft);
        let mut values = vec![0.0; cells.len()];
        for (row, &cell) in cells.chunks_exact(width).zip(&batches.order) {
            values[cell as usize * width..][..width].copy_from_slice(row);
        }
        values
    }
}

/// Whether the last objectives are hardly other than those before.
fn settled(objectives: &[f64], tolerance: f64) -> bool {
    let Some(first) = objectives.len().checked_sub(WINDOW + 1) else { return false };
    let before: f64 = objectives[first..objectives.len() - 1].iter().sum();
    let now: f64 = objectives[first + 1..].iter().sum();
    (before - now).abs() / before.abs() < tolerance
}
