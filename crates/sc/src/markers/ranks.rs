//! Sums of the ranks that groups of cells have in one gene.
//!
//! Only values that are not zero are sorted; all zeros are one tie, between the negative values and the positive ones. A
//! rank is the mean of the places that equal values share, a multiple of one half, so that sums of them are exact.

use annstream_core::lazy::Real;

/// With whom a group is ranked together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Against {
    /// With all cells.
    All,
    /// With this group only; cells of neither are left out.
    Group(u32),
}

/// A value that sorts, with its group in the lowest 32 bits.
pub(super) trait Packed: Real {
    /// What is sorted.
    type Key: Copy + Ord + Send;
    /// Of a value that is not zero. NaN comes last, and is equal to itself.
    fn pack(self, group: u32) -> Self::Key;
    /// Equal for equal values, and rising with them.
    fn value(key: Self::Key) -> u64;
    /// The group.
    fn group(key: Self::Key) -> usize;
}

impl Packed for f32 {
    type Key = u64;

    fn pack(self, group: u32) -> u64 {
        let bits = if self.is_nan() { Self::NAN.to_bits() & !(1 << 31) } else { self.to_bits() };
        let rising = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
        u64::from(rising) << 32 | u64::from(group)
    }

    fn value(key: u64) -> u64 {
        key >> 32
    }

    fn group(key: u64) -> usize {
        (key & 0xFFFF_FFFF) as usize
    }
}

impl Packed for f64 {
    type Key = (u64, u32);

    fn pack(self, group: u32) -> (u64, u32) {
        let bits = if self.is_nan() { Self::NAN.to_bits() & !(1 << 63) } else { self.to_bits() };
        (if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }, group)
    }

    fn value(key: (u64, u32)) -> u64 {
        key.0
    }

    fn group(key: (u64, u32)) -> usize {
        key.1 as usize
    }
}

/// What a gene gives, group by group.
pub(super) struct GeneRanks<'a> {
    /// The sum of the ranks of each group.
    pub(super) sums: &'a mut [f64],
    /// Sums of `t³ - t` over the ties among the cells that each group is ranked with; one for all under
    /// [`Against::All`]; empty if they are not asked for.
    pub(super) ties: &'a mut [f64],
}

/// Ranks genes, one after the other; keeps its buffers.
pub(super) struct Ranker<'a, T: Packed> {
    /// Number of cells of each group.
    sizes: &'a [u64],
    against: Against,
    keys: Vec<T::Key>,
    /// Cells of each group before the tie at hand, and in it.
    before: Vec<u64>,
    here: Vec<u64>,
    /// Cells that are not zero, of each group.
    nonzero: Vec<u64>,
    /// Groups with cells in the tie at hand.
    touched: Vec<usize>,
    ties: Vec<u128>,
}

impl<'a, T: Packed> Ranker<'a, T> {
    pub(super) fn new(sizes: &'a [u64], against: Against) -> Self {
        let zeros = || vec![0; sizes.len()];
        let ties = vec![0; sizes.len()];
        let (before, here, nonzero) = (zeros(), zeros(), zeros());
        Self { sizes, against, keys: Vec::new(), before, here, nonzero, touched: Vec::new(), ties }
    }

    /// Ranks a gene: its stored values, and the group of each. Groups are below the number of sizes.
    pub(super) fn rank(&mut self, values: &[T], groups: impl Iterator<Item = u32>, out: &mut GeneRanks<'_>) {
        let mut keys = std::mem::take(&mut self.keys);
        keys.clear();
        self.nonzero.fill(0);
        for (value, group) in values.iter().zip(groups).filter(|(value, _)| **value != T::default()) {
            keys.push(value.pack(group));
            self.nonzero[group as usize] += 1;
        }
        keys.sort_unstable();
        self.before.fill(0);
        self.ties.fill(0);
        out.sums.fill(0.0);
        // NaN is none of the negative ones.
        let zero = T::value(T::default().pack(0));
        let negative = keys.partition_point(|key| T::value(*key) < zero);
        self.runs(&keys[..negative], out);
        for group in 0..self.sizes.len() {
            let zeros = self.sizes[group] - self.nonzero[group];
            if zeros > 0 {
                self.here[group] = zeros;
                self.touched.push(group);
            }
        }
        self.tie(out);
        self.runs(&keys[negative..], out);
        for (out, ties) in out.ties.iter_mut().zip(&self.ties) {
            *out = *ties as f64;
        }
        self.keys = keys;
    }

    /// Takes sorted keys, one tie after the other.
    fn runs(&mut self, keys: &[T::Key], out: &mut GeneRanks<'_>) {
        for run in keys.chunk_by(|a, b| T::value(*a) == T::value(*b)) {
            for key in run {
                let group = T::group(*key);
                if self.here[group] == 0 {
                    self.touched.push(group);
                }
                self.here[group] += 1;
            }
            self.tie(out);
        }
    }

