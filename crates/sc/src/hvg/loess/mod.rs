//! Local regression with one predictor: what `skmisc.loess.loess(x, y, span, degree=2)` fits by default.
//!
//! The curve is not fitted at every point. The range of the predictor is cut into cells ([`cells`]) that hold few enough
//! points; at the ends of each cell a parabola is fitted to the points nearby ([`local`]), which gives a value and a
//! slope; within a cell the curve is the cubic that has these at both ends (Cleveland and Grosse 1991).

mod cells;
mod local;

use annstream_core::{Error, Result};

use local::Vertex;

/// The share of `span` that a cell holds at most: the default `cell` of skmisc.
const CELL: f64 = 0.2;

/// The fitted value at each `x`; `span` is the share of points that each local fit looks at.
///
/// Costs a sort and some twenty passes over the points.
///
/// # Errors
/// Where skmisc raises: fewer than four points within the span, neighbourhoods with fewer than three different `x`, or
/// what is not a finite number.
pub fn fit(x: &[f64], y: &[f64], span: f64) -> Result<Vec<f64>> {
    if x.len() != y.len() {
        return Err(Error::internal(format!("{} predictors for {} responses", x.len(), y.len())));
    }
    if x.iter().chain(y).any(|value| !value.is_finite()) {
        return Err(Error::invalid("means and variances must have finite logarithms to be fitted"));
    }
    let points = x.len();
    let near = share(points, span + 1e-5 / points as f64).min(points);
    if near < 4 {
        let message = format!("span {span} of {points} points is {near} points, expected at least 4 to fit a curve");
        return Err(Error::invalid(message).hint("use a larger span, or more genes"));
    }
    let mut order: Vec<usize> = (0..points).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
    let sorted_x: Vec<f64> = order.iter().map(|i| x[*i]).collect();
    let sorted_y: Vec<f64> = order.iter().map(|i| y[*i]).collect();

    let ends = cells::ends(&sorted_x, share(points, span * CELL))?;
    let vertices =
        ends.iter().map(|end| local::fit(&sorted_x, &sorted_y, *end, near, span)).collect::<Result<Vec<Vertex>>>()?;
    Ok(x.iter().map(|x| between(&ends, &vertices, *x)).collect())
}

/// The whole number of points in a share of them.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float to integer cast saturates")]
fn share(points: usize, share: f64) -> usize {
    (points as f64 * share).floor() as usize
}

/// The cubic of the cell that `x` lies in; cells are closed at the right.
fn between(ends: &[f64], vertices: &[Vertex], x: f64) -> f64 {
    let right = ends.partition_point(|end| *end < x).clamp(1, ends.len() - 1);
    let (left, width) = (right - 1, ends[right] - ends[right - 1]);
    let h = (x - ends[left]) / width;
    let rest = 1.0 - h;
    let values = rest * rest * (1.0 + 2.0 * h) * vertices[left].value + h * h * (3.0 - 2.0 * h) * vertices[right].value;
    let slopes = h * rest * rest * vertices[left].slope + h * h * (h - 1.0) * vertices[right].slope;
    values + slopes * width
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_parabola_is_its_own_fit() {
        let x: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 200) / 50.0).collect();
        let y: Vec<f64> = x.iter().map(|x| 1.0 - 2.0 * x + 0.5 * x * x).collect();
        for (fitted, y) in fit(&x, &y, 0.3).unwrap().iter().zip(&y) {
            assert!((fitted - y).abs() < 1e-11, "{fitted} {y}");
        }
    }

    #[test]
    fn too_few_points_and_too_few_different_ones_are_refused() {
        let line: Vec<f64> = (0..13).map(f64::from).collect();
        assert!(fit(&line, &line, 0.3).unwrap_err().to_string().contains("at least 4"));
        assert!(fit(&[], &[], 0.3).is_err());
        let two: Vec<f64> = (0..40).map(|i| f64::from(i % 2)).collect();
        assert!(fit(&two, &two, 0.9).is_err());
        assert!(fit(&[1.0; 40], &[1.0; 40], 0.9).is_err());
        assert!(fit(&[f64::NAN; 40], &[1.0; 40], 0.9).is_err());
    }

    proptest! {
        #[test]
        fn shifted_and_scaled_points_give_a_shifted_and_scaled_curve(
            points in prop::collection::vec((0.0..10.0f64, -1.0..1.0f64), 60..200), scale in 0.1..10.0f64, shift in -5.0..5.0f64,
        ) {
            let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
            let curve = fit(&x, &y, 0.5).unwrap();
            let moved: Vec<f64> = x.iter().map(|x| x * scale + shift).collect();
            for (a, b) in curve.iter().copied().zip(fit(&moved, &y, 0.5).unwrap()) {
                prop_assert!((a - b).abs() < 1e-6);
            }
            let taller: Vec<f64> = y.iter().map(|y| y * scale + shift).collect();
            for (a, b) in curve.iter().copied().zip(fit(&x, &taller, 0.5).unwrap()) {
                prop_assert!((a * scale + shift - b).abs() < 1e-8);
            }
        }
    }
}
