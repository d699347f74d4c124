//! Choosing positions: `numpy.random.Generator.choice`.

use super::Generator;

/// From which extent on numpy may shuffle all positions to choose some.
const LARGE: u32 = 10_000;

/// The part of a large extent from which on it does.
const PART: u32 = 50;

/// `Generator.choice(extent, size, replace)` of numpy, without probabilities. Fewer come if there are fewer and none may
/// come again; none if there are none.
pub fn choice(generator: &mut Generator, extent: u32, size: u32, replace: bool) -> Vec<u32> {
    let Some(last) = extent.checked_sub(1) else { return Vec::new() };
    if replace {
        return (0..size).map(|_| generator.up_to(last)).collect();
    }
    let size = size.min(extent);
    if extent > LARGE && size > extent / PART {
        let mut all: Vec<u32> = (0..extent).collect();
        shuffle(generator, &mut all, (extent - size).max(1) as usize);
        return all.split_off((extent - size) as usize);
    }
    // Floyd's algorithm: of the numbers up to j, one that was not taken yet, or else j.
    let mut taken = std::collections::HashSet::with_capacity(size as usize);
    let mut chosen = Vec::with_capacity(size as usize);
    for j in extent - size..extent {
        let drawn = generator.up_to(j);
        let fresh = if taken.insert(drawn) { drawn } else { j };
        taken.insert(fresh);
        chosen.push(fresh);
    }
    shuffle(generator, &mut chosen, 1);
    chosen
}

/// Shuffles from the end down to `first`.
fn shuffle(generator: &mut Generator, values: &mut [u32], first: usize) {
    for i in (first..values.len()).rev() {
        let Ok(last) = u32::try_from(i) else { return };
        values.swap(i, generator.up_to(last) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What numpy 2 gives for `default_rng(seed).choice(extent, size, replace)`.
    #[test]
    fn equals_numpy() {
        let of = |seed, extent, size, replace| choice(&mut Generator::new(seed), extent, size, replace);
        assert_eq!(of(0, 10, 4, false), [2, 4, 5, 7]);
        assert_eq!(of(0, 10, 10, false), [0, 9, 1, 2, 4, 6, 3, 7, 5, 8]);
        assert_eq!(of(3, 1, 3, true), [0, 0, 0]);
        assert_eq!(of(1, 100, 5, true), [47, 51, 75, 95, 3]);
        assert_eq!(of(5, 20000, 6, false), [9376, 452, 13412, 10306, 16096, 16157]);
        assert_eq!(of(5, 20_000, 500, false)[..5], [18134, 18689, 1322, 2064, 372]);
        assert_eq!(of(5, 20_000, 20_000, false)[..5], [17125, 3062, 4614, 13641, 15244]);
    }

    #[test]
    fn every_position_comes_once() {
        for (extent, size) in [(1, 1), (10, 10), (12_000, 12_000), (12_000, 100)] {
            let mut chosen = choice(&mut Generator::new(7), extent, size, false);
            chosen.sort_unstable();
            chosen.dedup();
            assert_eq!(chosen.len(), size as usize);
        }
    }
}
