//! Innermost loops over vectors of doubles. Sums are taken in a fixed number of lanes, whatever the processor has.
#![expect(
    clippy::inline_always,
    reason = "the innermost loops: calls within them would keep them from being vectorized"
)]

/// Numbers that are added up side by side.
const LANES: usize = 8;
/// The same where four columns are looked at.
const FEW: usize = 4;

/// The sum of the products of two vectors of one length.
#[inline(always)]
pub(super) fn dot(left: &[f64], right: &[f64]) -> f64 {
    let (mut sums, (left, left_rest), (right, right_rest)) =
        ([0.0; LANES], left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    let half = [sums[0] + sums[4], sums[1] + sums[5], sums[2] + sums[6], sums[3] + sums[7]];
    (half[0] + half[2]) + (half[1] + half[3]) + rest
}

/// Adds a multiple of a vector to another.
#[inline(always)]
pub(super) fn add_scaled(out: &mut [f64], factor: f64, vector: &[f64]) {
    out.iter_mut().zip(vector).for_each(|(out, value)| *out += factor * value);
}

/// Adds the product of some columns of a symmetric matrix with a vector, as far as these columns and their mirror images are
/// concerned: at most four columns, given from the diagonal of the first on. Reads each entry once for both.
#[inline(always)]
pub(super) fn add_symmetric<'a>(columns: impl Iterator<Item = &'a [f64]>, vector: &[f64], out: &mut [f64]) {
    let mut four = [&[][..]; FEW];
    let mut count = 0;
    for (place, column) in four.iter_mut().zip(columns) {
        *place = column;
        count += 1;
    }
    for (own, column) in four[..count].iter().enumerate() {
        out[own] += column[own] * vector[own];
        for row in own + 1..count {
            out[row] += column[row] * vector[own];
            out[own] += column[row] * vector[row];
        }
    }
    if count < FEW || vector.len() == FEW {
        return;
    }
    let factors = [vector[0], vector[1], vector[2], vector[3]];
    let [(a, a_rest), (b, b_rest), (c, c_rest), (d, d_rest)] = four.map(|column| column[FEW..].as_chunks::<FEW>());
    let (values, values_rest) = vector[FEW..].as_chunks::<FEW>();
    let (own, below) = out.split_at_mut(FEW);
    let (below, below_rest) = below.as_chunks_mut::<FEW>();
    let mut sums = [[0.0; FEW]; FEW];
    for (((((out, x), a), b), c), d) in below.iter_mut().zip(values).zip(a).zip(b).zip(c).zip(d) {
        for lane in 0..FEW {
            let near = a[lane] * factors[0] + b[lane] * factors[1];
            out[lane] += near + (c[lane] * factors[2] + d[lane] * factors[3]);
            sums[0][lane] += a[lane] * x[lane];
            sums[1][lane] += b[lane] * x[lane];
            sums[2][lane] += c[lane] * x[lane];
            sums[3][lane] += d[lane] * x[lane];
        }
    }
    let rest = [a_rest, b_rest, c_rest, d_rest];
    for (row, (out, x)) in below_rest.iter_mut().zip(values_rest).enumerate() {
        for i in 0..FEW {
            *out += rest[i][row] * factors[i];
            sums[i][row] += rest[i][row] * x;
        }
    }
    for (own, sums) in own.iter_mut().zip(sums) {
        *own += (sums[0] + sums[2]) + (sums[1] + sums[3]);
    }
}
