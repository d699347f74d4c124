//! Better lists: neighbours of neighbours are likely neighbours.

use super::distance::to_rows;
use super::lists::NOBODY;
use super::metric::Points;
use super::table::Table;
use crate::{Exec, Result};

/// Neighbours of a point that are asked for theirs, at most, and neighbours that each names.
const REACH: usize = 20;
/// Points that list a point, and are asked too, at most.
const BACK: usize = 16;
/// Points of a block.
const BLOCK: usize = 1024;

/// Bytes of a round beside the old table.
pub(super) fn bytes(points: usize, size: usize) -> u64 {
    Table::bytes(points, size) + (points * (BACK * 4 + 1)) as u64
}

/// One round of nearest neighbour descent: each point looks at the neighbours of its neighbours, and of the points that
/// list it, unless both steps were there in the round before. All read the old table, so that no order matters.
pub(super) fn refine(points: &Points, table: &Table, exec: &Exec) -> Result<Table> {
    let cells = table.len();
    let back = Back::new(table);
    let mut better = Table::with_capacity(cells, table.size());
    exec.progress().begin("neighbours of neighbours", cells as u64, "cells");
    exec.ordered(
        cells.div_ceil(BLOCK),
        2 * exec.threads() + 1,
        |block| {
            let range = block * BLOCK..cells.min((block + 1) * BLOCK);
            let mut found = Table::with_capacity(range.len(), table.size());
            let mut seen = Seen::new((REACH + BACK) * (REACH + BACK + 1) + table.size() + 1);
            let (mut candidates, mut keys) = (Vec::new(), Vec::new());
            for point in range {
                candidates.clear();
                look(table, &back, point, &mut seen, &mut candidates);
                to_rows(points.measure, points.rows.point(point), &points.rows, &candidates, &mut keys);
                found.push_better(table.row(point), &candidates, &keys);
            }
            Ok(found)
        },
        |_, found| {
            exec.progress().advance(found.len() as u64);
            better.append(&found);
            Ok(())
        },
    )?;
    exec.progress().end();
    Ok(better)
}

fn look(table: &Table, back: &Back, point: usize, seen: &mut Seen, candidates: &mut Vec<u32>) {
    let (ids, _, fresh) = table.row(point);
    seen.clear();
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 cells")]
    seen.insert(point as u32);
    for &id in ids {
        seen.insert(id);
    }
    for (&id, &fresh) in ids.iter().zip(fresh).take(REACH).filter(|(id, _)| **id != NOBODY) {
        ask(table, back, id, fresh, seen, candidates);
    }
    for &marked in back.of(point) {
        let (id, fresh) = (marked & !FRESH, marked & FRESH != 0);
        if fresh && seen.insert(id) {
            candidates.push(id);
        }
        ask(table, back, id, fresh, seen, candidates);
    }
}

fn ask(table: &Table, back: &Back, id: u32, fresh: bool, seen: &mut Seen, candidates: &mut Vec<u32>) {
    let (theirs, _, theirs_fresh) = table.row(id as usize);
    for (&id, &second) in theirs.iter().zip(theirs_fresh).take(REACH) {
        if (fresh || second) && id != NOBODY && seen.insert(id) {
            candidates.push(id);
        }
    }
    for &marked in back.of(id as usize) {
        if (fresh || marked & FRESH != 0) && seen.insert(marked & !FRESH) {
            candidates.push(marked & !FRESH);
        }
    }
}

/// Marks what is new; there are fewer than 2^31 cells.
const FRESH: u32 = 1 << 31;

/// For each point some of those that list it and that it does not list: the nearest first.
struct Back {
    counts: Vec<u8>,
    ids: Vec<u32>,
}

impl Back {
    fn new(table: &Table) -> Self {
        let cells = table.len();
        let (mut counts, mut ids) = (vec![0_u8; cells], vec![NOBODY; cells * BACK]);
        for place in 0..table.size() {
            for point in 0..cells {
                let (own, keys, fresh) = table.row(point);
                let to = own[place] as usize;
                if own[place] == NOBODY || usize::from(counts[to]) == BACK {
                    continue;
                }
                #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 2^31 cells")]
                let point = point as u32;
                let (theirs, their_keys, _) = table.row(to);
                let listed = their_keys.last().is_some_and(|worst| keys[place] <= *worst) && theirs.contains(&point);
                if !listed {
                    ids[to * BACK + usize::from(counts[to])] = if fresh[place] { point | FRESH } else { point };
                    counts[to] += 1;
                }
            }
        }
        Self { counts, ids }
    }

    fn of(&self, point: usize) -> &[u32] {
        &self.ids[point * BACK..][..usize::from(self.counts[point])]
    }
}

/// A small set of ids.
struct Seen {
    places: Vec<u32>,
}

impl Seen {
    fn new(most: usize) -> Self {
        Self { places: vec![NOBODY; (2 * most).next_power_of_two()] }
    }

    fn clear(&mut self) {
        self.places.fill(NOBODY);
    }

    /// Whether the id is new.
    fn insert(&mut self, id: u32) -> bool {
        let mask = self.places.len() - 1;
        let mut place = (id.wrapping_mul(0x9E37_79B1) >> 7) as usize & mask;
        loop {
            let entry = &mut self.places[place];
            if *entry == id {
                return false;
            }
            if *entry == NOBODY {
                *entry = id;
                return true;
            }
            place = (place + 1) & mask;
        }
    }
}
