//! The innermost loops, and products of matrices.
#![expect(
    clippy::inline_always,
    reason = "the innermost loops: calls within them would keep them from being vectorized"
)]

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Numbers that are added up side by side.
const LANES: usize = 8;

/// Runs a loop compiled for the widest instructions that this processor has. Results do not depend on it.
pub(super) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// A matrix, row by row, of so many columns.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a>(pub(super) &'a [f64], pub(super) usize);

impl<'a> Rows<'a> {
    fn matrix(self) -> MatRef<'a, f64> {
        MatRef::from_row_major_slice(self.0, self.0.len() / self.1.max(1), self.1)
    }
}

/// Adds `factor` times `left right` to `out`.
pub(super) fn add_product(out: &mut [f64], factor: f64, left: Rows, right: Rows) {
    let out = MatMut::from_row_major_slice_mut(out, left.0.len() / left.1.max(1), right.1);
    matmul(out, Accum::Add, left.matrix(), right.matrix(), factor, Par::Seq);
}

/// Adds `leftᵀ right` to `out`.
pub(super) fn add_inner_product(out: &mut [f64], left: Rows, right: Rows) {
    let out = MatMut::from_row_major_slice_mut(out, left.1, right.1);
    matmul(out, Accum::Add, left.matrix().transpose(), right.matrix(), 1.0, Par::Seq);
}

/// Puts `left rightᵀ` into `out`.
pub(super) fn outer_product(out: &mut [f64], left: Rows, right: Rows) {
    let (rows, columns) = (left.0.len() / left.1.max(1), right.0.len() / right.1.max(1));
    let out = MatMut::from_row_major_slice_mut(out, rows, columns);
    matmul(out, Accum::Replace, left.matrix(), right.matrix().transpose(), 1.0, Par::Seq);
}

#[inline(always)]
fn total(lanes: [f64; LANES]) -> f64 {
    let half = [lanes[0] + lanes[4], lanes[1] + lanes[5], lanes[2] + lanes[6], lanes[3] + lanes[7]];
    (half[0] + half[2]) + (half[1] + half[3])
}

/// The squared distance of two points.
#[inline(always)]
pub(super) fn squared_distance(left: &[f64], right: &[f64]) -> f64 {
    let (mut sums, size) = ([0.0; LANES], left.len().min(right.len()));
    let (left, right) = (&left[..size], &right[..size]);
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += (left[lane] - right[lane]) * (left[lane] - right[lane]);
        }
    }
    let rest = left_rest.iter().zip(right_rest).map(|(left, right)| (left - right) * (left - right));
    total(sums) + rest.sum::<f64>()
}

/// Makes a vector one of length one; zeros stay.
#[inline(always)]
pub(super) fn normalise(vector: &mut [f64]) {
    let (mut sums, (chunks, rest)) = ([0.0; LANES], vector.as_chunks::<LANES>());
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += chunk[lane] * chunk[lane];
        }
    }
    let length = (total(sums) + rest.iter().map(|x| x * x).sum::<f64>()).sqrt();
    if length > 0.0 {
        for x in vector.iter_mut() {
            *x /= length;
        }
    }
}

/// How near a cell is to each cluster, from its cosines with their centres: `exp((cosine - largest) * scale)`. Gives the
/// largest cosine and the sum of the result.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "what is stored is of single precision")]
pub(super) fn nearness(cosines: &[f64], scale: f64, out: &mut [f32]) -> (f64, f64) {
    let largest = cosines.iter().copied().fold(f64::NEG_INFINITY, |most, x| if x > most { x } else { most });
    for (out, cosine) in out.iter_mut().zip(cosines) {
        *out = exp(((cosine - largest) * scale) as f32);
    }
    let (mut sums, (chunks, rest)) = ([0.0; LANES], out.as_chunks::<LANES>());
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += f64::from(chunk[lane]);
        }
    }
    (largest, total(sums) + rest.iter().map(|x| f64::from(*x)).sum::<f64>())
}

