//! Where the two humps of a histogram part: `skimage.filters.threshold_minimum`.

/// Bins of the histogram.
const BINS: usize = 256;
/// Rounds of smoothing, at most.
const ROUNDS: usize = 10_000;

/// The centre of the lowest bin between the two maxima of a histogram of 256 bins, which is smoothed until there are no
/// more than two: `skimage.filters.threshold_minimum`, to the bit. `None` where that fails: there are no two maxima, or
/// no values.
pub fn threshold_minimum(values: &[f64]) -> Option<f64> {
    let (counts, edges) = histogram(values)?;
    let mut smooth: Vec<f32> = counts.iter().map(|&count| count as f32).collect();
    let mut maxima = Vec::new();
    let mut last = 0;
    for round in 0..ROUNDS {
        last = round;
        smooth = smoothed(&smooth);
        maxima = local_maxima(&smooth);
        if maxima.len() < 3 {
            break;
        }
    }
    let &[first, second] = maxima.as_slice() else { return None };
    if last == ROUNDS - 1 {
        return None;
    }
    let lowest = (first..=second).fold(first, |least, bin| if smooth[bin] < smooth[least] { bin } else { least });
    Some(f64::midpoint(edges[lowest], edges[lowest + 1]))
}

/// `numpy.histogram`: counts and edges.
fn histogram(values: &[f64]) -> Option<(Vec<u64>, Vec<f64>)> {
    let (mut low, mut high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| (low.min(value), high.max(value)));
    if !low.is_finite() || !high.is_finite() || values.iter().any(|value| value.is_nan()) {
        return None;
    }
    if low >= high {
        (low, high) = (low - 0.5, high + 0.5);
    }
    let step = (high - low) / BINS as f64;
    let mut edges: Vec<f64> = (0..=BINS).map(|bin| bin as f64 * step + low).collect();
    edges[BINS] = high;
    let mut counts = vec![0; BINS];
    for &value in values {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the number of bins")]
        let mut bin = ((value - low) / (high - low) * BINS as f64) as usize;
        bin = bin.min(BINS - 1);
        if value < edges[bin] {
            bin -= 1;
        }
        if value >= edges[bin + 1] && bin != BINS - 1 {
            bin += 1;
        }
        counts[bin] += 1;
    }
    Some((counts, edges))
}

/// `scipy.ndimage.uniform_filter1d(values, 3)`: a running mean in doubles, ends mirrored.
fn smoothed(values: &[f32]) -> Vec<f32> {
    let count = values.len();
    let at = |i: usize| f64::from(values[i.clamp(1, count) - 1]);
    let mut sum = at(0) + at(1) + at(2);
    let mut out = Vec::with_capacity(count);
    for i in 0..count {
        if i > 0 {
            sum += at(i + 2) - at(i - 1);
        }
        #[expect(clippy::cast_possible_truncation, reason = "single precision, as there")]
        out.push((sum / 3.0) as f32);
    }
    out
}

/// Where values stop rising; the end of a plateau counts.
fn local_maxima(values: &[f32]) -> Vec<usize> {
    let (mut out, mut rising) = (Vec::new(), true);
    for (i, pair) in values.windows(2).enumerate() {
        if rising && pair[1] < pair[0] {
            rising = false;
            out.push(i);
        } else if !rising && pair[1] > pair[0] {
            rising = true;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What scikit-image 0.26 gives.
    #[test]
    fn equals_scikit_image() {
        let of = |values: &[f64]| threshold_minimum(values).map(f64::to_bits);
        let humps: Vec<f64> = (0..300)
            .map(|i| f64::from(i * 37 % 101) / 500.0)
            .chain((0..200).map(|i| 0.5 + f64::from(i * 53 % 97) / 700.0))
            .collect();
        assert_eq!(of(&humps), Some(0.349_681_919_642_857_1_f64.to_bits()));
        let many: Vec<f64> = (0..400).map(|i| f64::from(i * i * 31 % 977) / 977.0).collect();
        assert_eq!(of(&many), Some(0.302_424_513_817_809_66_f64.to_bits()));
        let squares: Vec<f64> = (0..1000)
            .map(|i| f64::from((i % 40) * (i % 40)) / 1600.0)
            .chain((0..500).map(|i| 2.0 + f64::from(i % 30) / 40.0))
            .collect();
        assert_eq!(of(&squares), Some(1.474_267_578_125_f64.to_bits()));
        assert_eq!(of(&[0.1, 0.2, 0.3]), Some(0.101_953_125_f64.to_bits()));
    }

    #[test]
    fn without_two_humps_there_is_none() {
        for values in [&[][..], &[0.5; 10], &[0.1, 0.1, 0.9, 0.9], &[0.1, f64::NAN], &[0.1, f64::INFINITY]] {
            assert_eq!(threshold_minimum(values), None, "{values:?}");
        }
    }
}
