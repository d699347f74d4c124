//! Random numbers: few are needed, and they only have to be the same everywhere.

/// `SplitMix64` (Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// For one of several starts; the first has the numbers of the seed itself.
    pub(super) fn of_start(seed: u64, start: u64) -> Self {
        // Far from those of other seeds, which are small numbers.
        Self::new(seed ^ start.rotate_right(8))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number of at least 0 and less than 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below `count`; the bias of multiplying is below 2^-32.
    fn below(&mut self, count: u64) -> usize {
        usize::try_from((u128::from(self.next()) * u128::from(count)) >> 64).unwrap_or(0)
    }

    /// The vertices of a graph in random order.
    pub(super) fn order(&mut self, vertices: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..).take(vertices).collect();
        for last in (1..vertices).rev() {
            order.swap(last, self.below(last as u64 + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_stream_and_all_orders() {
        let mut random = Random::new(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..6000 {
            *seen.entry(random.order(3)).or_insert(0) += 1;
            assert!((0.0..1.0).contains(&random.unit()));
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|count| (850..1150).contains(count)), "{seen:?}");
        assert!(random.order(0).is_empty());
    }
}