    /// Gives the cells of a tie their rank.
    fn tie(&mut self, out: &mut GeneRanks<'_>) {
        let Self { against, before, here, touched, ties, .. } = self;
        let count_ties = !out.ties.is_empty();
        match *against {
            Against::All => {
                // `before[0]` counts all groups here.
                let length: u64 = touched.iter().map(|&group| here[group]).sum();
                let rank = before[0] as f64 + (length + 1) as f64 / 2.0;
                for &group in &*touched {
                    out.sums[group] += rank * here[group] as f64;
                }
                before[0] += length;
                if count_ties {
                    ties[0] += cubes(length);
                }
            }
            Against::Group(reference) => {
                let reference = reference as usize;
                let (own_before, own) = (before[reference], here[reference]);
                if count_ties && own > 1 {
                    // For all groups alike; those of this tie are put right below.
                    let alone = cubes(own);
                    for ties in ties.iter_mut() {
                        *ties += alone;
                    }
                }
                for &group in touched.iter().filter(|group| **group != reference) {
                    let length = here[group] + own;
                    let rank = (before[group] + own_before) as f64 + (length + 1) as f64 / 2.0;
                    out.sums[group] += rank * here[group] as f64;
                    if count_ties {
                        ties[group] += cubes(length) - cubes(own);
                    }
                }
                for &group in &*touched {
                    before[group] += here[group];
                }
            }
        }
        touched.drain(..).for_each(|group| here[group] = 0);
    }
}

/// `t³ - t`.
fn cubes(t: u64) -> u128 {
    let t = u128::from(t);
    t * t * t - t
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Ranks of the cells of some groups by comparing all with all, and the ties among them.
    fn slow(values: &[f64], groups: &[u32], with: &[u32], of: u32) -> (f64, f64) {
        let among: Vec<f64> =
            values.iter().zip(groups).filter(|(_, group)| with.contains(group)).map(|(value, _)| *value).collect();
        let (mut sum, mut ties) = (0.0, 0.0);
        for (value, group) in values.iter().zip(groups) {
            let below = among.iter().filter(|other| *other < value).count() as f64;
            let equal =
                among.iter().filter(|other| other.partial_cmp(&value).is_some_and(std::cmp::Ordering::is_eq)).count()
                    as f64;
            if *group == of {
                sum += below + f64::midpoint(equal, 1.0);
            }
            if with.contains(group) {
                ties += equal * equal - 1.0;
            }
        }
        (sum, ties)
    }

    fn check<T: Packed>(values: &[f64], groups: &[u32], narrow: impl Fn(f64) -> T) -> Result<(), TestCaseError> {
        const COUNT: u32 = 4;
        let sizes: Vec<u64> =
            (0..COUNT).map(|group| groups.iter().filter(|own| **own == group).count() as u64).collect();
        // Every other zero is not stored.
        let stored: Vec<usize> = (0..values.len()).filter(|at| values[*at] != 0.0 || at % 2 == 0).collect();
        let typed: Vec<T> = stored.iter().map(|at| narrow(values[*at])).collect();
        for against in [Against::All, Against::Group(2)] {
            let mut ranker = Ranker::<T>::new(&sizes, against);
            let len = if against == Against::All { 1 } else { sizes.len() };
            let (mut sums, mut ties) = (vec![0.0; sizes.len()], vec![0.0; len]);
            // Twice: nothing is left of the gene before.
            for _ in 0..2 {
                let mut out = GeneRanks { sums: &mut sums, ties: &mut ties };
                ranker.rank(&typed, stored.iter().map(|at| groups[*at]), &mut out);
            }
            for group in 0..COUNT {
                let with = match against {
                    Against::All => vec![0, 1, 2, 3],
                    Against::Group(2) if group == 2 => continue,
                    Against::Group(reference) => vec![group, reference],
                };
                let (sum, tied) = slow(values, groups, &with, group);
                prop_assert_eq!(sums[group as usize].to_bits(), f64::to_bits(sum));
                prop_assert_eq!(ties[if len == 1 { 0 } else { group as usize }].to_bits(), f64::to_bits(tied));
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn sums_are_those_of_comparing_all(cells in prop::collection::vec((0_u32..4, -3_i32..4, any::<bool>()), 0..60)) {
            let groups: Vec<u32> = cells.iter().map(|cell| cell.0).collect();
            let values: Vec<f64> = cells.iter().map(|cell| if cell.2 { 0.0 } else { f64::from(cell.1) * 0.75 }).collect();
            check::<f64>(&values, &groups, |value| value)?;
            check::<f32>(&values, &groups, f32::narrow)?;
        }
    }

    #[test]
    fn keys_rise_with_values() {
        let values = [f64::NEG_INFINITY, -2.0, -1e-300, 1e-300, 2.0, f64::INFINITY, f64::NAN];
        assert!(values.windows(2).all(|pair| pair[0].pack(9) < pair[1].pack(0)));
        assert_eq!(f64::value((-f64::NAN).pack(1)), f64::value(f64::NAN.pack(0)));
        let values = [f32::NEG_INFINITY, -2.0, -1e-40, 1e-40, 2.0, f32::INFINITY, f32::NAN];
        assert!(values.windows(2).all(|pair| pair[0].pack(9) < pair[1].pack(0)));
        assert_eq!((f32::value((-f32::NAN).pack(1)), f32::group(2.5_f32.pack(7))), (f32::value(f32::NAN.pack(0)), 7));
    }
}
