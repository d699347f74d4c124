//! The default generator of numpy.

use rand_core::Rng;
use rand_pcg::Pcg64;

/// `numpy.random.default_rng(seed)`: PCG64 (XSL-RR), seeded by a `SeedSequence`.
#[derive(Clone, Debug)]
pub struct Generator {
    state: Pcg64,
    /// The upper half of the last 64 bits, of which only the lower was used.
    half: Option<u32>,
}

impl Generator {
    /// Starts the stream of a seed.
    pub fn new(seed: u64) -> Self {
        let words = seed_sequence(seed);
        let wide = |high: usize| {
            (0..4).fold(0_u128, |all, i| {
                // Two words of 64 bits, the higher first; each is two of 32 bits, the lower first.
                let word = words[high + [1, 0, 3, 2][i]];
                (all << 32) | u128::from(word)
            })
        };
        Self { state: Pcg64::new(wide(0), wide(4)), half: None }
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        if let Some(half) = self.half.take() {
            return half;
        }
        let word = self.state.next_u64();
        #[expect(clippy::cast_possible_truncation, reason = "the lower half, then the upper")]
        let halves = (word as u32, (word >> 32) as u32);
        self.half = Some(halves.1);
        halves.0
    }

    /// A number from 0 to `last`, each equally likely, by Lemire's method.
    pub fn up_to(&mut self, last: u32) -> u32 {
        if last == 0 {
            return 0;
        }
        let Some(count) = last.checked_add(1) else { return self.next_u32() };
        let threshold = (u32::MAX - last) % count;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(count);
            #[expect(clippy::cast_possible_truncation, reason = "the lower half decides, the upper is the result")]
            let (low, high) = (product as u32, (product >> 32) as u32);
            if low >= threshold {
                return high;
            }
        }
    }
}

const SHIFT: u32 = 16;

/// `numpy.random.SeedSequence(seed).generate_state(8)`, by Melissa O'Neill's `seed_seq_fe128`.
fn seed_sequence(seed: u64) -> [u32; 8] {
    #[expect(clippy::cast_possible_truncation, reason = "a seed is two words")]
    let entropy = [seed as u32, (seed >> 32) as u32, 0, 0];
    let mut constant = 0x43b0_d7e5_u32;
    let mut hash = |value: u32| {
        let value = value ^ constant;
        constant = constant.wrapping_mul(0x931e_8875);
        let value = value.wrapping_mul(constant);
        value ^ (value >> SHIFT)
    };
    let mut pool = entropy.map(&mut hash);
    for source in 0..4 {
        for target in (0..4).filter(|&target| target != source) {
            let mixed =
                pool[target].wrapping_mul(0xca01_f9dd).wrapping_sub(hash(pool[source]).wrapping_mul(0x4973_f715));
            pool[target] = mixed ^ (mixed >> SHIFT);
        }
    }
    let mut constant = 0x8b51_f9dd_u32;
    std::array::from_fn(|i| {
        let value = pool[i % 4] ^ constant;
        constant = constant.wrapping_mul(0x58f3_8ded);
        let value = value.wrapping_mul(constant);
        value ^ (value >> SHIFT)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What numpy 2 gives.
    #[test]
    fn equals_numpy() {
        assert_eq!(
            seed_sequence(0),
            [
                2_968_811_710,
                3_677_149_159,
                745_650_761,
                2_884_920_346,
                2_642_120_001,
                549_907_821,
                574_372_308,
                742_431_198
            ]
        );
        assert_eq!(
            seed_sequence(42),
            [
                3_444_837_047,
                2_669_555_309,
                2_046_530_742,
                3_581_440_988,
                1_691_623_607,
                2_099_784_219,
                1_184_028_159,
                862_288_241
            ]
        );
        assert_eq!(
            seed_sequence(1_099_511_627_781),
            [
                3_767_146_251,
                3_672_381_269,
                2_127_416_108,
                2_216_012_776,
                1_267_800_272,
                623_232_436,
                865_255_123,
                1_120_041_279
            ]
        );
        let mut generator = Generator::new(42);
        assert_eq!([(); 4].map(|()| generator.next_u32()), [383_329_928, 3_324_115_917, 2_811_363_265, 1_884_968_545]);
        let mut generator = Generator::new(0);
        assert_eq!(
            [(); 6].map(|()| generator.up_to(2_999_999_999)),
            [2_551_872_677, 1_910_885_061, 1_533_409_439, 809_360_140, 923_488_268, 122_920_571]
        );
    }
}
