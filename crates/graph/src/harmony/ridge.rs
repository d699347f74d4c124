//! What batches do to cells of a cluster: a ridge regression of the embedding on the levels of all keys.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use rayon::prelude::*;

use super::batches::Batches;
use super::kernel::{Rows, add_inner_product};
use super::soft::{Effects, Soft};
use crate::{Error, Result};

/// Cells whose products are worked out at a time.
const PANEL: usize = 128;

/// How much is believed to be due to batches.
#[derive(Clone, Debug)]
pub(super) struct Ridge {
    /// The penalty of each level; `None`: `alpha` times what a cluster would have of it if it were evenly mixed.
    pub(super) lambda: Option<Vec<f64>>,
    pub(super) alpha: f64,
    /// Share of its cells up to which a level is not looked at in a cluster.
    pub(super) prune: f64,
}

/// Sums over the cells of each group, by what belongs of them to each cluster.
pub(super) struct Sums {
    /// Groups x clusters.
    masses: Vec<f64>,
    /// Groups x clusters x width: of the cells themselves.
    moments: Vec<f64>,
}

impl Sums {
    /// Looks at all cells, places x width.
    pub(super) fn of(soft: &Soft, batches: &Batches, cells: Rows) -> Self {
        let (clusters, width) = (soft.clusters, cells.1);
        let parts: Vec<(usize, Vec<f64>, Vec<f64>)> = batches
            .runs()
            .into_par_iter()
            .map(|(group, range)| {
                let (mut masses, mut moments) = (vec![0.0; clusters], vec![0.0; clusters * width]);
                let mut weights = vec![0.0; PANEL.min(range.len()) * clusters];
                for start in range.clone().step_by(PANEL) {
                    let places = start..range.end.min(start + PANEL);
                    let weights = &mut weights[..places.len() * clusters];
                    soft.shares(group, places.clone(), weights);
                    for weights in weights.chunks_exact(clusters) {
                        masses.iter_mut().zip(weights).for_each(|(mass, weight)| *mass += weight);
                    }
                    let cells = &cells.0[places.start * width..places.end * width];
                    add_inner_product(&mut moments, Rows(weights, clusters), Rows(cells, width));
                }
                (group, masses, moments)
            })
            .collect();
        let groups = batches.groups();
        let mut sums = Self { masses: vec![0.0; groups * clusters], moments: vec![0.0; groups * clusters * width] };
        for (group, masses, moments) in parts {
            let all = sums.masses[group * clusters..].iter_mut().zip(masses);
            all.for_each(|(all, mass)| *all += mass);
            let all = sums.moments[group * clusters * width..].iter_mut().zip(moments);
            all.for_each(|(all, moment)| *all += moment);
        }
        sums
    }
}

/// What was found of a cluster.
struct Found {
    /// Where it is without batches.
    centre: Vec<f64>,
    /// Levels, and what each adds to the cells.
    effects: Vec<(usize, Vec<f64>)>,
}

/// The effects of all levels in all clusters. Centres (clusters x width) become those without batches; they and the
/// effects of a cluster in which no key has two levels stay as they are, zero for the effects.
///
/// # Errors
/// `Argument` if penalties are so small that levels cannot be told apart.
pub(super) fn regress(
    sums: &Sums,
    batches: &Batches,
    ridge: &Ridge,
    centres: &mut [f64],
    width: usize,
) -> Result<Effects> {
    let clusters = centres.len() / width;
    let found: Vec<Option<Found>> = (0..clusters)
        .into_par_iter()
        .map(|cluster| of_cluster(sums, batches, ridge, cluster, clusters))
        .collect::<Result<_>>()?;
    let mut effects = Effects { values: vec![0.0; batches.levels() * clusters * width], size: clusters * width };
    for (cluster, found) in found.into_iter().enumerate() {
        let Some(found) = found else { continue };
        centres[cluster * width..(cluster + 1) * width].copy_from_slice(&found.centre);
        for (level, values) in found.effects {
            effects.values[(level * clusters + cluster) * width..][..width].copy_from_slice(&values);
        }
    }
    Ok(effects)
}

/// The levels that count in a cluster: those it has some of, of keys of which it has two at least.
fn kept(observed: &[f64], batches: &Batches, prune: f64) -> Vec<bool> {
    let cells = batches.cells() as f64;
    let sizes = batches.shares.iter().map(|share| share * cells);
    let there: Vec<bool> = observed.iter().zip(sizes).map(|(mass, size)| mass / size > prune).collect();
    let mut of_key = vec![0; batches.owner.last().map_or(0, |last| last + 1)];
    for (&key, _) in batches.owner.iter().zip(&there).filter(|(_, there)| **there) {
        of_key[key] += 1;
    }
    batches.owner.iter().zip(there).map(|(&key, there)| there && of_key[key] > 1).collect()
}

