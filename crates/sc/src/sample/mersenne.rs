//! The legacy generator of numpy.

/// Words of the state.
const LENGTH: usize = 624;

/// `numpy.random.RandomState(seed)`: the Mersenne Twister MT19937 of Matsumoto and Nishimura. What numba compiles from
/// `numpy.random.seed` gives the same stream.
#[derive(Clone, Debug)]
pub struct Mersenne {
    state: [u32; LENGTH],
    /// The next word of the state; all of them were used at first.
    next: usize,
}

impl Mersenne {
    /// Starts the stream of a seed.
    pub fn new(seed: u32) -> Self {
        let mut word = seed;
        let state = std::array::from_fn(|i| {
            let this = word;
            #[expect(clippy::cast_possible_truncation, reason = "one of 624")]
            let place = i as u32 + 1;
            word = (this ^ (this >> 30)).wrapping_mul(1_812_433_253).wrapping_add(place);
            this
        });
        Self { state, next: LENGTH }
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.next == LENGTH {
            self.turn();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn turn(&mut self) {
        for i in 0..LENGTH {
            let word = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % LENGTH] & 0x7fff_ffff);
            let odd = if word & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + 397) % LENGTH] ^ (word >> 1) ^ odd;
        }
        self.next = 0;
    }

    /// A number from 0 to `last`, each equally likely: as many bits as it takes, until they are not too large.
    pub fn up_to(&mut self, last: u64) -> u64 {
        let mask = u64::MAX.checked_shr(last.leading_zeros()).unwrap_or(0);
        if last == 0 {
            return 0;
        }
        loop {
            let word = if u32::try_from(last).is_ok() {
                u64::from(self.next_u32())
            } else {
                let high = u64::from(self.next_u32());
                (high << 32) | u64::from(self.next_u32())
            };
            if word & mask <= last {
                return word & mask;
            }
        }
    }

    /// The first `size` of `RandomState.permutation(extent)`, as `RandomState.choice(extent, size, replace=False)` gives
    /// them.
    pub fn choice(&mut self, extent: u32, size: u32) -> Vec<u32> {
        let mut all: Vec<u32> = (0..extent).collect();
        for i in (1..all.len()).rev() {
            let drawn = usize::try_from(self.up_to(i as u64)).unwrap_or(i);
            all.swap(i, drawn);
        }
        all.truncate(size as usize);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What numpy 2 gives for `RandomState(seed)`.
    #[test]
    fn equals_numpy() {
        let mut generator = Mersenne::new(0);
        assert_eq!(
            [(); 4].map(|()| generator.next_u32()),
            [2_357_136_044, 2_546_248_239, 3_071_714_933, 3_626_093_760]
        );
        let mut generator = Mersenne::new(u32::MAX);
        assert_eq!([(); 3].map(|()| generator.next_u32()), [419_326_371, 479_346_978, 3_918_654_476]);
        let mut generator = Mersenne::new(0);
        assert_eq!(generator.choice(10, 4), [2, 8, 4, 9]);
        assert_eq!(generator.choice(10, 4), [3, 5, 1, 2]);
        assert_eq!(Mersenne::new(7).choice(1000, 5), [778, 334, 271, 802, 216]);
        assert_eq!(Mersenne::new(7).choice(0, 5), [] as [u32; 0]);
    }

    #[test]
    fn wide_numbers_take_two_words() {
        let mut generator = Mersenne::new(3);
        let drawn = [(); 3].map(|()| generator.up_to((1 << 33) - 1));
        assert_eq!(drawn, [303_761_048, 7_902_520_963, 521_102_280]);
    }
}
