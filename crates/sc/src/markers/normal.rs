//! Tails of the normal distribution.

/// The chance of a value at least as far from zero as `z`: `2 * scipy.stats.norm.sf(abs(z))`.
pub(super) fn two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_exact_however_small() {
        // From an evaluation with 60 digits.
        let tails = [
            (0.1, 0.920_344_325_445_942),
            (1.0, 0.317_310_507_862_914_1),
            (1.96, 0.049_995_790_296_440_87),
            (5.0, 5.733_031_437_583_878e-7),
            (-10.0, 1.523_970_604_832_105e-23),
            (20.0, 5.507_248_237_212_467e-89),
            (30.0, 9.813_427_854_296_374e-198),
            (37.0, 1.145_114_244_504_915_5e-299),
        ];
        for (z, expected) in tails {
            assert!((two_sided(z) / expected - 1.0).abs() < 1e-12, "{z}");
        }
        assert_eq!((two_sided(0.0), two_sided(f64::INFINITY)), (1.0, 0.0));
    }
}
