//! P-values corrected for the number of genes.

use super::Correction;

/// Corrects p-values, none of which is NaN: `statsmodels.stats.multitest.multipletests(…, method="fdr_bh")`, or the number
/// of genes times each, and 1 at most.
pub(super) fn adjust(pvals: &[f64], correction: Correction) -> Vec<f64> {
    let count = pvals.len() as f64;
    match correction {
        Correction::Bonferroni => pvals.iter().map(|p| (p * count).min(1.0)).collect(),
        Correction::BenjaminiHochberg => {
            let mut order: Vec<usize> = (0..pvals.len()).collect();
            order.sort_unstable_by(|&a, &b| pvals[b].total_cmp(&pvals[a]));
            let mut adjusted = vec![0.0; pvals.len()];
            let mut least = 1.0_f64;
            for (from_end, gene) in order.into_iter().enumerate() {
                // Equal p-values get what the last of them gets.
                least = least.min(pvals[gene] / ((count - from_end as f64) / count));
                adjusted[gene] = least;
            }
            adjusted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_defined() {
        let pvals = [0.01, 0.8, 0.04, 0.03, 0.04, 0.0];
        let share = |rank: f64| rank / 6.0;
        let expected = [0.01 / share(2.0), 0.8, 0.04 / share(5.0), 0.04 / share(5.0), 0.04 / share(5.0), 0.0];
        assert_eq!(adjust(&pvals, Correction::BenjaminiHochberg), expected);
        assert_eq!(adjust(&pvals, Correction::Bonferroni), [0.06, 1.0, 0.24, 0.18, 0.24, 0.0]);
        assert!(adjust(&[], Correction::BenjaminiHochberg).is_empty());
    }
}
