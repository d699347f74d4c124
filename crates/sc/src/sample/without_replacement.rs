//! Some of very many numbers, each at most once: `sklearn.utils.random.sample_without_replacement`.

use super::Mersenne;
use crate::{Error, Result};

/// Shares of all numbers between which scikit-learn shuffles all of them.
const SHUFFLED: [f64; 2] = [0.01, 0.99];

/// `size` of the numbers from 0 to `population` - 1, in the order in which
/// `sklearn.utils.random.sample_without_replacement(population, size, random_state=RandomState(seed))` draws them.
/// Where few are drawn, it takes memory for these; from one in a hundred on, 4 bytes for each of the population.
///
/// # Errors
/// `Argument` if there are not so many numbers; `Unsupported` if more than 2^32 would have to be shuffled.
pub fn sample_without_replacement(generator: &mut Mersenne, population: u64, size: usize) -> Result<Vec<u64>> {
    if size as u64 > population {
        return Err(Error::argument(format!("{size} of {population} cannot be drawn once each")));
    }
    let share = if population == 0 { 1.0 } else { size as f64 / population as f64 };
    if share > SHUFFLED[0] && share < SHUFFLED[1] {
        let (Ok(extent), Ok(size)) = (u32::try_from(population), u32::try_from(size)) else {
            return Err(Error::unsupported(format!("{size} of {population} numbers: more than 2^32 to shuffle")));
        };
        return Ok(generator.choice(extent, size).into_iter().map(u64::from).collect());
    }
    if share <= SHUFFLED[0] {
        let mut taken = std::collections::HashSet::with_capacity(size);
        return Ok((0..size)
            .map(|_| {
                loop {
                    let drawn = generator.up_to(population - 1);
                    if taken.insert(drawn) {
                        return drawn;
                    }
                }
            })
            .collect());
    }
    // Nearly all: those that come later take the places of others.
    let mut out: Vec<u64> = (0..size as u64).collect();
    for later in size as u64..population {
        let place = usize::try_from(generator.up_to(later)).ok();
        if let Some(slot) = place.and_then(|place| out.get_mut(place)) {
            *slot = later;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u32, population: u64, size: usize) -> Vec<u64> {
        sample_without_replacement(&mut Mersenne::new(seed), population, size).unwrap()
    }

    /// What scikit-learn 1.7 gives.
    #[test]
    fn equals_scikit_learn() {
        assert_eq!(drawn(0, 1_000_000, 5), [985_772, 305_711, 435_829, 117_952, 963_395]);
        assert_eq!(drawn(7, 10_000_000_000, 4), [5_664_942_582, 1_322_904_761, 9_723_251_223, 372_560_217]);
        assert_eq!(drawn(1, 40_000, 400)[..5], [33_003, 12_172, 5192, 32_511, 7813]);
        assert_eq!(drawn(2, 400, 40)[..5], [94, 32, 225, 157, 356]);
        assert_eq!(drawn(4, 4, 4), [0, 1, 2, 3]);
        let late: Vec<(u64, u64)> = (0..).zip(drawn(5, 1000, 991)).filter(|(place, drawn)| place != drawn).collect();
        assert_eq!(
            late,
            [(8, 997), (73, 996), (118, 994), (206, 992), (400, 995), (701, 993), (740, 998), (743, 999), (867, 991)]
        );
    }

    #[test]
    fn every_number_comes_once() {
        for (population, size) in [(0, 0), (1, 0), (1, 1), (4, 4), (50, 30), (1000, 10), (10_000, 7), (1000, 995)] {
            let mut numbers = drawn(3, population, size);
            numbers.sort_unstable();
            numbers.dedup();
            assert!(numbers.len() == size && numbers.last().is_none_or(|last| *last < population));
        }
        assert!(sample_without_replacement(&mut Mersenne::new(0), 3, 4).is_err());
    }
}
