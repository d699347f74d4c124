//! Which counts stay.

use std::ops::AddAssign;

use annstream_core::lazy::Real;

use crate::sample::Mersenne;
use crate::{Error, Result};

/// Counts drawn from so many, by their positions, which rise.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Drawn {
    /// Of at most 2³².
    Narrow(Vec<u32>),
    /// Of more.
    Wide(Vec<u64>),
}

impl Drawn {
    /// Draws `target` of `total` counts: those of `RandomState(seed).choice(total, target, replace)`, which shuffles all
    /// positions from the last to the first. What stays in front is known once the others have been placed.
    pub(super) fn new(generator: &mut Mersenne, total: u64, target: u64, replace: bool) -> Result<Self> {
        let kept = size(target)?;
        let Some(last) = total.checked_sub(1) else { return Ok(Self::Narrow(vec![])) };
        #[expect(clippy::cast_possible_truncation, reason = "up to the last, which is narrow")]
        Ok(match (u32::try_from(last), replace) {
            (Ok(_), true) => Self::Narrow(sorted((0..kept).map(|_| generator.up_to(last) as u32).collect())),
            (Ok(last), false) => Self::Narrow(shuffled((0..=last).collect(), kept, generator)?),
            (Err(_), true) => Self::Wide(sorted((0..kept).map(|_| generator.up_to(last)).collect())),
            (Err(_), false) => Self::Wide(shuffled((0..=last).collect(), kept, generator)?),
        })
    }

    /// Memory of a draw, in bytes.
    pub(super) fn bytes(total: u64, target: u64, replace: bool) -> u64 {
        let one = if total > 1 << 32 { 8 } else { 4 };
        one * if replace { target } else { total }
    }

    /// Replaces values by how many of their counts were drawn; `before` are the counts in front of them.
    pub(super) fn refill<T: Real + AddAssign>(&self, values: &mut [T], before: f64) {
        match self {
            Self::Narrow(drawn) => refill(drawn, values, before, f64::from),
            Self::Wide(drawn) => refill(drawn, values, before, |count| count as f64),
        }
    }
}

fn size(count: u64) -> Result<usize> {
    usize::try_from(count).map_err(|_| Error::unsupported("counts exceed memory"))
}

fn sorted<T: Ord>(mut drawn: Vec<T>) -> Vec<T> {
    drawn.sort_unstable();
    drawn
}

fn shuffled<T: Ord>(mut all: Vec<T>, kept: usize, generator: &mut Mersenne) -> Result<Vec<T>> {
    for i in (kept.max(1)..all.len()).rev() {
        let place = size(generator.up_to(i as u64))?;
        all.swap(i, place);
    }
    all.truncate(kept);
    Ok(sorted(all))
}

fn refill<T: Real + AddAssign, P: Copy>(drawn: &[P], values: &mut [T], before: f64, wide: impl Fn(P) -> f64) {
    let mut place = drawn.partition_point(|count| wide(*count) < before);
    // In the precision of the values, as numpy.cumsum.
    let mut sum = T::default();
    for value in values {
        sum += *value;
        let end = before + sum.wide();
        let first = place;
        while drawn.get(place).is_some_and(|count| wide(*count) < end) {
            place += 1;
        }
        *value = T::narrow((place - first) as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What numba gives for `numpy.random.seed(seed)` and `numpy.sort(numpy.random.choice(total, target, replace))`.
    #[test]
    fn equals_numba() {
        let of = |seed, total, target, replace| Drawn::new(&mut Mersenne::new(seed), total, target, replace).unwrap();
        assert_eq!(of(0, 10, 4, false), Drawn::Narrow(vec![2, 4, 8, 9]));
        assert_eq!(of(5, 1000, 6, false), Drawn::Narrow(vec![11, 193, 279, 515, 544, 653]));
        assert_eq!(of(3, 1000, 5, true), Drawn::Narrow(vec![249, 643, 664, 874, 952]));
        assert_eq!(of(3, 1 << 33, 3, true), Drawn::Wide(vec![303_761_048, 521_102_280, 7_902_520_963]));
        assert_eq!(of(0, 3, 3, false), Drawn::Narrow(vec![0, 1, 2]));
        assert_eq!(of(0, 3, 0, false), Drawn::Narrow(vec![]));
        assert_eq!(of(0, 0, 0, false), Drawn::Narrow(vec![]));
    }

    #[test]
    fn counts_go_back_to_their_values() {
        let mut values = [2.0_f32, 0.0, 3.0, 1.0];
        Drawn::Narrow(vec![0, 2, 4, 5]).refill(&mut values, 0.0);
        assert_eq!(values.map(f32::to_bits), [1.0_f32, 0.0, 2.0, 1.0].map(f32::to_bits));
        let mut values = [2.0_f64, 3.0];
        Drawn::Wide(vec![0, 11, 14, 15]).refill(&mut values, 10.0);
        assert_eq!(values.map(f64::to_bits), [1.0_f64, 1.0].map(f64::to_bits));
    }
}
