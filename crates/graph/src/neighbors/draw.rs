//! Random choices that are the same in any order and on any thread.

/// A hash of a counter and a seed (`SplitMix64`).
pub(super) fn mix(counter: u64, seed: u64) -> u64 {
    let mut value = counter.wrapping_add(seed.wrapping_mul(0xD1B5_4A32_D192_ED03)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// `count` of `0..extent`, rising: one of each of `count` ranges of the same length. All, if there are not as many.
pub(super) fn spread(extent: usize, count: usize, seed: u64) -> Vec<usize> {
    if count >= extent {
        return (0..extent).collect();
    }
    let end = |i: usize| extent / count * i + extent % count * i / count;
    (0..count)
        .map(|i| {
            let (start, end) = (end(i), end(i + 1));
            let drawn = mix(i as u64, seed) % (end - start).max(1) as u64;
            start + usize::try_from(drawn).unwrap_or(0)
        })
        .collect()
}
