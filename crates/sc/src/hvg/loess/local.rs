//! A parabola through the points near a place.

use annstream_core::{Error, Result};

/// Value and slope of the local fit at the place itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vertex {
    pub(super) value: f64,
    pub(super) slope: f64,
}

/// The weighted least squares fit of a parabola to the `near` points next to `place`, with tricube weights; points are
/// in order.
///
/// # Errors
/// If the points do not determine a parabola. cloess would go on with a pseudoinverse; skmisc raises.
pub(super) fn fit(x: &[f64], y: &[f64], place: f64, near: usize, span: f64) -> Result<Vertex> {
    let refuse = |message: &str| {
        let message = format!("the curve is not determined at a log10 mean of {place:.4}: {message}");
        Err(Error::invalid(message).hint("use a larger span, or leave out genes that few cells have"))
    };
    let square = |i: usize| (x[i] - place) * (x[i] - place);
    let mut first = 0;
    while first + near < x.len() && square(first + near) < square(first) {
        first += 1;
    }
    let radius = square(first).max(square(first + near - 1)) * span.max(1.0);
    if radius <= 0.0 {
        return refuse("all points nearby have this mean");
    }
    // Rows with a weight of zero add nothing to sums of squares.
    let mut columns: [Vec<f64>; 4] = Default::default();
    for i in first..first + near {
        let weight = (1.0 - (square(i) / radius).sqrt().powi(3)).powi(3).sqrt();
        let offset = x[i] - place;
        for (column, value) in columns.iter_mut().zip([1.0, offset, offset * offset, y[i]]) {
            column.push(weight * value);
        }
    }
    let norms: [f64; 3] = std::array::from_fn(|j| norm(&columns[j]));
    if norms[0] == 0.0 {
        return refuse("all points nearby are equally far away");
    }
    for (column, norm) in columns.iter_mut().zip(norms) {
        let scale = if norm > 0.0 { norm } else { 1.0 };
        for value in column {
            *value /= scale;
        }
    }
    triangularise(&mut columns);
    let r: [[f64; 3]; 3] = std::array::from_fn(|j| std::array::from_fn(|i| if i <= j { columns[j][i] } else { 0.0 }));
    let (smallest, largest) = singular_values(r);
    if smallest <= largest * 100.0 * f64::EPSILON {
        return refuse("too few different means nearby");
    }
    let target = &columns[3];
    let second = target[2] / r[2][2];
    let slope = (target[1] - r[2][1] * second) / r[1][1];
    let value = (target[0] - r[1][0] * slope - r[2][0] * second) / r[0][0];
    Ok(Vertex { value: value / norms[0], slope: slope / norms[1] })
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Householder reflections that make the first three columns upper triangular, applied to all four.
fn triangularise(columns: &mut [Vec<f64>; 4]) {
    for step in 0..3 {
        let mut reflector = columns[step][step..].to_vec();
        let length = norm(&reflector);
        if length == 0.0 {
            continue;
        }
        reflector[0] += length.copysign(reflector[0]);
        let half: f64 = reflector.iter().map(|value| value * value).sum::<f64>() / 2.0;
        for column in &mut columns[step..] {
            let tail = &mut column[step..];
            let factor = tail.iter().zip(&reflector).map(|(a, b)| a * b).sum::<f64>() / half;
            tail.iter_mut().zip(&reflector).for_each(|(a, b)| *a -= factor * b);
        }
    }
}

/// The smallest and the largest singular value of three columns, by Jacobi rotations that make them orthogonal.
fn singular_values(mut columns: [[f64; 3]; 3]) -> (f64, f64) {
    let dot = |a: &[f64; 3], b: &[f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // Quadratic convergence: a handful of sweeps suffices for three columns.
    for _ in 0..30 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            let inner = dot(&columns[p], &columns[q]);
            if inner == 0.0 {
                continue;
            }
            let ratio = (dot(&columns[q], &columns[q]) - dot(&columns[p], &columns[p])) / (2.0 * inner);
            let tangent = 1f64.copysign(ratio) / (ratio.abs() + ratio.hypot(1.0));
            let cosine = 1.0 / tangent.hypot(1.0);
            let sine = cosine * tangent;
            let (a, b) = (columns[p], columns[q]);
            columns[p] = std::array::from_fn(|i| cosine * a[i] - sine * b[i]);
            columns[q] = std::array::from_fn(|i| sine * a[i] + cosine * b[i]);
        }
    }
    let lengths = columns.map(|column| norm(&column));
    (lengths.into_iter().fold(f64::INFINITY, f64::min), lengths.into_iter().fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singular_values_of_known_matrices() {
        let (smallest, largest) = singular_values([[3.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 5.0]]);
        assert!((smallest - 2.0).abs() < 1e-15 && (largest - 5.0).abs() < 1e-15);
        let (smallest, largest) = singular_values([[1.0, 0.0, 0.0], [1.0, 1e-9, 0.0], [1.0, 1.0, 0.0]]);
        assert!(smallest < 1e-15 && largest > 1.0);
    }

    #[test]
    fn the_points_of_a_parabola_give_it_back() {
        let x: Vec<f64> = (0..30).map(|i| f64::from(i) / 10.0).collect();
        let y: Vec<f64> = x.iter().map(|x| 3.0 + x - x * x).collect();
        let vertex = fit(&x, &y, 1.05, 12, 0.4).unwrap();
        assert!((vertex.value - (3.0 + 1.05 - 1.05 * 1.05)).abs() < 1e-13);
        assert!((vertex.slope - (1.0 - 2.1)).abs() < 1e-12);
    }
}