/// Least squares with penalties. The levels of the key that has most of them do not meet in a cell, so that they are
/// eliminated one by one; what is left is a system of the other keys and the intercept.
fn of_cluster(sums: &Sums, batches: &Batches, ridge: &Ridge, cluster: usize, clusters: usize) -> Result<Option<Found>> {
    let levels = batches.levels();
    let width = sums.moments.len() / sums.masses.len().max(1);
    let mass = |group: usize| sums.masses[group * clusters + cluster];
    let mut observed = vec![0.0; levels];
    for group in 0..batches.groups() {
        batches.levels_of(group).iter().for_each(|&level| observed[level as usize] += mass(group));
    }
    let total: f64 = (0..batches.groups()).map(mass).sum();
    let kept = kept(&observed, batches, ridge.prune);
    let Some(wide) = widest(batches, &kept) else { return Ok(None) };
    let penalty = |level: usize| match &ridge.lambda {
        Some(lambda) => lambda[level],
        None => ridge.alpha * total * batches.shares[level],
    };
    // Unknowns that are left: the intercept, and the levels of the other keys.
    let mut place = vec![0; levels];
    let mut left = 1;
    for level in (0..levels).filter(|&level| kept[level] && batches.owner[level] != wide) {
        place[level] = left;
        left += 1;
    }
    let mut matrix = Mat::<f64>::zeros(left, left);
    let mut right = Mat::<f64>::zeros(left, width);
    let mut eliminated: Vec<Eliminated> = Vec::new();
    let mut of_level = vec![usize::MAX; levels];
    for level in (0..levels).filter(|&level| kept[level] && batches.owner[level] == wide) {
        of_level[level] = eliminated.len();
        eliminated.push(Eliminated::new(level, penalty(level), left, width));
    }
    for level in (0..levels).filter(|&level| place[level] > 0) {
        matrix[(place[level], place[level])] += penalty(level);
    }
    let mut unknowns = Vec::new();
    for group in 0..batches.groups() {
        let here = batches.levels_of(group).iter().map(|&level| level as usize).filter(|&level| kept[level]);
        unknowns.clear();
        let mut own = None;
        for level in here {
            if batches.owner[level] == wide {
                own = Some(of_level[level]);
            } else {
                unknowns.push(place[level]);
            }
        }
        if own.is_none() && unknowns.is_empty() {
            continue;
        }
        unknowns.push(0);
        let moments = &sums.moments[(group * clusters + cluster) * width..][..width];
        for &i in &unknowns {
            for &j in &unknowns {
                matrix[(i, j)] += mass(group);
            }
            (0..width).for_each(|axis| right[(i, axis)] += moments[axis]);
        }
        if let Some(own) = own {
            eliminated[own].add(mass(group), &unknowns, moments);
        }
    }
    for own in &eliminated {
        own.eliminate(&mut matrix, &mut right);
    }
    let factor = matrix.llt(Side::Lower).map_err(|_| {
        Error::argument("batches cannot be told apart from each other").hint("give a larger --ridge-lambda or --alpha")
    })?;
    factor.solve_in_place(&mut right);
    let mut effects: Vec<(usize, Vec<f64>)> = eliminated.iter().map(|own| (own.level, own.solve(&right))).collect();
    let rows = |i: usize| (0..width).map(|axis| right[(i, axis)]).collect::<Vec<f64>>();
    effects.extend((0..levels).filter(|&level| place[level] > 0).map(|level| (level, rows(place[level]))));
    Ok(Some(Found { centre: rows(0), effects }))
}

/// The key with most levels that count.
fn widest(batches: &Batches, kept: &[bool]) -> Option<usize> {
    let mut counts = vec![0; batches.owner.last().map_or(0, |last| last + 1)];
    for (&key, _) in batches.owner.iter().zip(kept).filter(|(_, kept)| **kept) {
        counts[key] += 1;
    }
    let most = counts.iter().copied().max().filter(|&most| most > 0)?;
    counts.iter().position(|&count| count == most)
}

/// An unknown that meets no other of its kind.
struct Eliminated {
    level: usize,
    diagonal: f64,
    /// What it shares with each unknown that is left.
    shared: Vec<f64>,
    right: Vec<f64>,
}

