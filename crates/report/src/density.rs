//! The distribution of a column: quartiles, and how dense its values are.

use serde::Serialize;

/// Heights of a violin.
const HEIGHTS: usize = 64;
/// Bins that values are counted in first.
const BINS: usize = 512;

/// A distribution. Values that are not finite are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Distribution {
    /// Number of values.
    pub count: usize,
    /// The mean.
    pub mean: Option<f64>,
    /// Smallest, first quartile, median, third quartile, largest, as `numpy.percentile` gives them; empty without values.
    pub quantiles: Vec<f64>,
    /// A Gaussian kernel estimate of the density at 64 places from the smallest to the largest value, relative to its
    /// maximum; its bandwidth is Scott's, as in `scanpy.pl.violin`. Empty if all values are the same.
    pub density: Vec<f64>,
}

impl Distribution {
    /// Of some values, which are put in order. Linear in their number but for that.
    pub fn of(values: &mut Vec<f64>) -> Self {
        values.retain(|value| value.is_finite());
        values.sort_unstable_by(f64::total_cmp);
        let (Some(&low), Some(&high)) = (values.first(), values.last()) else { return Self::default() };
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let quantiles = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile(values, share)).to_vec();
        let density = if low < high { density(values, mean, low, high) } else { Vec::new() };
        Self { count, mean: Some(mean), quantiles, density }
    }
}

/// Between the two values around a place, of ordered values.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within the values")]
fn quantile(values: &[f64], share: f64) -> f64 {
    let place = (values.len() - 1) as f64 * share;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    values[low] + (values[high] - values[low]) * (place - place.floor())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bin, of numbers within the range")]
fn density(values: &[f64], mean: f64, low: f64, high: f64) -> Vec<f64> {
    let count = values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let step = (high - low) / (BINS - 1) as f64;
    // In steps; a kernel narrower than a bin would look at nothing.
    let bandwidth = (variance.sqrt() * count.powf(-0.2) / step).max(0.5);
    let mut bins = vec![0.0; BINS];
    for value in values {
        // Each value is shared by the two bins around it.
        let place = ((value - low) / step).min((BINS - 1) as f64);
        let bin = (place as usize).min(BINS - 2);
        let share = place - bin as f64;
        bins[bin] += 1.0 - share;
        bins[bin + 1] += share;
    }
    let at = |height: usize| {
        let center = height as f64 * (BINS - 1) as f64 / (HEIGHTS - 1) as f64;
        let kernel = |bin: usize| (-0.5 * ((bin as f64 - center) / bandwidth).powi(2)).exp();
        bins.iter().enumerate().map(|(bin, weight)| weight * kernel(bin)).sum::<f64>()
    };
    let heights: Vec<f64> = (0..HEIGHTS).map(at).collect();
    let most = heights.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    heights.into_iter().map(|height| height / most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        let found = Distribution::of(&mut vec![4.0, 1.0, f64::NAN, 2.0, 10.0]);
        assert_eq!((found.count, found.mean), (4, Some(4.25)));
        assert_eq!(found.quantiles, [1.0, 1.75, 3.0, 5.5, 10.0]);
        assert_eq!(Distribution::of(&mut vec![f64::NAN]), Distribution::default());
        let one = Distribution::of(&mut vec![3.0]);
        assert_eq!((one.quantiles, one.density), (vec![3.0; 5], vec![]));
    }

    /// Against the sum of kernels, value by value.
    #[test]
    fn density_is_that_of_all_kernels() {
        let mut values: Vec<f64> = (0..400).map(|i| f64::from(i * 7919 % 400).sqrt()).collect();
        let found = Distribution::of(&mut values).density;
        let (mean, count) = (values.iter().sum::<f64>() / 400.0, 400.0_f64);
        let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
        let bandwidth = deviation * count.powf(-0.2);
        let (low, high) = (values[0], values[399]);
        let naive: Vec<f64> = (0..64)
            .map(|i| low + (high - low) * f64::from(i) / 63.0)
            .map(|at| values.iter().map(|value| (-0.5 * ((value - at) / bandwidth).powi(2)).exp()).sum())
            .collect();
        let most = naive.iter().copied().fold(0.0, f64::max);
        for (found, naive) in found.iter().zip(&naive) {
            assert!((found - naive / most).abs() < 1e-3, "{found} {}", naive / most);
        }
    }
}
