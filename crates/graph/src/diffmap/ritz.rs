//! Approximations of eigenpairs within a space.

use faer::Mat;

use super::order::by_magnitude;
use super::transitions::Transitions;
use super::vectors::{Basis, LANES, summed};
use crate::Result;
use crate::symmetric::eigen;

/// Replaces the vectors of a basis, but for the first, by the best approximations of eigenvectors in their span
/// (Rayleigh and Ritz), the largest magnitude first; there are a multiple of four. Gives their values, and how far the
/// first `wanted` are from being eigenvectors at most.
pub(super) fn ritz(transitions: &Transitions<'_>, basis: &mut Basis, wanted: usize) -> Result<(Vec<f64>, f64)> {
    let count = basis.len() - 1;
    let mut projected = Mat::zeros(count, count);
    for first in (0..count).step_by(LANES) {
        let image = transitions.product(&basis.block(first + 1));
        for (i, products) in basis.products(&image).iter().skip(1).enumerate() {
            for (lane, &product) in products.iter().enumerate() {
                projected[(i, first + lane)] = product;
            }
        }
    }
    let (values, vectors) = eigen(&projected)?;
    let order = by_magnitude(&values);
    basis.rotate(&Mat::from_fn(count, count, |i, j| vectors[(i, order[j])]), count);
    let values: Vec<f64> = order.iter().map(|&i| values[i]).collect();
    let mut largest = 0.0_f64;
    for first in (0..wanted).step_by(LANES) {
        let block = basis.block(first + 1);
        let mut rest = transitions.product(&block);
        for (rest, row) in rest.iter_mut().zip(&block) {
            for lane in 0..LANES {
                rest[lane] -= values[first + lane] * row[lane];
            }
        }
        let squares: [f64; LANES] = summed(&rest, |row| row.map(|value| value * value));
        largest = squares.iter().take(wanted - first).fold(largest, |largest, square| largest.max(square.sqrt()));
    }
    Ok((values, largest))
}
