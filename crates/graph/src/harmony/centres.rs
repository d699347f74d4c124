//! Where clusters begin: k-means of some of the cells.

use rayon::prelude::*;

use super::draw::Draw;
use super::kernel::{Rows, normalise, outer_product, squared_distance, vectorized};

/// Cells that are looked at for each cluster, at most; more do not make better centres.
const SAMPLE: usize = 256;
/// Cells of a task. Sums are added up task after task, so it changes results.
const TASK: usize = 1024;
/// Cells whose products are worked out at a time.
const PANEL: usize = 128;
/// Turns of k-means, at most.
const TURNS: usize = 25;

/// Bytes that [`centres`] holds.
pub(super) fn bytes(cells: usize, width: usize, clusters: usize) -> usize {
    let sampled = cells.min(SAMPLE * clusters);
    sampled * (width + 2) * 8 + (sampled.div_ceil(TASK) + 4) * clusters * (width + 1) * 8
}

/// The directions (clusters x `width`, of length one) of clusters of cells (cells x `width`): k-means of a sample of
/// 256 cells for each cluster, each taken as its direction, begun with cells that are far from each other (k-means++).
pub(super) fn centres(cells: &[f64], width: usize, clusters: usize, seed: u64) -> Vec<f64> {
    let mut draw = Draw::of_centres(seed);
    let mut sample = sampled(cells, width, SAMPLE * clusters, &mut draw);
    sample.par_chunks_mut(width * TASK).for_each(|rows| {
        vectorized(|| rows.chunks_exact_mut(width).for_each(normalise));
    });
    let mut centres = far_apart(&sample, width, clusters, &mut draw);
    let mut nearest = vec![u32::MAX; sample.len() / width];
    for _ in 0..TURNS {
        let (changed, sums) = turn(&sample, width, &centres, &mut nearest);
        if changed == 0 {
            break;
        }
        for (centre, sums) in centres.chunks_exact_mut(width).zip(sums.chunks_exact(width + 1)) {
            // A cluster without cells stays where it is.
            if sums[width] > 0.0 {
                centre.iter_mut().zip(sums).for_each(|(centre, sum)| *centre = sum / sums[width]);
            }
        }
    }
    centres.chunks_exact_mut(width).for_each(normalise);
    centres
}

/// One cell of each of `most` ranges of the same length; all, if there are not more.
fn sampled(cells: &[f64], width: usize, most: usize, draw: &mut Draw) -> Vec<f64> {
    let extent = cells.len() / width;
    if extent <= most {
        return cells.to_vec();
    }
    let end = |i: usize| extent / most * i + extent % most * i / most;
    let mut sample = Vec::with_capacity(most * width);
    for i in 0..most {
        let cell = end(i) + draw.below(end(i + 1) - end(i));
        sample.extend_from_slice(&cells[cell * width..(cell + 1) * width]);
    }
    sample
}

/// Cells of which each was drawn with a chance that grows with the square of its distance from those before it.
fn far_apart(sample: &[f64], width: usize, clusters: usize, draw: &mut Draw) -> Vec<f64> {
    let count = sample.len() / width;
    let row = |cell: usize| &sample[cell * width..(cell + 1) * width];
    let mut distances = vec![f64::INFINITY; count];
    let mut centres = row(draw.below(count)).to_vec();
    while centres.len() < clusters * width {
        let last = &centres[centres.len() - width..];
        let tasks = distances.par_chunks_mut(TASK).zip(sample.par_chunks(TASK * width));
        let sums: Vec<f64> = tasks
            .map(|(distances, rows)| {
                vectorized(|| {
                    let mut sum = 0.0;
                    for (distance, row) in distances.iter_mut().zip(rows.chunks_exact(width)) {
                        *distance = distance.min(squared_distance(row, last));
                        sum += *distance;
                    }
                    sum
                })
            })
            .collect();
        let next = drawn(&sums, &distances, draw).unwrap_or_else(|| draw.below(count));
        centres.extend_from_slice(row(next));
    }
    centres
}

