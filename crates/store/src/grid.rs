//! The grid of chunks over an array, and how boxes of values are copied between a chunk and a region.

use std::ops::Range;

use crate::{Error, Region, Result};

/// The grid of chunks over an array.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    /// Extent of the array.
    pub(crate) shape: Vec<u64>,
    /// Extent of a chunk.
    pub(crate) chunk: Vec<u64>,
    /// Chunks in each dimension.
    counts: Vec<u64>,
}

impl Grid {
    /// Lays chunks over an array; `None` if they cannot be counted.
    pub(crate) fn new(shape: &[u64], chunk: &[u64]) -> Option<Self> {
        if chunk.len() != shape.len() || chunk.contains(&0) {
            return None;
        }
        let counts: Vec<u64> = shape.iter().zip(chunk).map(|(extent, chunk)| extent.div_ceil(*chunk)).collect();
        counts.iter().try_fold(1_u64, |all, &n| all.checked_mul(n))?;
        Some(Self { shape: shape.to_vec(), chunk: chunk.to_vec(), counts })
    }

    /// Number of chunks.
    pub(crate) fn len(&self) -> u64 {
        self.counts.iter().product()
    }

    /// Calls `each` with the place in the grid of every chunk, in order, and with the number of values that it has of the array,
    /// which is not empty.
    pub(crate) fn places(&self, mut each: impl FnMut(&[u64], u64) -> Result<()>) -> Result<()> {
        let all = Region::all(&self.shape);
        let mut place = vec![0; self.shape.len()];
        self.touched(&all, |_, extent| {
            for ((place, range), chunk) in place.iter_mut().zip(extent).zip(&self.chunk) {
                *place = range.start / chunk;
            }
            each(&place, intersect(extent, all.ranges()).iter().map(|range| range.end - range.start).product())
        })
    }

    /// The number of the chunk that starts at a position.
    pub(crate) fn number(&self, position: &[u64]) -> Option<u64> {
        position.iter().zip(&self.chunk).zip(&self.counts).try_fold(0, |number, ((at, chunk), count)| {
            let i = at / chunk;
            (i < *count).then_some(number * count + i)
        })
    }

    /// Calls `each` with the number and the box of every chunk that a region, which is not empty, touches.
    pub(crate) fn touched(
        &self,
        region: &Region,
        mut each: impl FnMut(u64, &[Range<u64>]) -> Result<()>,
    ) -> Result<()> {
        let ranges = region.ranges();
        let first: Vec<u64> = ranges.iter().zip(&self.chunk).map(|(range, chunk)| range.start / chunk).collect();
        let last: Vec<u64> = ranges.iter().zip(&self.chunk).map(|(range, chunk)| (range.end - 1) / chunk).collect();
        let mut at = first.clone();
        let mut extent: Vec<Range<u64>> = vec![0..0; at.len()];
        loop {
            let mut number = 0;
            for (dimension, &i) in at.iter().enumerate() {
                number = number * self.counts[dimension] + i;
                let start = i * self.chunk[dimension];
                extent[dimension] = start..start + self.chunk[dimension];
            }
            each(number, &extent)?;
            let Some(dimension) = (0..at.len()).rev().find(|&dimension| at[dimension] < last[dimension]) else {
                return Ok(());
            };
            at[dimension] += 1;
            at[dimension + 1..].copy_from_slice(&first[dimension + 1..]);
        }
    }
}

/// The part of `a` that is also in `b`, in each dimension.
pub(crate) fn intersect(a: &[Range<u64>], b: &[Range<u64>]) -> Vec<Range<u64>> {
    a.iter().zip(b).map(|(a, b)| a.start.max(b.start)..a.end.min(b.end)).collect()
}

/// If a box is one run of a larger box in row-major order, where that run starts, in values.
pub(crate) fn run(outer: &[Range<u64>], inner: &[Range<u64>]) -> Option<u64> {
    // Behind the first dimension in which more than one value is taken, everything must be taken.
    let partial = inner.iter().position(|range| range.end - range.start > 1).unwrap_or(inner.len());
    let whole = outer.iter().zip(inner).skip(partial + 1).all(|(outer, inner)| outer == inner);
    whole.then(|| flat(outer, inner.iter().map(|range| range.start)))
}

fn flat(outer: &[Range<u64>], position: impl Iterator<Item = u64>) -> u64 {
    outer.iter().zip(position).fold(0, |flat, (outer, at)| flat * (outer.end - outer.start) + at - outer.start)
}

/// Calls `each` for every contiguous run that two boxes have in common inside a third: start in the first, start in
/// the second, and length, in values.
pub(crate) fn runs(
    from: &[Range<u64>],
    to: &[Range<u64>],
    common: &[Range<u64>],
    mut each: impl FnMut(usize, usize, usize) -> Result<()>,
) -> Result<()> {
    let far = || Error::internal("position exceeds memory");
    let size = |value: u64| usize::try_from(value).map_err(|_| far());
    if common.iter().any(Range::is_empty) {
        return Ok(());
    }
    // Trailing dimensions that are complete in both boxes belong to the run.
    let mut inner = common.len();
    let mut length = 1;
    while inner > 0 {
        inner -= 1;
        length *= common[inner].end - common[inner].start;
        if from[inner] != common[inner] || to[inner] != common[inner] {
            break;
        }
    }
    let mut at: Vec<u64> = common.iter().map(|range| range.start).collect();
    loop {
        each(size(flat(from, at.iter().copied()))?, size(flat(to, at.iter().copied()))?, size(length)?)?;
        let mut dimension = inner;
        loop {
            let Some(previous) = dimension.checked_sub(1) else { return Ok(()) };
            dimension = previous;
            at[dimension] += 1;
            if at[dimension] < common[dimension].end {
                break;
            }
            at[dimension] = common[dimension].start;
        }
    }
}

/// Values an array of this shape holds.
pub(crate) fn count(shape: &[u64]) -> Result<u64> {
    let product = shape.iter().try_fold(1_u64, |all, &extent| all.checked_mul(extent));
    product.ok_or_else(|| Error::argument(format!("shape {shape:?} is impossible")))
}
