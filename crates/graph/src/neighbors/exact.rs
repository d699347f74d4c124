//! Nearest neighbours by comparing all pairs.

use super::knn::{Knn, Row};
use super::metric::Points;
use super::rows::Measure;
use super::scan::{QUERIES, Scan};
use crate::{Exec, Result};

/// What is listed beyond what is asked for, since products in single precision may swap neighbours.
const SLACK: usize = 16;

/// The nearest neighbours of all points. Products in single precision choose candidates, doubles decide; where the error
/// of a product could hide a neighbour, all differences of that point are looked at in doubles. So the result is exact;
/// of points at the same distance the first is taken.
pub(super) fn exact(points: &Points, neighbours: usize, exec: &Exec) -> Result<Knn> {
    let mut knn = Knn::with_capacity(points.rows.len(), neighbours);
    each_block(points, neighbours, |_, found| found, |found| knn.append(found), exec)?;
    Ok(knn)
}

/// The same for whoever does not keep the neighbours: `map` gets those of some consecutive points, of which it is told the
/// first, on any thread; `fold` gets what it returned, in order.
pub(super) fn each_block<T: Send>(
    points: &Points,
    neighbours: usize,
    map: impl Fn(usize, Knn) -> T + Sync,
    mut fold: impl FnMut(T),
    exec: &Exec,
) -> Result<()> {
    let cells = points.rows.len();
    let size = cells.min(neighbours + 1 + SLACK);
    let longest = (0..cells).map(|cell| points.rows.squared_length(cell)).fold(0.0, f32::max).sqrt();
    let in_flight = 2 * exec.threads() + 1;
    let _scans = exec.budget().charge(Scan::bytes(points.rows.width(), size) * in_flight as u64, "comparing cells")?;
    exec.progress().begin("nearest neighbours", cells as u64, "cells");
    exec.ordered(
        cells.div_ceil(QUERIES),
        in_flight,
        |block| {
            let queries = block * QUERIES..cells.min((block + 1) * QUERIES);
            let mut scan = Scan::new(points.measure, size);
            scan.begin(&points.rows, queries.clone());
            scan.look(&points.rows, 0..cells);
            let (first, count) = (queries.start, queries.len());
            let mut found = Knn::with_capacity(count, neighbours);
            let mut row = Row::default();
            for (i, cell) in queries.enumerate() {
                let (ids, _) = scan.lists.of(i);
                row.fill(points, cell, ids.iter().copied());
                let last = neighbours.checked_sub(1).and_then(|last| row.key(last)).unwrap_or(0.0);
                if size < cells && last > least_missed(points, cell, scan.lists.worst(i), longest) {
                    #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 cells")]
                    row.fill(points, cell, 0..cells as u32);
                }
                found.push(points, &row);
            }
            Ok((count, map(first, found)))
        },
        |_, (count, found)| {
            exec.progress().advance(count as u64);
            fold(found);
            Ok(())
        },
    )?;
    exec.progress().end();
    Ok(())
}

/// The least difference that something may have whose key was not below `worst`. A point with as many equals as are
/// listed has nothing nearer than zero.
fn least_missed(points: &Points, cell: usize, worst: f32, longest: f32) -> f64 {
    let steps = (2 * points.rows.width() + 8) as f64;
    let rounding = f64::from(f32::EPSILON) / 2.0 * steps;
    let worst = f64::from(worst);
    let least = match points.measure {
        Measure::Absolute => worst * (1.0 - rounding),
        Measure::Squared => {
            let own: f64 = points.rows.point(cell).iter().map(|&value| f64::from(value) * f64::from(value)).sum();
            let reach = own.sqrt() + f64::from(longest);
            worst + own - rounding * reach * reach
        }
    };
    least.max(0.0)
}
