//! Doublets with fewer counts than their parents have: `synthetic_doublet_umi_subsampling`.

use annstream_core::lazy::Real;

use crate::sample::Generator;

/// Keeps each count with the same probability. Every doublet has a stream of its own, so that it does not matter who
/// looks at which doublet when.
///
/// Scanpy draws for one gene after the other, and within a gene in an order that numpy leaves to the processor; so
/// counts that stay are distributed as there, and not the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thin {
    /// The probability; above 0, below 1.
    pub(super) rate: f64,
    /// The seed.
    pub(super) seed: u32,
}

impl Thin {
    /// Draws what is left of the counts of a doublet; fractions of counts are rounded first.
    pub(super) fn change<T: Real>(self, doublet: usize, values: &mut [T]) {
        let mut generator = Generator::new(((doublet as u64) << 32) | u64::from(self.seed));
        for value in values {
            let count = value.wide().round_ties_even();
            *value = T::narrow(if self.rate <= 0.5 {
                successes(&mut generator, count, self.rate)
            } else {
                count - successes(&mut generator, count, 1.0 - self.rate)
            });
        }
    }
}

/// How many of `count` trials succeed: the trials up to each success are drawn, until there are no more.
fn successes(generator: &mut Generator, count: f64, rate: f64) -> f64 {
    let failures = (-rate).ln_1p();
    let (mut trials, mut found) = (0.0, 0.0);
    loop {
        trials += (uniform(generator).ln() / failures).floor() + 1.0;
        if trials > count || !trials.is_finite() {
            return found;
        }
        found += 1.0;
    }
}

/// Above 0, at most 1.
fn uniform(generator: &mut Generator) -> f64 {
    let (high, low) = (u64::from(generator.next_u32() >> 5), u64::from(generator.next_u32() >> 6));
    (high * (1 << 26) + low + 1) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_variances_are_binomial() {
        for (rate, count) in [(0.1, 7.0), (0.5, 3.0), (0.9, 20.0), (0.75, 400.0)] {
            let thin = Thin { rate, seed: 5 };
            let mut all = vec![count; 40_000];
            for (doublet, values) in all.chunks_mut(100).enumerate() {
                thin.change(doublet, values);
            }
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            let variance = all.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / all.len() as f64;
            let expected = count * rate * (1.0 - rate);
            assert!(all.iter().all(|value| (0.0..=count).contains(value) && value.fract() == 0.0));
            assert!((mean - count * rate).abs() < 5.0 * (expected / 40_000.0).sqrt(), "{mean} of {rate}");
            assert!((variance / expected - 1.0).abs() < 0.06, "{variance} of {expected}");
        }
    }

    #[test]
    fn a_doublet_has_a_stream_of_its_own() {
        let thin = Thin { rate: 0.4, seed: 0 };
        let drawn = |doublet| {
            let mut values = [9.0_f32; 40];
            thin.change(doublet, &mut values);
            values.to_vec()
        };
        assert!(drawn(3) == drawn(3) && drawn(3) != drawn(4));
        let mut none = [0.0_f32, 0.4, 1.0];
        Thin { rate: 1e-300, seed: 0 }.change(0, &mut none);
        assert!(none.iter().all(|value| *value == 0.0));
    }
}
