//! HDF5's shuffle: the first bytes of all values, then the second bytes, and so on.

/// Undoes the shuffle of values of `size` bytes. Trailing bytes that fill no value are stored as they are.
pub(crate) fn unshuffle(size: usize, source: &[u8], target: &mut [u8]) {
    match size {
        2 => unshuffle_fixed::<2>(source, target),
        4 => unshuffle_fixed::<4>(source, target),
        8 => unshuffle_fixed::<8>(source, target),
        0 | 1 => target.copy_from_slice(source),
        _ => {
            let count = source.len() / size;
            for (byte, plane) in source.chunks_exact(count.max(1)).take(size).enumerate() {
                for (value, &bits) in target.chunks_exact_mut(size).zip(plane) {
                    value[byte] = bits;
                }
            }
            target[count * size..].copy_from_slice(&source[count * size..]);
        }
    }
}

/// Shuffles values of `size` bytes.
pub(crate) fn shuffle(size: usize, source: &[u8], target: &mut [u8]) {
    match size {
        2 => shuffle_fixed::<2>(source, target),
        4 => shuffle_fixed::<4>(source, target),
        8 => shuffle_fixed::<8>(source, target),
        0 | 1 => target.copy_from_slice(source),
        _ => {
            let count = source.len() / size;
            for (byte, plane) in target.chunks_exact_mut(count.max(1)).take(size).enumerate() {
                for (bits, value) in plane.iter_mut().zip(source.chunks_exact(size)) {
                    *bits = value[byte];
                }
            }
            target[count * size..].copy_from_slice(&source[count * size..]);
        }
    }
}

/// Values handled at a time: small enough that the planes stay in the first cache, large enough to vectorise.
const BLOCK: usize = 64;

fn unshuffle_fixed<const N: usize>(source: &[u8], target: &mut [u8]) {
    let count = source.len() / N;
    let (values, tail) = target.split_at_mut(count * N);
    let planes: [&[u8]; N] = std::array::from_fn(|byte| &source[byte * count..(byte + 1) * count]);
    let mut start = 0;
    for block in values.chunks_mut(BLOCK * N) {
        let length = block.len() / N;
        let (block, _) = block.as_chunks_mut::<N>();
        if length == BLOCK {
            // Fixed lengths let the compiler turn this into byte interleaves.
            let piece: [&[u8; BLOCK]; N] =
                std::array::from_fn(|byte| planes[byte][start..].first_chunk::<BLOCK>().unwrap_or(&[0; BLOCK]));
            for i in 0..BLOCK {
                block[i] = std::array::from_fn(|byte| piece[byte][i]);
            }
        } else {
            for (i, value) in block.iter_mut().enumerate() {
                *value = std::array::from_fn(|byte| planes[byte][start + i]);
            }
        }
        start += length;
    }
    tail.copy_from_slice(&source[count * N..]);
}

fn shuffle_fixed<const N: usize>(source: &[u8], target: &mut [u8]) {
    let count = source.len() / N;
    let (values, _) = source.as_chunks::<N>();
    for byte in 0..N {
        let plane = &mut target[byte * count..(byte + 1) * count];
        for (bits, value) in plane.iter_mut().zip(values) {
            *bits = value[byte];
        }
    }
    target[count * N..].copy_from_slice(&source[count * N..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffle_is_undone_for_every_size_and_length() {
        for size in [1, 2, 3, 4, 8, 12, 16] {
            for length in [0, 1, size, size * 5 + 1, size * 64, size * 133 + size / 2] {
                let source: Vec<u8> = (0..length).map(|i| u8::try_from(i * 7 % 251).unwrap_or(0)).collect();
                let (mut mixed, mut back) = (vec![0; length], vec![0; length]);
                shuffle(size, &source, &mut mixed);
                if length >= 2 * size && size > 1 {
                    assert_eq!(mixed[1], source[size], "the second byte is the first byte of the second value");
                }
                unshuffle(size, &mixed, &mut back);
                assert_eq!(source, back, "{size} {length}");
            }
        }
    }
}
