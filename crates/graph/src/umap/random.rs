//! Random numbers that depend on what they are for and on nothing else.

/// Numbers for one purpose: the same for any number of threads, in any order of the work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Every bit of the result depends on every bit given (the finisher of `SplitMix64`).
#[inline]
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Stream {
    /// The numbers of a run for a pair of numbers, such as an epoch and a vertex.
    #[inline]
    pub(crate) fn new(seed: u64, first: u64, second: u64) -> Self {
        let run = mixed(seed.wrapping_add(STEP)).wrapping_add(first.wrapping_mul(STEP));
        Self(mixed(mixed(run) ^ second.wrapping_mul(STEP)))
    }

    /// The next 64 bits.
    #[inline]
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mixed(self.0)
    }

    /// Between zero and one.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Between these.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    /// From a normal distribution (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_spread_evenly_and_differ_by_purpose() {
        let mut stream = Stream::new(0, 1, 2);
        let units: Vec<f64> = (0..20_000).map(|_| stream.unit()).collect();
        let mean = units.iter().sum::<f64>() / 20_000.0;
        assert!((mean - 0.5).abs() < 0.01 && units.iter().all(|unit| (0.0..1.0).contains(unit)));
        let squares = (0..20_000).map(|_| stream.normal().powi(2)).sum::<f64>() / 20_000.0;
        assert!((squares - 1.0).abs() < 0.05, "{squares}");
        let first = |seed, a, b| Stream::new(seed, a, b).bits();
        let all = [first(0, 0, 0), first(1, 0, 0), first(0, 1, 0), first(0, 0, 1), first(0, 1, 1), first(1, 1, 0)];
        assert!((0..all.len()).all(|i| (0..i).all(|j| all[i] != all[j])));
        assert_eq!(first(3, 4, 5), first(3, 4, 5));
    }
}
