//! How far a point is moved by those that pull it and those that push it, several at a time.
#![expect(clippy::inline_always, reason = "the innermost loop: calls within it would keep it from being vectorized")]

use super::curve::Curve;

/// Points that act at the same time: eight numbers of 32 bits are one register of AVX, or two of SSE.
pub(super) const LANES: usize = 8;

/// No coordinate changes by more at a time, before the learning rate.
const CLIP: f32 = 4.0;

/// Forces that belong to a curve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forces {
    a: f32,
    b: f32,
    pull: f32,
    push: f32,
}

/// What acts in each lane: `(constant + slope p) / ((softening + d²) (1 + a p))`, with `p = d^2b`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lanes {
    constant: [f32; LANES],
    slope: [f32; LANES],
    softening: [f32; LANES],
}

impl Forces {
    #[expect(clippy::cast_possible_truncation, reason = "positions are of single precision")]
    pub(super) fn new(curve: Curve, gamma: f64) -> Self {
        let Curve { a, b } = curve;
        Self { a: a as f32, b: b as f32, pull: (-2.0 * a * b) as f32, push: (2.0 * gamma * b) as f32 }
    }

    /// Lanes of which the first pull, and those after them push; the others do nothing.
    pub(super) fn lanes(&self, pulling: usize, pushing: usize) -> Lanes {
        let mut lanes = Lanes { constant: [0.0; LANES], slope: [0.0; LANES], softening: [1e-3; LANES] };
        for lane in 0..LANES.min(pulling + pushing) {
            if lane < pulling {
                (lanes.slope[lane], lanes.softening[lane]) = (self.pull, 1e-30);
            } else {
                lanes.constant[lane] = self.push;
            }
        }
        lanes
    }

    /// Where a point is after the others have acted on it.
    #[inline(always)]
    pub(super) fn moved<const D: usize>(
        &self,
        point: [f32; D],
        others: &[[f32; LANES]; D],
        lanes: &Lanes,
        rate: f32,
    ) -> [f32; D] {
        let mut difference = [[0.0; LANES]; D];
        let mut square = [0.0; LANES];
        for axis in 0..D {
            for lane in 0..LANES {
                let d = point[axis] - others[axis][lane];
                difference[axis][lane] = d;
                square[lane] += d * d;
            }
        }
        let mut coefficient = [0.0; LANES];
        for lane in 0..LANES {
            let p = power(square[lane], self.b);
            let above = lanes.constant[lane] + lanes.slope[lane] * p;
            let below = (lanes.softening[lane] + square[lane]) * (1.0 + self.a * p);
            coefficient[lane] = above / below;
        }
        let mut moved = point;
        for axis in 0..D {
            let mut steps = [0.0; LANES];
            for lane in 0..LANES {
                steps[lane] = clipped(coefficient[lane] * difference[axis][lane]);
            }
            moved[axis] += rate * sum(steps);
        }
        moved
    }
}

#[inline(always)]
fn clipped(step: f32) -> f32 {
    let step = if step < CLIP { step } else { CLIP };
    if step > -CLIP { step } else { -CLIP }
}

#[inline(always)]
fn sum(v: [f32; LANES]) -> f32 {
    let half = [v[0] + v[4], v[1] + v[5], v[2] + v[6], v[3] + v[7]];
    (half[0] + half[2]) + (half[1] + half[3])
}

/// `x^exponent` for `x` of at least zero, within a few parts in a million, without branches, and the same on every
/// machine. Results are kept within `2^±126`.
#[inline(always)]
fn power(x: f32, exponent: f32) -> f32 {
    // x = 2^whole part with the part between the square roots of 1/2 and 2; its logarithm from the series of artanh.
    let bits = (x + 1e-30).to_bits().cast_signed();
    let whole = bits.wrapping_sub(0x3f35_04f3) >> 23;
    let part = f32::from_bits(bits.wrapping_sub(whole << 23).cast_unsigned());
    let ratio = (part - 1.0) / (part + 1.0);
    let square = ratio * ratio;
    let log = ratio * (2.885_39 + square * (0.961_796_7 + square * (0.577_078_04 + square * 0.412_198_57)));
    let log = exponent * (whole as f32 + log);
    let log = if log < 126.0 { log } else { 126.0 };
    let log = if log > -126.0 { log } else { -126.0 };
    // 2^log = 2^whole e^t with t near zero: adding 1.5 * 2^23 rounds to a whole number in the low bits.
    let shifted = log + 12_582_912.0;
    let t = (log - (shifted - 12_582_912.0)) * std::f32::consts::LN_2;
    let series = 1.0 + t * (1.0 + t * (0.5 + t * (1.0 / 6.0 + t * (1.0 / 24.0 + t * (1.0 / 120.0 + t / 720.0)))));
    let whole = shifted.to_bits().wrapping_sub(0x4b40_0000) << 23;
    f32::from_bits(series.to_bits().wrapping_add(whole))
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::needless_range_loop, reason = "formulas, lane by lane")]
mod tests {
    use super::*;

    #[test]
    fn powers_are_powers() {
        for exponent in [0.1_f32, 0.5, 0.895, 1.0, 1.334, 2.7] {
            for i in -60..60 {
                for fine in [1.0_f64, 1.1, 1.3, 1.414, 1.415, 1.5, 1.999] {
                    let x = fine * 2.0_f64.powi(i / 2);
                    let expected = x.powf(f64::from(exponent));
                    let ours = f64::from(power(x as f32, exponent));
                    assert!((ours / expected - 1.0).abs() < 1e-5, "{x}^{exponent}: {ours}, expected {expected}");
                }
            }
        }
        assert!(power(0.0, 1.3) < 1e-30 && power(f32::MAX, 4.0).is_finite());
    }

    #[test]
    fn points_move_as_formulas_say() {
        let curve = Curve { a: 0.583, b: 1.334 };
        let forces = Forces::new(curve, 1.0);
        let lanes = forces.lanes(2, 5);
        let point = [1.0_f32, 2.0];
        let mut others = [[0.0_f32; LANES]; 2];
        for lane in 0..LANES {
            others[0][lane] = 0.3 * lane as f32;
            others[1][lane] = 2.0 - 0.2 * lane as f32;
        }
        let moved = forces.moved(point, &others, &lanes, 0.5);
        let mut expected = point.map(f64::from);
        for lane in 0..7 {
            let d = [0, 1].map(|axis: usize| f64::from(point[axis] - others[axis][lane]));
            let square = d[0] * d[0] + d[1] * d[1];
            let coefficient = if lane < 2 {
                -2.0 * curve.a * curve.b * square.powf(curve.b - 1.0) / (1.0 + curve.a * square.powf(curve.b))
            } else {
                2.0 * curve.b / ((0.001 + square) * (1.0 + curve.a * square.powf(curve.b)))
            };
            for axis in 0..2 {
                expected[axis] += 0.5 * (coefficient * d[axis]).clamp(-4.0, 4.0);
            }
        }
        for axis in 0..2 {
            assert!((f64::from(moved[axis]) - expected[axis]).abs() < 1e-5, "{moved:?}, expected {expected:?}");
        }
        // One that stands at the same place does not act.
        assert!(forces.moved([0.0; 2], &[[0.0; LANES]; 2], &lanes, 1.0).iter().all(|x| x.abs() < 1e-30));
    }
}
