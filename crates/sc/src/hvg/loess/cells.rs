//! The cells between which the curve is interpolated.

use std::collections::VecDeque;

use annstream_core::{Error, Result};

/// How often a cell may have been cut, in cloess.
const DEEPEST: usize = 18;

/// A range of points `first..end`, and the ends of its cell.
struct Cell {
    first: usize,
    end: usize,
    low: f64,
    high: f64,
    depth: usize,
}

/// The ends of all cells in order, for points in order: the k-d tree of cloess in one dimension. A cell with more than
/// `most` points is cut at its median point, or, if the next point is equal, at the nearest place where it is not.
///
/// # Errors
/// If there would be more cells than cloess has room for, as with a tiny span.
pub(super) fn ends(x: &[f64], most: usize) -> Result<Vec<f64>> {
    let (low, high) = (x[0], x[x.len() - 1]);
    let margin = 0.005 * (high - low).max(1e-10 * low.abs().max(high.abs()) + 1e-30);
    let (low, high) = (low - margin, high + margin);
    let room = x.len().max(200);
    let (mut cells, mut found) = (1, vec![low, high]);
    let mut waiting = VecDeque::from([Cell { first: 0, end: x.len(), low, high, depth: 0 }]);
    while let Some(cell) = waiting.pop_front() {
        if cell.end - cell.first <= most || cell.high - cell.low <= 0.0 {
            continue;
        }
        if room < cells + 2 || room < found.len() + 1 {
            return Err(too_small());
        }
        let last = middle(x, cell.first, cell.end - 1);
        let cut = x[last];
        if cut <= cell.low || cut >= cell.high {
            continue;
        }
        if cell.depth == DEEPEST {
            return Err(too_small());
        }
        cells += 2;
        found.push(cut);
        let depth = cell.depth + 1;
        waiting.push_back(Cell { first: cell.first, end: last + 1, low: cell.low, high: cut, depth });
        waiting.push_back(Cell { first: last + 1, end: cell.end, low: cut, high: cell.high, depth });
    }
    found.sort_by(f64::total_cmp);
    Ok(found)
}

/// The last point of the lower half of `first..=last`.
fn middle(x: &[f64], first: usize, last: usize) -> usize {
    // cloess counts from 1, which matters for the half that is rounded down.
    let middle = (first + last + 2) / 2 - 1;
    for distance in 0.. {
        // After the median, then before it: the first pair of neighbours that differ.
        if middle + distance >= last {
            break;
        }
        if x[middle + distance] < x[middle + distance + 1] {
            return middle + distance;
        }
        if distance == 0 {
            continue;
        }
        if middle < first + distance {
            break;
        }
        if x[middle - distance] < x[middle - distance + 1] {
            return middle - distance;
        }
    }
    middle
}

fn too_small() -> Error {
    Error::invalid("the curve would be cut into too many cells").hint("use a larger span")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_points_are_one_cell_with_a_margin() {
        assert_eq!(ends(&[0.0, 4.0, 10.0], 3).unwrap(), [-0.05, 10.05]);
    }

    #[test]
    fn cells_hold_no_more_points_than_asked() {
        let x: Vec<f64> = (0..1000).map(|i| f64::from(i).sqrt()).collect();
        let ends = ends(&x, 60).unwrap();
        for pair in ends.windows(2) {
            assert!(x.iter().filter(|x| pair[0] < **x && **x <= pair[1]).count() <= 60);
        }
    }

    #[test]
    fn equal_points_stay_together() {
        let mut x = vec![1.0; 50];
        x.extend((0..50).map(|i| 2.0 + f64::from(i)));
        let ends = ends(&x, 10).unwrap();
        assert!(ends.contains(&1.0));
    }

    #[test]
    fn the_middle_looks_after_the_median_first() {
        assert_eq!(middle(&[1.0, 2.0, 3.0, 4.0], 0, 3), 1);
        assert_eq!(middle(&[1.0, 2.0, 2.0, 4.0], 0, 3), 2);
        assert_eq!(middle(&[1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0], 0, 6), 1);
    }
}
