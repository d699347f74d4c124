//! A first graph: each point is compared with those of the pieces around its own.

use super::distance::to_rows;
use super::lists::NOBODY;
use super::metric::Points;
use super::partition::Partition;
use super::rows::Measure;
use super::scan::{QUERIES, Scan};
use super::table::Table;
use crate::{Exec, Result};

/// Lists for each point the `size` nearest among about `candidates` of the pieces around; points stand in the order of
/// the partition.
pub(super) fn probe(
    points: &Points,
    partition: &Partition,
    size: usize,
    candidates: usize,
    exec: &Exec,
) -> Result<Table> {
    let mut table = Table::with_capacity(points.rows.len(), size);
    let in_flight = 2 * exec.threads() + 1;
    exec.progress().begin("neighbours in pieces", points.rows.len() as u64, "cells");
    exec.ordered(
        partition.len(),
        in_flight,
        |piece| {
            let around = around(partition, piece, candidates);
            let own = partition.range(piece);
            let mut found = Table::with_capacity(own.len(), size);
            let mut scan = Scan::new(points.measure, size + 1);
            let mut keys = Vec::new();
            for start in own.clone().step_by(QUERIES) {
                let queries = start..own.end.min(start + QUERIES);
                scan.begin(&points.rows, queries.clone());
                for &piece in &around {
                    scan.look(&points.rows, partition.range(piece));
                }
                for (i, query) in queries.enumerate() {
                    let others = scan.lists.of(i).0.iter().copied();
                    let ids: Vec<u32> = others.filter(|&id| id as usize != query && id != NOBODY).take(size).collect();
                    // Products lose digits; the graph is built from differences.
                    to_rows(points.measure, points.rows.point(query), &points.rows, &ids, &mut keys);
                    found.push(&ids, &keys);
                }
            }
            Ok(found)
        },
        |_, found| {
            exec.progress().advance(found.len() as u64);
            table.append(&found);
            Ok(())
        },
    )?;
    exec.progress().end();
    Ok(table)
}

/// Pieces in the order of their centres' distance from that of one, itself first.
fn by_distance(partition: &Partition, piece: usize) -> impl Iterator<Item = usize> {
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer pieces than cells")]
    let all: Vec<u32> = (0..partition.len() as u32).collect();
    let mut keys = Vec::new();
    to_rows(Measure::Squared, partition.centres.point(piece), &partition.centres, &all, &mut keys);
    // Those that were cut off it have the same centre.
    keys[piece] = -1.0;
    let mut nearest: Vec<(f32, u32)> = keys.into_iter().zip(all).collect();
    nearest.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    nearest.into_iter().map(|(_, piece)| piece as usize)
}

/// The pieces to be looked at from one: the nearest, until they have so many points.
fn around(partition: &Partition, piece: usize, candidates: usize) -> Vec<usize> {
    let mut total = 0;
    let mut chosen: Vec<usize> = by_distance(partition, piece)
        .take_while(|&piece| {
            let enough = total >= candidates;
            total += partition.range(piece).len();
            !enough
        })
        .collect();
    chosen.sort_unstable();
    chosen
}

/// For each of some others the least number of candidates with which a point is compared with it.
pub(super) fn needed(partition: &Partition, point: usize, others: &[u32], out: &mut Vec<usize>) {
    let mut places = vec![0; partition.len()];
    let mut total = 0;
    for piece in by_distance(partition, partition.piece_of(point)) {
        places[piece] = total + 1;
        total += partition.range(piece).len();
    }
    out.extend(others.iter().map(|&other| places[partition.piece_of(other as usize)]));
}