impl Eliminated {
    fn new(level: usize, penalty: f64, left: usize, width: usize) -> Self {
        Self { level, diagonal: penalty, shared: vec![0.0; left], right: vec![0.0; width] }
    }

    fn add(&mut self, mass: f64, unknowns: &[usize], moments: &[f64]) {
        self.diagonal += mass;
        for &i in unknowns {
            self.shared[i] += mass;
        }
        self.right.iter_mut().zip(moments).for_each(|(sum, moment)| *sum += moment);
    }

    fn eliminate(&self, matrix: &mut Mat<f64>, right: &mut Mat<f64>) {
        let met: Vec<(usize, f64)> = self.shared.iter().copied().enumerate().filter(|(_, mass)| *mass != 0.0).collect();
        for &(i, mass) in &met {
            let factor = mass / self.diagonal;
            for &(j, other) in &met {
                matrix[(i, j)] -= factor * other;
            }
            self.right.iter().enumerate().for_each(|(axis, moment)| right[(i, axis)] -= factor * moment);
        }
    }

    fn solve(&self, solved: &Mat<f64>) -> Vec<f64> {
        let mut values = self.right.clone();
        for (i, mass) in self.shared.iter().enumerate().filter(|(_, mass)| **mass != 0.0) {
            values.iter_mut().enumerate().for_each(|(axis, value)| *value -= mass * solved[(i, axis)]);
        }
        for value in &mut values {
            *value /= self.diagonal;
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::super::draw::Draw;
    use super::*;

    /// The normal equations of all levels and the intercept, solved as they stand.
    fn plain(sums: &Sums, batches: &Batches, lambda: &[f64], width: usize) -> Mat<f64> {
        let size = batches.levels() + 1;
        let (mut matrix, mut right) = (Mat::<f64>::zeros(size, size), Mat::<f64>::zeros(size, width));
        for (level, lambda) in lambda.iter().enumerate() {
            matrix[(level + 1, level + 1)] = *lambda;
        }
        for (group, mass) in sums.masses.iter().enumerate() {
            let mut terms: Vec<usize> = batches.levels_of(group).iter().map(|level| *level as usize + 1).collect();
            terms.push(0);
            for &i in &terms {
                for &j in &terms {
                    matrix[(i, j)] += mass;
                }
                (0..width).for_each(|axis| right[(i, axis)] += sums.moments[group * width + axis]);
            }
        }
        matrix.partial_piv_lu().solve(&right)
    }

    #[test]
    fn levels_that_are_eliminated_come_out_as_in_the_whole_system() {
        let mut draw = Draw::of_turn(2, 2);
        for counts in [&[2][..], &[7], &[2, 5], &[5, 2], &[3, 4, 2]] {
            let keys: Vec<Vec<u32>> = counts
                .iter()
                .map(|&count| (0..90).map(|_| u32::try_from(draw.below(count)).unwrap()).collect())
                .collect();
            let (batches, width) = (Batches::new(90, &keys).unwrap(), 3);
            let masses: Vec<f64> = (0..batches.groups()).map(|_| draw.unit() + 0.1).collect();
            let moments = (0..batches.groups() * width).map(|_| draw.unit() - 0.5).collect();
            let sums = Sums { masses, moments };
            let lambda: Vec<f64> = (0..batches.levels()).map(|_| draw.unit() + 0.1).collect();
            let ridge = Ridge { lambda: Some(lambda.clone()), alpha: 1.0, prune: 0.0 };
            let mut centres = vec![0.0; width];
            let effects = regress(&sums, &batches, &ridge, &mut centres, width).unwrap();
            let expected = plain(&sums, &batches, &lambda, width);
            for axis in 0..width {
                assert!((centres[axis] - expected[(0, axis)]).abs() < 1e-9);
                for level in 0..batches.levels() {
                    assert!((effects.values[level * width + axis] - expected[(level + 1, axis)]).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn levels_that_are_hardly_there_or_alone_do_not_count() {
        let keys = [vec![0, 0, 1, 1, 2, 2], vec![0, 0, 0, 0, 1, 1]];
        let batches = Batches::new(6, &keys).unwrap();
        assert_eq!(kept(&[1.0, 1.0, 0.0, 2.0, 0.0], &batches, 1e-5), [true, true, false, false, false]);
        assert_eq!(kept(&[1.0, 0.0, 0.0, 1.0, 0.0], &batches, 1e-5), [false; 5]);
        assert_eq!(kept(&[1.0, 0.0, 0.5, 1.0, 0.5], &batches, 1e-5), [true, false, true, true, true]);
    }
}
