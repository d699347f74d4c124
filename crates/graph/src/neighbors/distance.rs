//! Differences of pairs of points.
//!
//! Sums are added up in a fixed number of lanes, so that they have the same bits with any vector instructions.
#![expect(clippy::inline_always, reason = "vector instructions reach only what is inlined")]

use pulp::{Arch, Simd, WithSimd};

use super::rows::{Measure, Rows};

const LANES: usize = 16;

/// Differences of one point to some rows, by their ids.
pub(super) fn to_rows(measure: Measure, point: &[f32], rows: &Rows, ids: &[u32], out: &mut Vec<f32>) {
    out.clear();
    out.resize(ids.len(), 0.0);
    Arch::new().dispatch(ToRows { measure, point, rows, ids, out });
}

/// Absolute differences of all queries and rows; both have `stride` values, of which the last is none.
pub(super) fn absolute(queries: &[f32], rows: &[f32], stride: usize, out: &mut [f32]) {
    Arch::new().dispatch(Absolute { queries, rows, stride, out });
}

struct ToRows<'a> {
    measure: Measure,
    point: &'a [f32],
    rows: &'a Rows,
    ids: &'a [u32],
    out: &'a mut [f32],
}

impl WithSimd for ToRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { measure, point, rows, ids, out } = self;
        let pairs = ids.iter().zip(out);
        match measure {
            Measure::Squared => pairs.for_each(|(&id, out)| {
                *out = sum(point, rows.point(id as usize), |difference| difference * difference);
            }),
            Measure::Absolute => pairs.for_each(|(&id, out)| {
                *out = sum(point, rows.point(id as usize), f32::abs);
            }),
        }
    }
}

struct Absolute<'a> {
    queries: &'a [f32],
    rows: &'a [f32],
    stride: usize,
    out: &'a mut [f32],
}

impl WithSimd for Absolute<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { queries, rows, stride, out } = self;
        let width = stride - 1;
        let count = (rows.len() / stride).max(1);
        for (query, out) in queries.chunks_exact(stride).zip(out.chunks_exact_mut(count)) {
            for (row, out) in rows.chunks_exact(stride).zip(out) {
                *out = sum(&query[..width], &row[..width], f32::abs);
            }
        }
    }
}

#[inline(always)]
fn sum(a: &[f32], b: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += term(a - b);
        }
    }
    let mut total = 0.0_f32;
    for (a, b) in a_rest.iter().zip(b_rest) {
        total += term(a - b);
    }
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    total + lanes[0]
}
