//! Nearest neighbours of many points, nearly all of them.

use super::draw::spread;
use super::knn::{Knn, Row};
use super::metric::Points;
use super::partition::Partition;
use super::probe::{needed, probe};
use super::refine::{self, refine};
use super::scan::Scan;
use super::table::Table;
use crate::{Exec, Result};

/// The share of neighbours that should be found.
pub(super) const RECALL: f64 = 0.998;
/// The share that refinement may begin with.
const ENOUGH: f64 = 0.96;
/// Candidates that cost as much as a round of refinement.
const ROUND: usize = 8192;
/// Candidates, at least and at most, times the length of a list.
const LEAST: usize = 64;
const MOST: usize = 2048;
/// Lists are longer than what is asked for by as many, so that refinement does not get stuck.
const SLACK: usize = 8;
/// Points whose neighbours are looked for exactly, to know that share.
const SAMPLE: usize = 512;
/// Points of the sample that a worker takes at a time.
const NARROW: usize = 32;
/// What a round of refinement must add to that share for another to follow.
const GAIN: f64 = 0.0005;
/// Rounds of refinement, at most.
const ROUNDS: usize = 10;

/// The neighbours of all points, nearly; and which share of them is right, by a sample.
///
/// Points are cut into pieces and compared with those of the pieces around, by products. The neighbours of a sample are
/// known exactly; so it is known how far around one must look to find [`RECALL`] of all. Where that is too far, less is
/// looked at, and rounds of nearest neighbour descent follow until that share is found, or no more come. `candidates` is
/// how many points each is compared with, instead.
pub(super) fn approximate(
    points: Points,
    neighbours: usize,
    candidates: Option<usize>,
    seed: u64,
    exec: &Exec,
) -> Result<(Knn, f64)> {
    let cells = points.rows.len();
    let longest = neighbours + SLACK;
    let bytes = Table::bytes(cells, longest) + refine::bytes(cells, longest) + (cells * 4) as u64;
    let _tables = exec.budget().charge(bytes, "lists of neighbours")?;
    let partition = Partition::new(&points, seed, exec)?;
    let points = points.in_order(&partition.order);
    let truth = Truth::new(&points, neighbours, seed, exec)?;
    let needed = truth.needed(&partition);
    let bounds = longest * LEAST..=longest * MOST;
    let [all, enough] = [RECALL, ENOUGH].map(|share| quantile(&needed, share).clamp(*bounds.start(), *bounds.end()));
    let once = candidates.is_none() && all <= enough + ROUND && all < *bounds.end();
    let candidates = candidates.unwrap_or(if once { all } else { enough });
    let size = if once { neighbours + 1 } else { longest };
    let mut table = probe(&points, &partition, size, candidates, exec)?;
    let mut recall = truth.recall(&points, &table);
    for _ in 0..ROUNDS {
        if recall >= RECALL {
            break;
        }
        table = refine(&points, &table, exec)?;
        let before = std::mem::replace(&mut recall, truth.recall(&points, &table));
        if recall - before < GAIN {
            break;
        }
    }
    let knn = finish(&points, &table, neighbours, exec)?;
    Ok((knn.out_of_order(&partition.order), recall))
}

/// The lists in the order of differences in doubles.
fn finish(points: &Points, table: &Table, neighbours: usize, exec: &Exec) -> Result<Knn> {
    const BLOCK: usize = 4096;
    let cells = table.len();
    let mut knn = Knn::with_capacity(cells, neighbours);
    exec.ordered(
        cells.div_ceil(BLOCK),
        2 * exec.threads() + 1,
        |block| {
            let range = block * BLOCK..cells.min((block + 1) * BLOCK);
            let mut found = Knn::with_capacity(range.len(), neighbours);
            let mut row = Row::default();
            for cell in range {
                row.fill(points, cell, table.row(cell).0.iter().copied());
                found.push(points, &row);
            }
            Ok(found)
        },
        |_, found| {
            knn.append(found);
            Ok(())
        },
    )?;
    Ok(knn)
}

/// How far the neighbours of some points reach.
struct Truth {
    neighbours: usize,
    sample: Vec<usize>,
    /// Their neighbours, and how far these are.
    ids: Vec<u32>,
    reach: Vec<f64>,
}

impl Truth {
    fn new(points: &Points, neighbours: usize, seed: u64, exec: &Exec) -> Result<Self> {
        let cells = points.rows.len();
        let sample = spread(cells, SAMPLE, seed.wrapping_add(2));
        let mut reach = Vec::with_capacity(sample.len());
        let mut ids = Vec::with_capacity(sample.len() * neighbours);
        exec.ordered(
            sample.len().div_ceil(NARROW),
            2 * exec.threads() + 1,
            |block| {
                let queries = &sample[block * NARROW..sample.len().min((block + 1) * NARROW)];
                let mut scan = Scan::new(points.measure, neighbours + 1 + SLACK);
                scan.begin(&points.rows, queries.iter().copied());
                scan.look(&points.rows, 0..cells);
                let mut row = Row::default();
                let found = queries.iter().enumerate().map(|(i, &query)| {
                    row.fill(points, query, scan.lists.of(i).0.iter().copied());
                    // Equals count as found, and so do roundings.
                    let reach = row.key(neighbours - 1).unwrap_or(0.0) * (1.0 + 1e-6);
                    (reach, row.ids(neighbours).collect())
                });
                Ok(found.collect::<Vec<(f64, Vec<u32>)>>())
            },
            |_, found| {
                for (own, neighbours) in found {
                    reach.push(own);
                    ids.extend(neighbours);
                }
                Ok(())
            },
        )?;
        Ok(Self { neighbours, sample, ids, reach })
    }

    /// For each neighbour the number of candidates with which it would be found, rising.
    fn needed(&self, partition: &Partition) -> Vec<usize> {
        let mut all = Vec::with_capacity(self.ids.len());
        for (&point, ids) in self.sample.iter().zip(self.ids.chunks(self.neighbours)) {
            needed(partition, point, ids, &mut all);
        }
        all.sort_unstable();
        all
    }

    /// The share that the lists have.
    fn recall(&self, points: &Points, table: &Table) -> f64 {
        let mut row = Row::default();
        let mut found = 0;
        for (&point, &reach) in self.sample.iter().zip(&self.reach) {
            row.fill(points, point, table.row(point).0.iter().copied());
            found += row.within(reach).min(self.neighbours);
        }
        found as f64 / (self.sample.len() * self.neighbours).max(1) as f64
    }
}

/// The least value that a share of rising values does not exceed.
fn quantile(values: &[usize], share: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    let place = (values.len() as f64 * share).ceil() as usize;
    values.get(place).or(values.last()).copied().unwrap_or(0)
}
