//! Tails of Student's t distribution.

use std::f64::consts::PI;

/// The chance of a value at least as far from zero as `t`, with so many degrees of freedom (0.5 or more): twice
/// `scipy.stats.t.sf(abs(t), freedom)`.
///
/// This is the regularized incomplete beta function at `x = freedom / (freedom + t²)` with the parameters `freedom / 2` and
/// 1/2: its power series where `t` is small, else its continued fraction, which loses nothing however small the result is.
pub(super) fn two_sided(t: f64, freedom: f64) -> f64 {
    if t.is_nan() || freedom.is_nan() {
        return f64::NAN;
    }
    if t.is_infinite() {
        return 0.0;
    }
    let a = freedom / 2.0;
    let q = t.abs() / freedom.sqrt();
    // The logarithm of x, and the root of 1 - x.
    let (ln_x, root) = if q < 1e8 { (-(q * q).ln_1p(), q / q.hypot(1.0)) } else { (-2.0 * q.ln(), 1.0) };
    // x^a (1 - x)^½ / B(a, ½)
    let front = (a * ln_x + ln_gamma_step(a) - PI.ln() / 2.0).exp() * root;
    if t * t <= 6.0 {
        1.0 - 2.0 * front * series(a, root * root)
    } else {
        front / a * fraction(a, ln_x.exp(), root * root)
    }
}

/// `Σ (a + ½)(a + 3/2)… / ((3/2)(5/2)…) yⁿ`, for small `a y`.
fn series(a: f64, y: f64) -> f64 {
    let (mut term, mut sum, mut n) = (1.0, 1.0, 0.0);
    while term > sum * 1e-17 && n < 1e4 {
        term *= y * (a + 0.5 + n) / (1.5 + n);
        sum += term;
        n += 1.0;
    }
    sum
}

/// The continued fraction of the incomplete beta function with the second parameter 1/2, by the method of Lentz.
/// `y` is `1 - x`.
fn fraction(a: f64, x: f64, y: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let b = 0.5;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut above = 1.0;
    // `1 - (a + b) x / (a + 1)`, without a difference of numbers that are nearly equal.
    let mut below = (a + 1.0) / away(1.0 - b + (a + b) * y);
    let mut result = below;
    let mut step = 1.0;
    while step < 1e5 {
        let place = a + 2.0 * step;
        let even = step * (b - step) * x / ((place - 1.0) * place);
        let odd = -(a + step) * (a + b + step) * x / (place * (place + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            below = 1.0 / away(1.0 + term * below);
            above = away(1.0 + term / above);
            change = above * below;
            result *= change;
        }
        if (change - 1.0).abs() < 3e-16 {
            break;
        }
        step += 1.0;
    }
    result
}

/// `ln Γ(z + ½) - ln Γ(z)`: the asymptotic series, from 20 on; below, one step at a time.
fn ln_gamma_step(z: f64) -> f64 {
    const SERIES: [f64; 5] = [-1.0 / 8.0, 1.0 / 192.0, -1.0 / 640.0, 17.0 / 14336.0, -31.0 / 18432.0];
    let (mut z, mut below) = (z, 1.0);
    while z < 20.0 {
        below *= z / (z + 0.5);
        z += 1.0;
    }
    let square = 1.0 / (z * z);
    let sum = SERIES.iter().rev().fold(0.0, |sum, coefficient| sum * square + coefficient);
    z.ln() / 2.0 + sum / z + below.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (t, degrees of freedom, tail), from an evaluation with 60 digits.
    const TAILS: [(f64, f64, f64); 21] = [
        (0.001, 1.0, 0.999_363_380_439_838_9),
        (1.0, 1.0, 0.5),
        (1_000_000.0, 1.0, 6.366_197_723_673_691e-7),
        (1e155, 1.0, 6.366_197_723_675_813e-156),
        (1.0e-8, 5.5, 0.999_999_992_373_869_7),
        (0.5, 0.75, 0.725_183_592_444_204_9),
        (2.4494, 1.25, 0.204_671_730_577_401_76),
        (2.4496, 1.25, 0.204_653_390_710_755_92),
        (30.0, 2.5, 0.000_291_064_709_157_395_4),
        (3.0, 10.0, 0.013_343_655_022_569_578),
        (12.5, 37.25, 6.762_165_001_532_713e-15),
        (100.0, 24.5, 1.613_184_717_579_839e-33),
        (37.0, 150.125, 2.437_332_546_224_22e-77),
        (0.3, 10_000.0, 0.764_183_391_229_332_3),
        (2.2, 59_998.0, 0.027_810_693_367_292_173),
        (2.6, 59_998.0, 0.009_324_659_989_968_901),
        (20.0, 59_998.0, 1.073_086_157_596_328_4e-88),
        (37.4, 59_998.0, 1.211_653_620_721_251_4e-302),
        (37.2, 59_998.25, 1.786_683_501_899_964_8e-299),
        (7.0, 1_234_567.0, 2.560_920_228_951_110_7e-12),
        (37.0, 10_000_000.0, 1.200_121_232_263_834e-299),
    ];

    #[test]
    fn tails_are_exact_however_small() {
        for (t, freedom, expected) in TAILS {
            let found = two_sided(t, freedom);
            assert!((found / expected - 1.0).abs() < 1e-11, "t {t}, {freedom} degrees: {found}, {expected} expected");
        }
    }

    #[test]
    fn the_ends() {
        assert_eq!((two_sided(0.0, 3.0), two_sided(f64::NEG_INFINITY, 3.0)), (1.0, 0.0));
        assert_eq!(two_sided(-2.0, 7.0).to_bits(), two_sided(2.0, 7.0).to_bits());
        assert!(two_sided(f64::NAN, 3.0).is_nan() && two_sided(1.0, f64::NAN).is_nan());
        assert_eq!((two_sided(1e5, 1e6), two_sided(-1e200, 9.0)), (0.0, 0.0));
        // Where one way to compute it meets the other.
        let (below, above) = (6.0_f64.sqrt() * (1.0 - 1e-12), 6.0_f64.sqrt() * (1.0 + 1e-12));
        for freedom in [1.0, 1.5, 10.0, 1e3, 1e6] {
            assert!((two_sided(below, freedom) / two_sided(above, freedom) - 1.0).abs() < 1e-10);
        }
    }
}
