//! Dispersions of one batch, normalised within bins of genes with like means.

use annstream_core::{Error, Result};

use super::moments::Moments;
use super::options::{Flavor, HvgOptions};
use super::{bins, summary};

/// What is known of the genes of one batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Dispersions {
    pub(super) means: Vec<f64>,
    pub(super) raw: Vec<f64>,
    pub(super) normalised: Vec<f64>,
    pub(super) chosen: Vec<bool>,
}

/// Dispersions, their normalised values and the choice among the genes of one batch: scanpy's
/// `_highly_variable_genes_single_batch`, without its filter.
///
/// # Errors
/// If bins cannot be made of the means, or there is no gene to choose from.
pub(super) fn of_batch(moments: &Moments, options: &HvgOptions) -> Result<Dispersions> {
    let mut means: Vec<f64> = moments.means.iter().map(|mean| if *mean == 0.0 { 1e-12 } else { *mean }).collect();
    let mut dispersions: Vec<f64> =
        moments.variances.iter().zip(&means).map(|(variance, mean)| variance / mean).collect();
    let normalised = if options.flavor == Flavor::Seurat {
        for (mean, dispersion) in means.iter_mut().zip(&mut dispersions) {
            // The logarithm of a negative number is NaN as well; only zero needs a word.
            *dispersion = if *dispersion == 0.0 { f64::NAN } else { dispersion.ln() };
            *mean = mean.ln_1p();
        }
        normalise(&dispersions, &bins::equal_width(&means, options.n_bins)?, mean_and_deviation)
    } else {
        normalise(&dispersions, &bins::percentiles(&means)?, median_and_deviation)
    };
    let chosen = match options.n_top_genes {
        Some(count) => above_nth(&normalised, count)?,
        None => {
            means.iter().zip(&normalised).map(|(mean, value)| within(options, *mean, finite(*value, 0.0))).collect()
        }
    };
    Ok(Dispersions { means, raw: dispersions, normalised, chosen })
}

/// Whether a gene is between all cutoffs: scanpy's `_Cutoffs.in_bounds`.
pub(super) fn within(options: &HvgOptions, mean: f64, normalised: f64) -> bool {
    mean > options.min_mean && mean < options.max_mean && normalised > options.min_disp && normalised < options.max_disp
}

/// Subtracts a centre from, and divides by a width, both of the bin.
fn normalise(dispersions: &[f64], bins: &[usize], summarise: fn(&[f64]) -> (f64, f64)) -> Vec<f64> {
    let count = bins.iter().max().map_or(0, |last| last + 1);
    let mut members = vec![Vec::new(); count];
    for (dispersion, bin) in dispersions.iter().zip(bins) {
        members[*bin].push(*dispersion);
    }
    let summaries: Vec<(f64, f64)> = members.iter().map(|members| summarise(members)).collect();
    let one = |(dispersion, bin): (&f64, &usize)| (dispersion - summaries[*bin].0) / summaries[*bin].1;
    dispersions.iter().zip(bins).map(one).collect()
}

/// Mean and standard deviation; where there is but one dispersion in the bin, its normalised value shall be 1.
fn mean_and_deviation(members: &[f64]) -> (f64, f64) {
    let mean = summary::mean(members.iter().copied());
    let deviation = summary::standard_deviation(members.iter().copied());
    if deviation.is_nan() { (0.0, mean) } else { (mean, deviation) }
}

fn median_and_deviation(members: &[f64]) -> (f64, f64) {
    (summary::median(members.iter().copied()), summary::median_absolute_deviation(members))
}

/// The genes at or above the `count`-th highest value; ties are all chosen.
fn above_nth(normalised: &[f64], count: usize) -> Result<Vec<bool>> {
    let mut sorted: Vec<f64> = normalised.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let Some(cutoff) = sorted.get(count.min(sorted.len()).wrapping_sub(1)) else {
        return Err(Error::invalid("no gene has a normalised dispersion"));
    };
    // scanpy replaces an infinite value by the largest finite one here, but not in the cutoff.
    Ok(normalised.iter().map(|value| finite(*value, f64::NEG_INFINITY) >= *cutoff).collect())
}

/// `numpy.nan_to_num`: infinities become the largest finite numbers.
fn finite(value: f64, nan: f64) -> f64 {
    if value.is_nan() { nan } else { value.clamp(f64::MIN, f64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_at_the_end_are_all_chosen() {
        assert_eq!(above_nth(&[1.0, 3.0, 1.0, f64::NAN, 0.5], 2).unwrap(), [true, true, true, false, false]);
        assert_eq!(above_nth(&[1.0, f64::NAN], 5).unwrap(), [true, false]);
        assert!(above_nth(&[f64::NAN], 1).is_err());
    }

    #[test]
    fn infinite_values_at_the_cutoff_are_lost_as_in_scanpy() {
        assert_eq!(above_nth(&[f64::INFINITY, 1.0], 1).unwrap(), [false, false]);
        assert_eq!(above_nth(&[f64::INFINITY, 1.0], 2).unwrap(), [true, true]);
    }

    #[test]
    fn one_gene_in_a_bin_has_a_normalised_dispersion_of_one() {
        let moments = Moments { cells: 10, means: vec![1.0, 1.1, 1.2, 90.0], variances: vec![2.0, 3.0, 5.0, 70.0] };
        let result = of_batch(&moments, &HvgOptions::default()).unwrap();
        assert!((result.normalised[3] - 1.0).abs() < 1e-15);
    }
}
