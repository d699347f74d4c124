//! Genes into bins by their means, as `pandas.cut` does it.

use annstream_core::{Error, Result};

/// The bin of each mean: `count` bins of equal width, the lowest a little wider (`pandas.cut` with a number).
///
/// # Errors
/// If there are no means, one of them is not finite, or they are so close that edges coincide.
pub(super) fn equal_width(means: &[f64], count: usize) -> Result<Vec<usize>> {
    check(means)?;
    let lowest = means.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let widened = |value: f64| if value == 0.0 { 0.001 } else { 0.001 * value.abs() };
    let edges = if lowest < highest {
        let mut edges = linspace(lowest, highest, count);
        edges[0] -= (highest - lowest) * 0.001;
        edges
    } else {
        linspace(lowest - widened(lowest), highest + widened(highest), count)
    };
    // A single bin is exempt in pandas, and always contains everything here.
    if count > 1 {
        distinct(&edges).map_err(|error| error.hint("use fewer bins"))?;
    }
    Ok(place(means, &edges))
}

/// The bin of each mean: bins between the percentiles 10, 15, … 100, with one more at either end
/// (`pandas.cut` at `numpy.percentile`).
///
/// # Errors
/// If there are no means, one of them is not finite, or percentiles coincide (as with many genes that no cell has).
pub(super) fn percentiles(means: &[f64]) -> Result<Vec<usize>> {
    check(means)?;
    let mut sorted = means.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut edges = vec![f64::NEG_INFINITY];
    edges.extend((10..=100).step_by(5).map(|percent| quantile(&sorted, f64::from(percent) / 100.0)));
    edges.push(f64::INFINITY);
    distinct(&edges)
        .map_err(|error| error.hint("leave out genes that few cells have, or use another flavor than cell_ranger"))?;
    Ok(place(means, &edges))
}

fn check(means: &[f64]) -> Result<()> {
    if means.is_empty() {
        return Err(Error::invalid("no genes to put into bins"));
    }
    match means.iter().position(|mean| !mean.is_finite()) {
        Some(gene) => Err(Error::invalid(format!(
            "the mean of gene {gene} is {}, expected a finite number; are the values logarithms?",
            means[gene]
        ))),
        None => Ok(()),
    }
}

/// The edges of `count` intervals, as `numpy.linspace`.
fn linspace(from: f64, to: f64, count: usize) -> Vec<f64> {
    let (span, intervals) = (to - from, count as f64);
    let step = span / intervals;
    let at = |i: usize| if step == 0.0 { i as f64 / intervals * span + from } else { i as f64 * step + from };
    (0..count).map(at).chain([to]).collect()
}

/// A quantile of sorted numbers by linear interpolation, with the rounding of `numpy.percentile`.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    let position = last as f64 * share;
    if position >= last as f64 {
        return sorted[last];
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of genes")]
    let before = position.floor() as usize;
    let (low, high) = (sorted[before], sorted[before + 1]);
    let weight = position - before as f64;
    if weight >= 0.5 { high - (high - low) * (1.0 - weight) } else { low + (high - low) * weight }
}

fn distinct(edges: &[f64]) -> Result<()> {
    // Rounding may give linspace edges that go back by a digit, so equality is looked for among all of them.
    let mut sorted = edges.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => {
            Err(Error::invalid(format!("edges of bins of mean expression must differ, but {} is one twice", pair[0])))
        }
        None => Ok(()),
    }
}

/// The number of the interval, open at the left and closed at the right, that each value lies in.
fn place(values: &[f64], edges: &[f64]) -> Vec<usize> {
    values.iter().map(|value| edges.partition_point(|edge| edge < value).saturating_sub(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_width_is_closed_at_the_right() {
        assert_eq!(equal_width(&[0.0, 1.0, 2.0, 2.5, 4.0], 4).unwrap(), [0, 0, 1, 2, 3]);
        assert_eq!(equal_width(&[2.0, 2.0], 4).unwrap(), [1, 1]);
        assert_eq!(equal_width(&[5.0, 7.0], 1).unwrap(), [0, 0]);
    }

    #[test]
    fn percentiles_interpolate() {
        let sorted: Vec<f64> = (0..11).map(f64::from).collect();
        assert!((quantile(&sorted, 0.15) - 1.5).abs() < 1e-15);
        assert!((quantile(&sorted, 1.0) - 10.0).abs() < 1e-15);
        let bins = percentiles(&sorted).unwrap();
        assert_eq!((bins[0], bins[10]), (0, 18));
    }

    #[test]
    fn coinciding_edges_are_refused() {
        assert!(percentiles(&[1e-12; 30]).unwrap_err().to_string().contains("must differ"));
        assert!(equal_width(&[1.0, 1.0 + f64::EPSILON], 20).is_err());
        assert!(equal_width(&[], 20).is_err());
        assert!(equal_width(&[1.0, f64::NAN], 20).is_err());
    }
}
