//! Sums of the largest values of a row.

use annstream_core::lazy::Real;

/// Whole numbers below this are counted instead of sorted.
const SMALL: usize = 256;

/// Adds up the largest values of rows, one row after the other; keeps its memory.
pub(super) struct TopSums {
    /// How many of the largest, rising.
    ranks: Vec<usize>,
    /// How often each small number occurs; four times, since equal numbers in a row would wait for each other.
    counts: [[u32; SMALL]; 4],
    others: Vec<f64>,
}

impl TopSums {
    pub(super) fn new(ranks: &[usize]) -> Self {
        Self { ranks: ranks.to_vec(), counts: [[0; SMALL]; 4], others: Vec::new() }
    }

    /// For each rank the sum of so many of the largest values, zeros that are not stored among them.
    pub(super) fn add<T: Real>(&mut self, values: &[T], width: usize, out: &mut Vec<f64>) {
        if self.ranks.is_empty() {
            return;
        }
        self.counts = [[0; SMALL]; 4];
        self.others.clear();
        for (i, &value) in values.iter().enumerate() {
            let value = value.wide();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked in the next line")]
            let whole = value as usize;
            #[expect(clippy::float_cmp, reason = "whether it is a small whole number")]
            if whole < SMALL && whole as f64 == value && value.is_sign_positive() {
                self.counts[i % 4][whole] += 1;
            } else {
                self.others.push(value);
            }
        }
        let [first, rest @ ..] = &mut self.counts;
        for counts in rest {
            first.iter_mut().zip(counts).for_each(|(all, own)| *all += *own);
        }
        let counts = first;
        // Zeros that are not stored.
        counts[0] += u32::try_from(width - values.len()).unwrap_or(u32::MAX);
        self.others.sort_unstable_by(|a, b| b.total_cmp(a));
        let (mut taken, mut sum) = (0, 0.0);
        let (mut next, mut small, mut left) = (0, SMALL, 0);
        for &rank in &self.ranks {
            while taken < rank {
                while left == 0 && small > 0 {
                    small -= 1;
                    left = counts[small] as usize;
                }
                let counted = if left > 0 { small as f64 } else { f64::NEG_INFINITY };
                match self.others.get(next) {
                    Some(&value) if value >= counted || value.is_nan() => {
                        sum += value;
                        next += 1;
                        taken += 1;
                    }
                    _ if left > 0 => {
                        let many = left.min(rank - taken);
                        // Up to the next value that lies between.
                        sum += small as f64 * many as f64;
                        left -= many;
                        taken += many;
                    }
                    _ => break,
                }
            }
            out.push(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_sorting(
            values in prop::collection::vec(prop_oneof![(0_i32..400).prop_map(f64::from), -3.0..300.0_f64], 0..80),
            zeros in 0_usize..40,
            mut ranks in prop::collection::vec(1_usize..120, 1..5),
        ) {
            let width = values.len() + zeros;
            ranks.retain(|rank| *rank <= width);
            ranks.sort_unstable();
            let mut sorted = values.clone();
            sorted.resize(width, 0.0);
            sorted.sort_by(|a, b| b.total_cmp(a));
            let expected: Vec<f64> = ranks.iter().map(|&rank| sorted[..rank].iter().sum()).collect();
            let mut out = Vec::new();
            TopSums::new(&ranks).add(&values, width, &mut out);
            prop_assert_eq!(out.len(), expected.len());
            for (out, expected) in out.iter().zip(&expected) {
                prop_assert!((out - expected).abs() <= 1e-9 * expected.abs().max(1.0));
            }
        }
    }
}
