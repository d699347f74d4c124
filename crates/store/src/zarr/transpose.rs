//! Chunks whose dimensions are stored in another order.

/// Calls `each` with the place of a value in row-major order of `shape`, and its place as stored, for every value.
/// `order` names the dimensions in the order in which they are stored.
pub(super) fn places(shape: &[u64], order: &[usize], mut each: impl FnMut(usize, usize)) {
    let extent = |dimension: usize| usize::try_from(shape[dimension]).unwrap_or(usize::MAX);
    // How far apart neighbours along each dimension are stored.
    let mut strides = vec![1; shape.len()];
    let mut stride = 1;
    for &dimension in order.iter().rev() {
        strides[dimension] = stride;
        stride *= extent(dimension);
    }
    let mut position = vec![0; shape.len()];
    let mut stored = 0;
    for place in 0..stride {
        each(place, stored);
        for dimension in (0..shape.len()).rev() {
            position[dimension] += 1;
            stored += strides[dimension];
            if position[dimension] < extent(dimension) {
                break;
            }
            stored -= strides[dimension] * extent(dimension);
            position[dimension] = 0;
        }
    }
}

/// Copies values of `size` bytes into row-major order.
pub(super) fn restore(shape: &[u64], order: &[usize], size: usize, source: &[u8], target: &mut [u8]) {
    places(shape, order, |place, stored| {
        target[place * size..][..size].copy_from_slice(&source[stored * size..][..size]);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_first_becomes_rows_first() {
        let mut out = [0; 6];
        restore(&[2, 3], &[1, 0], 1, &[0, 3, 1, 4, 2, 5], &mut out);
        assert_eq!(out, [0, 1, 2, 3, 4, 5]);
    }
}