/// `e^x` for `x` of at most zero, to the last bits of single precision; below -87 it is what it is at -87.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = if x > -87.0 { x } else { -87.0 };
    // x = whole ln 2 + rest: adding 1.5 * 2^23 rounds to a whole number in the low bits. ln 2 comes in two parts, of
    // which the first has few digits, so that its multiples are exact.
    let shifted = x * std::f32::consts::LOG2_E + 12_582_912.0;
    let whole = shifted - 12_582_912.0;
    let rest = (x - whole * 0.693_359_4) + whole * 2.121_944_4e-4;
    let series = 1.0 / 24.0 + rest * (1.0 / 120.0 + rest * (1.0 / 720.0 + rest / 5040.0));
    let series = 1.0 + rest * (1.0 + rest * (0.5 + rest * (1.0 / 6.0 + rest * series)));
    f32::from_bits(series.to_bits().wrapping_add(shifted.to_bits().wrapping_sub(0x4b40_0000) << 23))
}

/// Adds to `sums` what belongs to each cluster of a cell.
#[inline(always)]
pub(super) fn add_shares(near: &[f32], even: &[f64], scale: f64, sums: &mut [f64]) {
    for ((sum, near), even) in sums.iter_mut().zip(near).zip(even) {
        *sum += f64::from(*near) * even * scale;
    }
}

/// What belongs to each cluster of a cell.
#[inline(always)]
pub(super) fn shares(near: &[f32], even: &[f64], scale: f64, out: &mut [f64]) {
    for ((out, near), even) in out.iter_mut().zip(near).zip(even) {
        *out = f64::from(*near) * even * scale;
    }
}

/// The sum of `near * even`.
#[inline(always)]
pub(super) fn weight(near: &[f32], even: &[f64]) -> f64 {
    let (mut sums, size) = ([0.0; LANES], near.len().min(even.len()));
    let (near, near_rest) = near[..size].as_chunks::<LANES>();
    let (even, even_rest) = even[..size].as_chunks::<LANES>();
    for (near, even) in near.iter().zip(even) {
        for lane in 0..LANES {
            sums[lane] += f64::from(near[lane]) * even[lane];
        }
    }
    total(sums) + near_rest.iter().zip(even_rest).map(|(near, even)| f64::from(*near) * even).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_right_to_the_last_bits() {
        for i in 0..=8700_i16 {
            let x = -f32::from(i) / 100.0;
            let expected = f64::from(x).exp();
            assert!((f64::from(exp(x)) - expected).abs() <= 2.5e-7 * expected, "{x}");
        }
        assert!(exp(-1e30) > 0.0 && exp(f32::NEG_INFINITY) < 1e-37);
        assert!((exp(0.0) - 1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn loops_are_those_of_the_plain_formulas() {
        for size in [1, 7, 8, 21] {
            let left: Vec<f64> = (0..size).map(|i| f64::from(i) - 3.0).collect();
            let right: Vec<f64> = (0..size).map(|i| f64::from(i * i % 5)).collect();
            let plain: f64 = left.iter().zip(&right).map(|(a, b)| (a - b).powi(2)).sum();
            assert!((squared_distance(&left, &right) - plain).abs() < 1e-9);
            let mut near = vec![0.0; left.len()];
            let (largest, sum) = nearness(&left, 0.5, &mut near);
            assert!((largest - left[left.len() - 1]).abs() < 1e-12);
            assert!((sum - left.iter().map(|x| ((x - largest) / 2.0).exp()).sum::<f64>()).abs() < 1e-5);
            let weighed = weight(&near, &right);
            let mut sums = vec![0.0; left.len()];
            add_shares(&near, &right, 2.0, &mut sums);
            assert!((sums.iter().sum::<f64>() - 2.0 * weighed).abs() < 1e-9);
            let mut unit = right.clone();
            normalise(&mut unit);
            assert!(size == 1 || (unit.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12);
        }
        let mut zeros = [0.0; 3];
        normalise(&mut zeros);
        assert_eq!(zeros.map(f64::to_bits), [0; 3]);
    }
}
