//! Scores of the rank-sum test, from sums of ranks.

use super::normal::two_sided;

/// The score and the p-value of each gene by the normal approximation, in the order of operations of scanpy. `ties` are
/// sums of `t³ - t` over the ties among all cells of both sides; `None` leaves the correction out.
pub(super) fn scores(rank_sums: &[f64], ties: Option<&[f64]>, own: u64, others: u64) -> (Vec<f64>, Vec<f64>) {
    let cells = own + others;
    let size = cells as f64;
    // Python multiplies whole numbers, exactly.
    let product = u128::from(own) * u128::from(others) * (u128::from(cells) + 1);
    let expected = (u128::from(own) * (u128::from(cells) + 1)) as f64 / 2.0;
    let plain = (product as f64 / 12.0).sqrt();
    let deviation = |gene: usize| match ties.and_then(|ties| ties.get(gene)) {
        None => plain,
        Some(_) if cells < 2 => plain,
        Some(ties) => {
            let coefficient = 1.0 - ties / (size * size * size - size);
            (coefficient * own as f64 * others as f64 * (size + 1.0) / 12.0).sqrt()
        }
    };
    rank_sums
        .iter()
        .enumerate()
        .map(|(gene, sum)| {
            let score = (sum - expected) / deviation(gene);
            let score = if score.is_nan() { 0.0 } else { score };
            (score, two_sided(score))
        })
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_defined() {
        let (scores, pvals) = scores_of(&[15.0, 10.5], None);
        let deviation = (3.0 * 4.0 * 8.0 / 12.0_f64).sqrt();
        assert_eq!(scores, [3.0 / deviation, -1.5 / deviation]);
        assert_eq!(pvals, [3.0, -1.5].map(|difference| two_sided(difference / deviation)));
        // All are equal: no order, no deviation.
        assert_eq!(scores_of(&[12.0], Some(&[336.0])), (vec![0.0], vec![1.0]));
        let (corrected, _) = scores_of(&[15.0], Some(&[6.0]));
        assert!(corrected[0] > scores[0]);
    }

    fn scores_of(sums: &[f64], ties: Option<&[f64]>) -> (Vec<f64>, Vec<f64>) {
        super::scores(sums, ties, 3, 4)
    }
}
