//! Which eigenvalues count.

use std::cmp::Ordering;

/// The larger magnitude first, of equal ones the positive value. What differs by rounding only counts as equal.
pub(super) fn larger_first(a: f64, b: f64) -> Ordering {
    let magnitude = |value: f64| (value.abs() * 1e12).round();
    let sign = |value: f64| value >= 0.0;
    magnitude(b).total_cmp(&magnitude(a)).then(sign(b).cmp(&sign(a)))
}

/// Positions of values, the largest magnitude first.
pub(super) fn by_magnitude(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| larger_first(values[a], values[b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_makes_no_difference() {
        assert_eq!(by_magnitude(&[0.5, -1.0 - 1e-15, 1.0, 0.0, -0.5 - 1e-9]), [2, 1, 4, 0, 3]);
        assert!(by_magnitude(&[]).is_empty());
    }
}
