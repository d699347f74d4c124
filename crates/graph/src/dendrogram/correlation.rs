//! Correlations of rows.

use std::str::FromStr;

use annstream_core::Exec;
use rayon::prelude::*;

use crate::{Error, Result};

/// Whether values are equal: zeros of both signs are.
#[expect(clippy::float_cmp, reason = "ties are exact")]
fn alike(a: f64, b: f64) -> bool {
    a == b
}

/// How alike two rows are, from -1 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Correlation {
    /// Of the values.
    #[default]
    Pearson,
    /// Of the ranks; of equal values the mean rank.
    Spearman,
    /// Pairs in the same order less pairs in the other one (tau b).
    Kendall,
}

impl Correlation {
    /// What pandas calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pearson => "pearson",
            Self::Spearman => "spearman",
            Self::Kendall => "kendall",
        }
    }
}

impl FromStr for Correlation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Pearson, Self::Spearman, Self::Kendall].into_iter().find(|method| method.name() == text).ok_or_else(
            || Error::argument(format!("'{text}' is not a correlation; expected pearson, spearman or kendall")),
        )
    }
}

/// Correlations of all pairs of rows of a matrix (row-major), rows x rows: `DataFrame.corr` of pandas of its transpose,
/// to the bit, cut at -1 and 1. Only columns where both values are finite count. Rows that do not vary have none: NaN.
///
/// # Errors
/// If the user stops it.
pub fn correlations(values: &[f64], width: usize, method: Correlation, exec: &Exec) -> Result<Vec<f64>> {
    let rows: Vec<&[f64]> = values.chunks_exact(width.max(1)).collect();
    let count = rows.len();
    let finite: Vec<bool> = rows.iter().map(|row| row.iter().all(|value| value.is_finite())).collect();
    let lower: Result<Vec<Vec<f64>>> = exec.pool().install(|| {
        (0..count)
            .into_par_iter()
            .map(|i| {
                exec.check()?;
                Ok((0..=i).map(|j| pair(rows[i], rows[j], finite[i] && finite[j], i == j, method)).collect())
            })
            .collect()
    });
    let mut all = vec![0.0; count * count];
    for (i, row) in lower?.into_iter().enumerate() {
        for (j, value) in row.into_iter().enumerate() {
            all[i * count + j] = value;
            all[j * count + i] = value;
        }
    }
    Ok(all)
}

/// Of the later row and the earlier one.
fn pair(later: &[f64], earlier: &[f64], finite: bool, same: bool, method: Correlation) -> f64 {
    let kept: (Vec<f64>, Vec<f64>);
    let (x, y) = if finite {
        (later, earlier)
    } else {
        kept = later.iter().zip(earlier).filter(|(x, y)| x.is_finite() && y.is_finite()).unzip();
        (kept.0.as_slice(), kept.1.as_slice())
    };
    if x.is_empty() {
        return f64::NAN;
    }
    let found = match method {
        Correlation::Pearson => pearson(x, y),
        Correlation::Spearman => spearman(x, y),
        Correlation::Kendall if same => 1.0,
        Correlation::Kendall => kendall(y, x),
    };
    // NaN stays.
    found.clamp(-1.0, 1.0)
}

/// By running means (Welford), in the order of operations of pandas.
fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let (mut mean_x, mut mean_y, mut squares_x, mut squares_y, mut products) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (count, (x, y)) in (1_u64..).zip(x.iter().zip(y)) {
        let (from_x, from_y) = (x - mean_x, y - mean_y);
        mean_x += 1.0 / count as f64 * from_x;
        mean_y += 1.0 / count as f64 * from_y;
        squares_x += (x - mean_x) * from_x;
        squares_y += (y - mean_y) * from_y;
        products += (x - mean_x) * from_y;
    }
    let divisor = (squares_x * squares_y).sqrt();
    if divisor == 0.0 { f64::NAN } else { products / divisor }
}

fn spearman(x: &[f64], y: &[f64]) -> f64 {
    let mean = f64::midpoint(x.len() as f64, 1.0);
    let (mut squares_x, mut squares_y, mut products) = (0.0, 0.0, 0.0);
    for (x, y) in ranks(x).into_iter().zip(ranks(y)) {
        let (x, y) = (x - mean, y - mean);
        products += x * y;
        squares_x += x * x;
        squares_y += y * y;
    }
    let divisor = (squares_x * squares_y).sqrt();
    if divisor == 0.0 { f64::NAN } else { products / divisor }
}

/// Ranks from 1; equal values have their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let order = sorted(values);
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for equal in order.chunk_by(|&a, &b| alike(values[a], values[b])) {
        let rank = (2 * start + equal.len() + 1) as f64 / 2.0;
        for &i in equal {
            ranks[i] = rank;
        }
        start += equal.len();
    }
    ranks
}

fn sorted(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    // Zeros of both signs are equal.
    order.sort_by(|&a, &b| values[a].partial_cmp(&values[b]).unwrap_or(std::cmp::Ordering::Equal));
    order
}

