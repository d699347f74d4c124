//! The curve that says how near two points of the picture are.

use crate::{Error, Result};

/// `1 / (1 + a x^(2b))`: how near two points at the distance `x` are, from 1 to 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// How soon it falls.
    pub a: f64,
    /// How steeply it falls.
    pub b: f64,
}

/// Distances at which the curve is compared with what it should be.
const POINTS: u32 = 300;
const STEPS: usize = 1000;

impl Curve {
    /// The curve nearest, by least squares at 300 distances up to `3 spread`, to one that is 1 up to `min_dist` and falls
    /// as `exp(-(x - min_dist) / spread)` from there: `umap.umap_.find_ab_params`, equal to 1e-4.
    ///
    /// # Errors
    /// `Argument` if `spread` is not above zero, `min_dist` is below zero, or no curve fits.
    pub fn fit(spread: f64, min_dist: f64) -> Result<Self> {
        if !(spread > 0.0 && spread.is_finite()) {
            return Err(Error::argument(format!("a spread of {spread}; expected a number above zero")));
        }
        if !(min_dist >= 0.0 && min_dist.is_finite()) {
            return Err(Error::argument(format!("a smallest distance of {min_dist}; expected zero or more")));
        }
        let points: Vec<(f64, f64)> = (0..POINTS)
            .map(|i| {
                let x = f64::from(i) * (spread * 3.0 / f64::from(POINTS - 1));
                (x, if x < min_dist { 1.0 } else { (-(x - min_dist) / spread).exp() })
            })
            .collect();
        let curve = Self { a: 1.0, b: 1.0 }.nearest(&points);
        if curve.is_usable() {
            return Ok(curve);
        }
        Err(Error::argument(format!("no curve fits spread {spread} and the smallest distance {min_dist}"))
            .hint("give --a and --b"))
    }

    /// Whether forces can be computed from it.
    pub(super) fn is_usable(self) -> bool {
        let usable = |value: f64| value > 0.0 && value < 1e6;
        usable(self.a) && usable(self.b)
    }

    /// Levenberg and Marquardt's method, from here.
    fn nearest(self, points: &[(f64, f64)]) -> Self {
        let (mut curve, mut damping) = (self, 1e-3);
        let mut error = curve.error(points);
        for _ in 0..STEPS {
            let ([aa, ab, bb], [ga, gb]) = curve.normal_equations(points);
            let (aa, bb) = (aa * (1.0 + damping), bb * (1.0 + damping));
            let determinant = aa * bb - ab * ab;
            let step = [(bb * ga - ab * gb) / determinant, (aa * gb - ab * ga) / determinant];
            let next = Self { a: curve.a + step[0], b: curve.b + step[1] };
            let next_error = next.error(points);
            // A step that is not a number fails the comparison, too.
            if next_error <= error {
                let small = step[0].abs() <= 1e-12 * next.a.abs() && step[1].abs() <= 1e-12 * next.b.abs();
                (curve, error, damping) = (next, next_error, damping * 0.1);
                if small {
                    break;
                }
            } else if damping > 1e16 {
                break;
            } else {
                damping *= 10.0;
            }
        }
        curve
    }

    fn at(self, x: f64) -> f64 {
        1.0 / (1.0 + self.a * x.powf(2.0 * self.b))
    }

    fn error(self, points: &[(f64, f64)]) -> f64 {
        points.iter().map(|&(x, y)| (y - self.at(x)).powi(2)).sum()
    }

    /// Products of the derivatives by `a` and `b`: `[aa, ab, bb]`, and with what is left.
    fn normal_equations(self, points: &[(f64, f64)]) -> ([f64; 3], [f64; 2]) {
        let (mut products, mut gradient) = ([0.0; 3], [0.0; 2]);
        for &(x, y) in points.iter().filter(|(x, _)| *x > 0.0) {
            let (power, value) = (x.powf(2.0 * self.b), self.at(x));
            let by_a = -power * value * value;
            let by_b = by_a * self.a * 2.0 * x.ln();
            products[0] += by_a * by_a;
            products[1] += by_a * by_b;
            products[2] += by_b * by_b;
            gradient[0] += by_a * (y - value);
            gradient[1] += by_b * (y - value);
        }
        (products, gradient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_those_of_umap_learn() {
        // spread, min_dist, and find_ab_params of umap-learn 0.5.12.
        for (spread, min_dist, a, b) in [
            (1.0, 0.5, 0.583_030_020_556_079_6, 1.334_166_992_455_648_2),
            (1.0, 0.1, 1.576_943_460_405_377_2, 0.895_060_878_122_730_5),
        ] {
            let curve = Curve::fit(spread, min_dist).unwrap();
            assert!((curve.a - a).abs() < 1e-4 && (curve.b - b).abs() < 1e-4, "{curve:?}, expected {a}, {b}");
        }
    }

    #[test]
    fn what_no_curve_fits_is_refused() {
        for (spread, min_dist) in [(0.0, 0.1), (-1.0, 0.1), (f64::NAN, 0.1), (1.0, -0.1), (1.0, f64::INFINITY)] {
            assert!(Curve::fit(spread, min_dist).is_err());
        }
    }
}