/// A place drawn by weights, of which `sums` are those of each task; `None` if all are zero.
fn drawn(sums: &[f64], weights: &[f64], draw: &mut Draw) -> Option<usize> {
    let mut left = draw.unit() * sums.iter().sum::<f64>();
    let mut place = None;
    for (task, sum) in sums.iter().enumerate().filter(|(_, sum)| **sum > 0.0) {
        if left >= *sum {
            left -= sum;
        } else {
            for (i, weight) in weights.iter().enumerate().skip(task * TASK).take(TASK) {
                if *weight > 0.0 {
                    place = Some(i);
                    if left < *weight {
                        break;
                    }
                    left -= weight;
                }
            }
            break;
        }
    }
    // Rounding may leave a little at the end.
    place.or_else(|| weights.iter().rposition(|weight| *weight > 0.0))
}

/// Finds the nearest centre of each cell; how many changed, and the sums and counts of the cells of each centre.
fn turn(sample: &[f64], width: usize, centres: &[f64], nearest: &mut [u32]) -> (usize, Vec<f64>) {
    let clusters = centres.len() / width;
    let halves: Vec<f64> =
        centres.chunks_exact(width).map(|row| row.iter().map(|x| x * x).sum::<f64>() / 2.0).collect();
    let tasks = nearest.par_chunks_mut(TASK).zip(sample.par_chunks(TASK * width));
    let parts: Vec<(usize, Vec<f64>)> = tasks
        .map(|(nearest, rows)| {
            let mut products = vec![0.0; PANEL.min(nearest.len()) * clusters];
            let (mut changed, mut sums) = (0, vec![0.0; clusters * (width + 1)]);
            for (nearest, rows) in nearest.chunks_mut(PANEL).zip(rows.chunks(PANEL * width)) {
                let products = &mut products[..nearest.len() * clusters];
                outer_product(products, Rows(rows, width), Rows(centres, width));
                let rows = rows.chunks_exact(width).zip(products.chunks_exact(clusters));
                for (nearest, (row, products)) in nearest.iter_mut().zip(rows) {
                    let best = best(products, &halves);
                    changed += usize::from(*nearest != best);
                    *nearest = best;
                    let sums = &mut sums[best as usize * (width + 1)..][..=width];
                    sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
                    sums[width] += 1.0;
                }
            }
            (changed, sums)
        })
        .collect();
    let mut all = (0, vec![0.0; clusters * (width + 1)]);
    for (changed, sums) in parts {
        all.0 += changed;
        all.1.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
    }
    all
}

/// The cluster of the largest product less half the square of its centre.
fn best(products: &[f64], halves: &[f64]) -> u32 {
    let (mut best, mut most) = (0, f64::NEG_INFINITY);
    for (cluster, (product, half)) in (0..).zip(products.iter().zip(halves)) {
        let value = product - half;
        if value > most {
            (best, most) = (cluster, value);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cells around as many directions of so many axes.
    fn around(count: usize, clusters: usize, width: usize) -> Vec<f64> {
        let mut draw = Draw::of_turn(5, 5);
        (0..count)
            .flat_map(|cell| (0..width).map(move |axis| (cell, axis)))
            .map(|(cell, axis)| f64::from(u8::from(cell % clusters == axis)) * 9.0 + draw.unit() - 0.5)
            .collect()
    }

    #[test]
    fn clusters_are_found() {
        for (count, clusters) in [(5000, 6), (60, 6), (6, 6), (900, 1)] {
            let found = centres(&around(count, clusters, 7), 7, clusters, 0);
            let mut axes: Vec<usize> =
                found.chunks_exact(7).map(|row| row.iter().position(|x| *x > 0.9).unwrap_or(99)).collect();
            axes.sort_unstable();
            assert_eq!(axes, (0..clusters).collect::<Vec<_>>());
        }
    }

    #[test]
    fn cells_at_one_place_and_zeros_do_no_harm() {
        assert_eq!(centres(&[2.0, 0.0, 2.0, 0.0, 2.0, 0.0], 2, 3, 1), [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
        assert!(centres(&[0.0; 6], 2, 2, 1).iter().all(|x| *x == 0.0));
    }

    #[test]
    fn places_are_drawn_by_weight() {
        let (weights, mut draw, mut seen) = ([0.0, 1.0, 0.0, 3.0], Draw::of_centres(0), [0; 4]);
        for _ in 0..4000 {
            seen[drawn(&[4.0], &weights, &mut draw).unwrap()] += 1;
        }
        assert!(seen[0] + seen[2] == 0 && (850..1150).contains(&seen[1]), "{seen:?}");
        assert_eq!(drawn(&[0.0], &[0.0; 4], &mut draw), None);
    }
}
