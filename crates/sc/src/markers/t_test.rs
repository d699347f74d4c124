//! Welch's t-test, from means and variances.

use super::moments::Moments;
use super::student_t::two_sided;

/// The statistic and the p-value of each gene: `scipy.stats.ttest_ind_from_stats(…, equal_var=False)` with
/// `rest_cells` observations on the other side. Where there is no variance and no difference the score is 0, the
/// p-value 1.
pub(super) fn welch(group: &Moments, rest: &Moments, rest_cells: u64) -> (Vec<f64>, Vec<f64>) {
    let (n1, n2) = (group.cells as f64, rest_cells as f64);
    let pairs = group.means.iter().zip(&group.variances).zip(rest.means.iter().zip(&rest.variances));
    pairs
        .map(|((mean1, variance1), (mean2, variance2))| {
            // Rounding may have made them negative, which is NaN here.
            let part = |variance: &f64, n: f64| variance.sqrt() * variance.sqrt() / n;
            let (v1, v2) = (part(variance1, n1), part(variance2, n2));
            let freedom = (v1 + v2) * (v1 + v2) / (v1 * v1 / (n1 - 1.0) + v2 * v2 / (n2 - 1.0));
            let freedom = if freedom.is_nan() { 1.0 } else { freedom };
            let t = (mean1 - mean2) / (v1 + v2).sqrt();
            if t.is_nan() { (0.0, 1.0) } else { (t, two_sided(t, freedom)) }
        })
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(cells: u64, values: &[(f64, f64)]) -> Moments {
        let (means, variances) = values.iter().copied().unzip();
        Moments { cells, means, variances, fractions: vec![] }
    }

    #[test]
    fn as_scipy() {
        let group = moments(5, &[(2.0, 1.0), (1.0, 0.0), (1.0, 0.0), (1.0, -1e-20), (f64::NAN, 1.0)]);
        let rest = moments(9, &[(1.0, 2.0), (1.0, 0.0), (0.5, 0.0), (0.5, 0.0), (0.0, 1.0)]);
        let (scores, pvals) = welch(&group, &rest, 9);
        // scipy.stats.ttest_ind_from_stats(2, 1, 5, 1, 2**0.5, 9, equal_var=False)
        assert!((scores[0] - 1.538_967_528_127_731).abs() < 1e-14);
        assert!((pvals[0] - 0.152_010_133_529_484_85).abs() < 1e-14);
        assert_eq!((scores[1], pvals[1]), (0.0, 1.0));
        assert_eq!((scores[2], pvals[2]), (f64::INFINITY, 0.0));
        assert_eq!((scores[3], pvals[3]), (0.0, 1.0));
        assert_eq!((scores[4], pvals[4]), (0.0, 1.0));
    }
}
