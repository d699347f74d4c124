//! Nearest neighbours of many points, nearly all of them.

use super::draw::spread;
use super::knn::{Knn, Row};
use super::metric::Points;
use super::partition::Partition;
use super::probe::probe;
use super::refine::{self, refine};
use super::scan::Scan;
use super::table::Table;
use crate::{Exec, Result};

/// Points that each is compared with at first.
const CANDIDATES: usize = 4096;
/// The same for each neighbour asked for, at least.
const PER_NEIGHBOUR: usize = 64;
/// Lists are longer than what is asked for by as many.
const SLACK: usize = 2;
/// The share of neighbours that should be found.
pub(super) const RECALL: f64 = 0.99;
/// Points whose neighbours are looked for exactly, to know that share.
const SAMPLE: usize = 512;
/// Points of the sample that a worker takes at a time.
const NARROW: usize = 32;
/// Rounds of refinement, at most.
const ROUNDS: usize = 10;

/// Points that each is compared with at first, when so many neighbours are asked for.
pub(super) fn usual_candidates(neighbours: usize) -> usize {
    CANDIDATES.max(neighbours * PER_NEIGHBOUR)
}

/// The neighbours of all points, nearly; and which share of them is right, by a sample.
///
/// Points are cut into pieces and compared with those of the pieces around, by products; then rounds of nearest neighbour
/// descent follow until the share that is found among the neighbours of a sample is [`RECALL`], or nothing changes.
pub(super) fn approximate(
    points: Points,
    neighbours: usize,
    candidates: usize,
    seed: u64,
    exec: &Exec,
) -> Result<(Knn, f64)> {
    let cells = points.rows.len();
    let size = neighbours + SLACK;
    let bytes = Table::bytes(cells, size) + refine::bytes(cells, size) + (cells * 4) as u64;
    let _tables = exec.budget().charge(bytes, "lists of neighbours")?;
    let partition = Partition::new(&points, seed, exec)?;
    let points = points.in_order(&partition.order);
    let truth = Truth::new(&points, neighbours, seed, exec)?;
    let mut table = probe(&points, &partition, size, candidates, exec)?;
    let mut recall = truth.recall(&points, &table);
    for _ in 0..ROUNDS {
        if recall >= RECALL {
            break;
        }
        let (better, changed) = refine(&points, &table, exec)?;
        table = better;
        recall = truth.recall(&points, &table);
        if changed == 0 {
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
    reach: Vec<f64>,
}

impl Truth {
    fn new(points: &Points, neighbours: usize, seed: u64, exec: &Exec) -> Result<Self> {
        let cells = points.rows.len();
        let sample = spread(cells, SAMPLE, seed.wrapping_add(2));
        let mut reach = Vec::with_capacity(sample.len());
        exec.ordered(
            sample.len().div_ceil(NARROW),
            2 * exec.threads() + 1,
            |block| {
                let queries = &sample[block * NARROW..sample.len().min((block + 1) * NARROW)];
                let mut scan = Scan::new(points.measure, neighbours + 1 + SLACK);
                scan.begin(&points.rows, queries.iter().copied());
                scan.look(&points.rows, 0..cells);
                let mut row = Row::default();
                let reach = queries.iter().enumerate().map(|(i, &query)| {
                    row.fill(points, query, scan.lists.of(i).0.iter().copied());
                    // Equals count as found, and so do roundings.
                    row.key(neighbours - 1).unwrap_or(0.0) * (1.0 + 1e-6)
                });
                Ok(reach.collect::<Vec<f64>>())
            },
            |_, found| {
                reach.extend(found);
                Ok(())
            },
        )?;
        Ok(Self { neighbours, sample, reach })
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