/// Tau b, from counts of pairs: exact but for the last divisions.
fn kendall(x: &[f64], y: &[f64]) -> f64 {
    let pairs = |count: usize| (count as u64) * (count as u64).saturating_sub(1) / 2;
    let mut order = sorted(x);
    let total = pairs(x.len());
    // Of equal x, those with the least y come first, so that they are no pairs in the wrong order.
    let by_y = |&a: &usize, &b: &usize| y[a].partial_cmp(&y[b]).unwrap_or(std::cmp::Ordering::Equal);
    let (mut ties_x, mut ties_both) = (0, 0);
    for equal in order.chunk_by_mut(|&a, &b| alike(x[a], x[b])) {
        ties_x += pairs(equal.len());
        equal.sort_by(by_y);
        ties_both += equal.chunk_by(|&a, &b| alike(y[a], y[b])).map(|same| pairs(same.len())).sum::<u64>();
    }
    let ties_y = sorted(y).chunk_by(|&a, &b| alike(y[a], y[b])).map(|same| pairs(same.len())).sum::<u64>();
    if ties_x == total || ties_y == total {
        return f64::NAN;
    }
    let wrong = inversions(order.into_iter().map(|i| y[i]).collect());
    let signed = |count: u64| count as i64;
    let balance = signed(total) - signed(ties_x) - signed(ties_y) + signed(ties_both) - 2 * signed(wrong);
    balance as f64 / ((total - ties_x) as f64).sqrt() / ((total - ties_y) as f64).sqrt()
}

/// Pairs of which the first is larger, by merging.
fn inversions(mut values: Vec<f64>) -> u64 {
    let mut other = values.clone();
    let (mut width, mut count) = (1, 0);
    while width < values.len() {
        for (part, out) in values.chunks(2 * width).zip(other.chunks_mut(2 * width)) {
            let (left, right) = part.split_at(width.min(part.len()));
            let (mut i, mut j) = (0, 0);
            for out in out {
                if j == right.len() || (i < left.len() && left[i] <= right[j]) {
                    *out = left[i];
                    i += 1;
                } else {
                    *out = right[j];
                    j += 1;
                    count += (left.len() - i) as u64;
                }
            }
        }
        std::mem::swap(&mut values, &mut other);
        width *= 2;
    }
    count
}

#[cfg(test)]
mod tests {
    use annstream_core::Budget;

    use super::*;

    fn of(rows: &[&[f64]], method: Correlation) -> Vec<f64> {
        let exec = Exec::new(2, Budget::unlimited()).unwrap();
        correlations(&rows.concat(), rows[0].len(), method, &exec).unwrap()
    }

    #[test]
    fn correlations_of_a_few_values() {
        let rows: [&[f64]; 3] = [&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0], &[1.0, 1.0, 5.0, 5.0]];
        let all = of(&rows, Correlation::Pearson);
        assert!((all[1] - 0.6).abs() < 1e-15 && alike(all[0], 1.0) && alike(all[4], 1.0) && alike(all[1], all[3]));
        assert!((of(&rows, Correlation::Spearman)[1] - 0.6).abs() < 1e-15);
        let all = of(&rows, Correlation::Kendall);
        assert!((all[1] - 1.0 / 3.0).abs() < 1e-15, "{all:?}");
        assert!((all[2] - 4.0 / 24.0_f64.sqrt()).abs() < 1e-15 && alike(all[8], 1.0));
    }

    #[test]
    fn pairs_are_counted_as_by_a_loop() {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % 7
        };
        for length in [0, 1, 2, 3, 17, 64, 101] {
            let x: Vec<f64> = (0..length).map(|_| next() as f64).collect();
            let y: Vec<f64> = (0..length).map(|_| next() as f64).collect();
            let naive = (0..length).flat_map(|i| (i + 1..length).map(move |j| (i, j))).filter(|&(i, j)| y[i] > y[j]);
            assert_eq!(inversions(y.clone()), naive.count() as u64);
            let (mut same, mut in_x, mut in_y) = (0.0, 0.0, 0.0);
            for i in 0..length {
                for j in 0..i {
                    let sign =
                        |values: &[f64]| f64::from(i8::from(values[i] > values[j]) - i8::from(values[i] < values[j]));
                    same += sign(&x) * sign(&y);
                    in_x += sign(&x).abs();
                    in_y += sign(&y).abs();
                }
            }
            let (ours, expected) = (kendall(&x, &y), same / (in_x * in_y).sqrt());
            assert!((ours - expected).abs() < 1e-12 || (ours.is_nan() && expected.is_nan()), "{ours} {expected}");
        }
    }

    #[test]
    fn what_is_not_finite_is_left_out() {
        let rows: [&[f64]; 3] = [&[1.0, f64::NAN, 3.0, 4.0], &[2.0, 1.0, 2.5, 3.0], &[f64::INFINITY, 2.0, 2.0, 2.0]];
        for method in [Correlation::Pearson, Correlation::Spearman, Correlation::Kendall] {
            let all = of(&rows, method);
            let some = of(&[&[1.0, 3.0, 4.0], &[2.0, 2.5, 3.0]], method);
            assert!(alike(all[1], some[1]));
            assert!(all[2].is_nan(), "{all:?}");
        }
        assert!(of(&[&[1.0], &[2.0]], Correlation::Pearson).iter().all(|value| value.is_nan()));
        assert!(of(&[&[f64::NAN, 1.0], &[1.0, f64::NAN]], Correlation::Kendall)[1].is_nan());
    }
}
