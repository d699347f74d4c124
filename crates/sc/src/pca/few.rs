//! A few of the eigenvectors of a tridiagonal matrix: eigenvalues by bisection, vectors by inverse iteration.
//!
//! The work grows with the number of vectors, where methods that find all of them at once cost as much as products of whole
//! matrices. Every vector is made orthogonal to those before it in each step, so that eigenvalues may lie as close as they like.

use super::lanes::{add_scaled, dot};

/// Steps of inverse iteration at most; two or three are usual.
const STEPS: usize = 8;
/// What a vector may leave over, as a share of the largest eigenvalue.
const LEFT: f64 = 1e-13;

/// The largest eigenvalues, decreasing, and their vectors, one after the other; `None` if one of the vectors does not come out
/// as exact as it should. The matrix has a largest entry of about one.
pub(super) fn largest(diagonal: &[f64], beside: &[f64], count: usize) -> Option<(Vec<f64>, Vec<Vec<f64>>)> {
    let size = diagonal.len();
    let radius = |i: usize| {
        let before = if i > 0 { beside[i - 1].abs() } else { 0.0 };
        before + beside.get(i).map_or(0.0, |value| value.abs())
    };
    let low = (0..size).map(|i| diagonal[i] - radius(i)).fold(f64::INFINITY, f64::min);
    let high = (0..size).map(|i| diagonal[i] + radius(i)).fold(f64::NEG_INFINITY, f64::max);
    let scale = low.abs().max(high.abs());
    if !scale.is_finite() {
        return None;
    }
    let scale = scale.max(f64::MIN_POSITIVE);
    let squares: Vec<f64> = beside.iter().map(|value| value * value).collect();
    let (mut values, mut vectors) = (Vec::with_capacity(count), Vec::<Vec<f64>>::with_capacity(count));
    let mut upper = high + scale * f64::EPSILON * 4.0;
    for i in 0..count {
        let lower = low - scale * f64::EPSILON * 4.0;
        // Where exactly so many eigenvalues are not smaller.
        let (mut from, mut to) = (lower, upper);
        while to - from > f64::EPSILON * (from.abs().max(to.abs()) + scale * f64::EPSILON) {
            let middle = f64::midpoint(from, to);
            if middle <= from || middle >= to {
                break;
            }
            if above(diagonal, &squares, middle) > i { from = middle } else { to = middle }
        }
        // The next one is not larger.
        upper = to;
        values.push(f64::midpoint(from, to));
    }
    for &value in &values {
        let vector = vector(diagonal, beside, value, scale, &vectors)?;
        vectors.push(vector);
    }
    Some((values, vectors))
}

/// How many eigenvalues are not below a number: as many as there are pivots that are not negative.
fn above(diagonal: &[f64], squares: &[f64], number: f64) -> usize {
    let (mut count, mut pivot) = (0, 1.0_f64);
    for (i, &value) in diagonal.iter().enumerate() {
        let before = if i > 0 { squares[i - 1] / pivot } else { 0.0 };
        pivot = value - number - before;
        if pivot.abs() < f64::MIN_POSITIVE {
            pivot = f64::MIN_POSITIVE;
        }
        count += usize::from(pivot > 0.0);
    }
    count
}

/// The vector of an eigenvalue, orthogonal to others.
fn vector(diagonal: &[f64], beside: &[f64], value: f64, scale: f64, others: &[Vec<f64>]) -> Option<Vec<f64>> {
    let factors = Factors::of(diagonal, beside, value, scale);
    let mut vector = start(diagonal.len(), others.len());
    let mut close = false;
    for _ in 0..STEPS {
        factors.solve(&mut vector);
        for _ in 0..2 {
            // Of what is long, little may be left.
            normalise(&mut vector)?;
            for other in others {
                let share = dot(other, &vector);
                add_scaled(&mut vector, -share, other);
            }
        }
        normalise(&mut vector)?;
        // Once more than is needed.
        let enough = close;
        close = residual(diagonal, beside, value, &vector) <= LEFT * scale;
        if enough && close {
            return Some(vector);
        }
    }
    None
}

fn normalise(vector: &mut [f64]) -> Option<()> {
    let most = vector.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    if most == 0.0 || !most.is_finite() {
        return None;
    }
    for value in vector.iter_mut() {
        *value /= most;
    }
    let length = dot(vector, vector).sqrt();
    for value in vector.iter_mut() {
        *value /= length;
    }
    Some(())
}

/// How long `(T - value) vector` is.
fn residual(diagonal: &[f64], beside: &[f64], value: f64, vector: &[f64]) -> f64 {
    let size = diagonal.len();
    let left = |i: usize| {
        let mut sum = (diagonal[i] - value) * vector[i];
        if i > 0 {
            sum += beside[i - 1] * vector[i - 1];
        }
        if i + 1 < size {
            sum += beside[i] * vector[i + 1];
        }
        sum * sum
    };
    (0..size).map(left).sum::<f64>().sqrt()
}

/// Numbers between -1 and 1 that depend on their place only.
fn start(size: usize, number: usize) -> Vec<f64> {
    let at = |row: usize| {
        let mut state = ((number * size + row) as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((state ^ (state >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..size).map(at).collect()
}

/// One row of a triangular matrix: the pivot and the two entries after it, and how it came about.
#[derive(Clone, Copy, Default)]
struct Pivot {
    own: f64,
    next: f64,
    second: f64,
    /// What of this row was subtracted from the next.
    share: f64,
    /// Whether the two were exchanged before.
    exchanged: bool,
}

/// `T - value` as a product of triangular matrices, with rows exchanged where the pivot would be smaller.
struct Factors(Vec<Pivot>);

impl Factors {
    fn of(diagonal: &[f64], beside: &[f64], value: f64, scale: f64) -> Self {
        let size = diagonal.len();
        let tiny = scale * f64::EPSILON;
        let mut out = Vec::with_capacity(size);
        let (mut own, mut next) = (diagonal[0] - value, beside.first().copied().unwrap_or(0.0));
        for i in 0..size {
            if i + 1 == size {
                let own = if own.abs() < tiny { tiny } else { own };
                out.push(Pivot { own, ..Pivot::default() });
                break;
            }
            let (below, right) = (diagonal[i + 1] - value, beside.get(i + 1).copied().unwrap_or(0.0));
            if own.abs() >= beside[i].abs() {
                let pivot = if own.abs() < tiny { tiny } else { own };
                let share = beside[i] / pivot;
                out.push(Pivot { own: pivot, next, second: 0.0, share, exchanged: false });
                (own, next) = (below - share * next, right);
            } else {
                let share = own / beside[i];
                out.push(Pivot { own: beside[i], next: below, second: right, share, exchanged: true });
                (own, next) = (next - share * below, -share * right);
            }
        }
        Self(out)
    }

    fn solve(&self, vector: &mut [f64]) {
        for (i, pivot) in self.0.iter().enumerate().take(vector.len() - 1) {
            if pivot.exchanged {
                vector.swap(i, i + 1);
            }
            vector[i + 1] -= pivot.share * vector[i];
        }
        for (i, pivot) in self.0.iter().enumerate().rev() {
            let after = |k: usize| vector.get(i + k).copied().unwrap_or(0.0);
            vector[i] = (vector[i] - pivot.next * after(1) - pivot.second * after(2)) / pivot.own;
        }
    }
}
