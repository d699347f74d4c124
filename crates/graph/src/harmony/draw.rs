//! Random numbers of one purpose.

/// Numbers that depend on a seed and a purpose, and on nothing else (`SplitMix64`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Every bit of the result depends on every bit given.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Draw {
    /// What the centres at the beginning are drawn from.
    pub(super) fn of_centres(seed: u64) -> Self {
        Self::new(seed, 0)
    }

    /// What the cells are dealt to blocks by in a turn.
    pub(super) fn of_turn(seed: u64, turn: u64) -> Self {
        Self::new(seed, turn + 1)
    }

    fn new(seed: u64, purpose: u64) -> Self {
        Self(mixed(mixed(seed.wrapping_add(STEP)) ^ purpose.wrapping_mul(STEP)))
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mixed(self.0)
    }

    /// One of as many numbers, from zero on; zero if there are none.
    pub(super) fn below(&mut self, count: usize) -> usize {
        let drawn = (u128::from(self.bits()) * count as u128) >> 64;
        usize::try_from(drawn).unwrap_or(0)
    }

    /// Between zero and one.
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Puts a list in another order (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(self.below(last + 1), last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_as_likely_as_another() {
        let mut seen = std::collections::BTreeMap::new();
        for turn in 0..6000 {
            let mut list = [0, 1, 2];
            Draw::of_turn(1, turn).shuffle(&mut list);
            *seen.entry(list).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|count| (850..1150).contains(count)), "{seen:?}");
        let mut draw = Draw::of_centres(3);
        let mean = (0..10_000).map(|_| draw.unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02 && draw.below(0) == 0 && draw.below(1) == 0);
    }
}
