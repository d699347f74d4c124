//! Summaries of a few numbers, with the operations of pandas and numpy in their order.

/// Mean of the numbers that are not NaN, by compensated summation, as `groupby.mean` of pandas; NaN if there are none.
pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut compensation, mut count) = (0.0_f64, 0.0_f64, 0_u64);
    for value in values.into_iter().filter(|value| !value.is_nan()) {
        count += 1;
        let corrected = value - compensation;
        let next = sum + corrected;
        compensation = next - sum - corrected;
        if compensation.is_nan() {
            compensation = 0.0;
        }
        sum = next;
    }
    if count == 0 { f64::NAN } else { sum / count as f64 }
}

/// Unbiased standard deviation of the numbers that are not NaN, by Welford's recurrence, as `groupby.std` of pandas; NaN
/// if there are fewer than two.
pub(super) fn standard_deviation(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut mean, mut squares, mut count) = (0.0_f64, 0.0_f64, 0_u64);
    for value in values.into_iter().filter(|value| !value.is_nan()) {
        count += 1;
        let before = mean;
        mean += (value - before) / count as f64;
        squares += (value - mean) * (value - before);
    }
    if count < 2 { f64::NAN } else { (squares / (count - 1) as f64).sqrt() }
}

/// The middle number, or the mean of the two in the middle, as `groupby.median` of pandas; numbers that are NaN do not
/// count, and without any other the result is NaN.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

/// Median absolute deviation from the median over the third quartile of the normal distribution, as
/// `statsmodels.robust.mad`; NaN if one of the numbers is.
pub(super) fn median_absolute_deviation(values: &[f64]) -> f64 {
    /// `scipy.stats.norm.ppf(0.75)`.
    const QUARTILE: f64 = 0.674_489_750_196_081_7;
    if values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    let center = median(values.iter().copied());
    let deviations: Vec<f64> = values.iter().map(|value| (value - center).abs() / QUARTILE).collect();
    if deviations.iter().any(|value| value.is_nan()) { f64::NAN } else { median(deviations) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_few_numbers() {
        assert!((mean([1.0, f64::NAN, 3.0]) - 2.0).abs() < 1e-15);
        assert!(mean([f64::NAN]).is_nan());
        assert!((standard_deviation([1.0, f64::NAN, 3.0]) - 2f64.sqrt()).abs() < 1e-15);
        assert!(standard_deviation([1.0]).is_nan());
        assert!((median([4.0, 1.0, f64::NAN, 2.0]) - 2.0).abs() < 1e-15);
        assert!((median([4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-15);
        assert!(median([]).is_nan());
        assert!((median_absolute_deviation(&[1.0, 2.0, 4.0]) - 1.0 / 0.674_489_750_196_081_7).abs() < 1e-15);
        assert!(median_absolute_deviation(&[1.0, f64::NAN]).is_nan());
        assert!(mean([f64::INFINITY, 1.0]).is_infinite());
    }
}
