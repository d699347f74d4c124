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
    if t * t <= 6.0 { 1.0 - 2.0 * front * series(a, root * root) } else { front / a * fraction(a, ln_x.exp()) }
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
fn fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let b = 0.5;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    let mut m = 1.0;
    while m < 1e5 {
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        result *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        let change = c * d;
        result *= change;
        if (change - 1.0).abs() < 3e-16 {
            break;
        }
        m += 1.0;
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
        (0.001, 1.0, 9.9936338043983888e-1),
        (1.0, 1.0, 5.0000000000000000e-1),
        (1000000.0, 1.0, 6.3661977236736914e-7),
        (1e+155, 1.0, 6.3661977236758134e-156),
        (1e-08, 5.5, 9.9999999237386969e-1),
        (0.5, 0.75, 7.2518359244420490e-1),
        (2.4494, 1.25, 2.0467173057740176e-1),
        (2.4496, 1.25, 2.0465339071075593e-1),
        (30.0, 2.5, 2.9106470915739543e-4),
        (3.0, 10.0, 1.3343655022569577e-2),
        (12.5, 37.25, 6.7621650015327130e-15),
        (100.0, 24.5, 1.6131847175798389e-33),
        (37.0, 150.125, 2.4373325462242197e-77),
        (0.3, 10000.0, 7.6418339122933229e-1),
        (2.2, 59998.0, 2.7810693367292172e-2),
        (2.6, 59998.0, 9.3246599899689018e-3),
        (20.0, 59998.0, 1.0730861575963284e-88),
        (37.4, 59998.0, 1.2116536207212515e-302),
        (37.2, 59998.25, 1.7866835018999649e-299),
        (7.0, 1234567.0, 2.5609202289511108e-12),
        (37.0, 10000000.0, 1.2001212322638342e-299),
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
        assert_eq!(two_sided(0.0, 3.0), 1.0);
        assert_eq!(two_sided(f64::NEG_INFINITY, 3.0), 0.0);
        assert_eq!(two_sided(-2.0, 7.0), two_sided(2.0, 7.0));
        assert!(two_sided(f64::NAN, 3.0).is_nan() && two_sided(1.0, f64::NAN).is_nan());
        assert_eq!(two_sided(1e5, 1e6), 0.0);
        // Where one way to compute it meets the other.
        let (below, above) = (6.0_f64.sqrt() * (1.0 - 1e-12), 6.0_f64.sqrt() * (1.0 + 1e-12));
        for freedom in [1.0, 1.5, 10.0, 1e3, 1e6] {
            assert!((two_sided(below, freedom) / two_sided(above, freedom) - 1.0).abs() < 1e-10);
        }
    }
}
