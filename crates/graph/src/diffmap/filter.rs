//! Polynomials of a matrix that make its largest eigenvalues stand out.

use rayon::prelude::*;

use super::transitions::Transitions;
use super::vectors::{Block, LANES};

/// By how much the polynomial is larger at 1 than where it begins to grow, about.
const AMPLIFIED: f64 = 10.0;
/// The largest degree: products of one step.
const MOST: f64 = 201.0;

/// A polynomial of Chebyshev: 1 at 1, small between `-cut` and `cut`, growing beyond. Its degree is odd, so that it
/// keeps the order of eigenvalues by magnitude, and their signs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Filter {
    degree: usize,
    cut: f64,
}

impl Filter {
    /// The matrix itself.
    pub(super) fn plain() -> Self {
        Self { degree: 1, cut: 1.0 }
    }

    /// For eigenvalues of larger magnitude than this.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within its limits")]
    pub(super) fn beyond(cut: f64) -> Self {
        let cut = cut.clamp(0.1, 1.0 - 1e-9);
        let degree = (AMPLIFIED.acosh() / (1.0 / cut).acosh()).clamp(3.0, MOST) as usize;
        Self { degree: degree | 1, cut }
    }

    /// The product of the polynomial of a matrix with some vectors.
    pub(super) fn product(&self, transitions: &Transitions<'_>, vectors: Block) -> Block {
        let mut next = transitions.product(&vectors);
        let mut last = vectors;
        let mut sigma = self.cut;
        for _ in 1..self.degree {
            let following = 1.0 / (2.0 / self.cut - sigma);
            let (scale, share) = (2.0 * following / self.cut, sigma * following);
            let image = transitions.product(&next);
            last.par_iter_mut().zip(&image).for_each(|(last, image)| {
                for lane in 0..LANES {
                    last[lane] = scale * image[lane] - share * last[lane];
                }
            });
            std::mem::swap(&mut last, &mut next);
            sigma = following;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::Graph;

    #[test]
    fn the_polynomial_is_chebyshevs() {
        // Two vertices: the eigenvalues 1 and -1; with loops 1 and something between.
        for (own, across) in [(0.0, 1.0), (3.0, 1.0), (1.0, 2.0), (1.0, 1.0)] {
            let graph = Graph::new(vec![0, 2, 4], vec![0, 1, 0, 1], vec![own, across, across, own]).unwrap();
            let transitions = Transitions::new(Cow::Owned(graph));
            let second = f64::from(own - across) / f64::from(own + across);
            for cut in [0.2, 0.9, 0.99] {
                let filter = Filter::beyond(cut);
                assert!(filter.degree % 2 == 1);
                let chebyshev = |x: f64| {
                    let x = x / cut;
                    let degree = filter.degree as f64;
                    if x.abs() <= 1.0 {
                        (degree * x.acos()).cos()
                    } else {
                        x.signum() * (degree * x.abs().acosh()).cosh()
                    }
                };
                let out = filter.product(&transitions, vec![[1.0, 1.0, 2.0, 0.0], [1.0, -1.0, 0.0, 0.0]]);
                let expected = chebyshev(second) / chebyshev(1.0);
                let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
                assert!(near(out[0][0], 1.0) && near(out[0][1], expected) && near(out[1][1], -expected), "{out:?}");
                assert!(near(out[0][2], 1.0 + expected) && near(out[0][3], 0.0));
            }
        }
        assert_eq!(Filter::beyond(1.0).degree, 201);
        assert_eq!(
            Filter::plain().product(
                &Transitions::new(Cow::Owned(Graph::new(vec![0, 1], vec![0], vec![1.0]).unwrap())),
                vec![[2.0; LANES]]
            ),
            [[2.0; LANES]]
        );
    }
}
