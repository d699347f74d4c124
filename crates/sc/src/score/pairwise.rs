//! Sums in the order of numpy.

use std::ops::Add;

/// Values that numpy adds without cutting them further.
pub(super) const LEAF: usize = 128;

/// Running sums of a leaf.
pub(super) const LANES: usize = 8;

/// Where numpy cuts more values than a leaf has.
pub(super) fn cut(count: usize) -> usize {
    let half = count / 2;
    half - half % LANES
}

/// The running sums of a leaf as one.
pub(super) fn joined<T: Copy + Add<Output = T>>(r: [T; LANES]) -> T {
    ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
}

/// `numpy.add.reduce` of values that stand one behind the other.
pub(super) fn pairwise<T: Copy + Default + Add<Output = T>>(values: &[T]) -> T {
    if values.len() > LEAF {
        let (first, second) = values.split_at(cut(values.len()));
        return pairwise(first) + pairwise(second);
    }
    let mut groups = values.chunks_exact(LANES);
    let mut sums = [T::default(); LANES];
    let mut any = false;
    for group in &mut groups {
        any = true;
        sums.iter_mut().zip(group).for_each(|(sum, value)| *sum = *sum + *value);
    }
    let start = if any { joined(sums) } else { T::default() };
    groups.remainder().iter().fold(start, |sum, value| sum + *value)
}

/// `numpy.add.reduceat` of one piece: the first value, then the sum of the others. This is how scipy adds up what is
/// stored of a row of a CSR matrix, or of a column of a CSC matrix.
pub(super) fn reduced<T: Copy + Default + Add<Output = T>>(values: &[T]) -> T {
    values.split_first().map_or_else(T::default, |(first, others)| *first + pairwise(others))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What numpy gives for `numpy.add.reduce(1 / numpy.arange(1, n + 1, dtype="float32"))`.
    #[test]
    fn equals_numpy() {
        let values: Vec<f32> = (1..=5000_u16).map(|i| 1.0 / f32::from(i)).collect();
        for (count, bits) in NUMPY {
            assert_eq!(pairwise(&values[..count]).to_bits(), bits, "{count}");
        }
    }

    const NUMPY: [(usize, u32); 6] = [
        (0, 0x0000_0000),
        (7, 0x4025_f160),
        (100, 0x40a5_ff01),
        (129, 0x40ae_1bda),
        (1000, 0x40ef_88fc),
        (5000, 0x4111_831c),
    ];
}
