//! Comparing some queries with all rows of a range, by matrix products.
#![expect(clippy::inline_always, reason = "vector instructions reach only what is inlined")]

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::{Arch, Simd, WithSimd};

use super::distance::absolute;
use super::lists::Lists;
use super::rows::{Measure, Rows};

/// Queries that are compared at a time.
pub(super) const QUERIES: usize = 128;
/// Rows that they are compared with at a time: products of both stay in the second cache.
const TILE: usize = 512;
/// Products that are looked at together.
const GROUP: usize = 32;

/// Queries, and memory for their products.
#[derive(Debug)]
pub(super) struct Scan {
    measure: Measure,
    stride: usize,
    /// For squares, each query times minus two and a one, so that its product with a row is the squared difference less
    /// the query's own squared length.
    queries: Vec<f32>,
    products: Vec<f32>,
    pub(super) lists: Lists,
}

impl Scan {
    /// For lists of `size`.
    pub(super) fn new(measure: Measure, size: usize) -> Self {
        let lists = Lists::new(0, size);
        Self { measure, stride: 0, queries: Vec::new(), products: Vec::new(), lists }
    }

    /// Bytes of one, for rows of `width` coordinates.
    pub(super) fn bytes(width: usize, size: usize) -> u64 {
        (QUERIES * (width + 1 + TILE + 2 * size) * 4) as u64
    }

    /// Begins with some rows as queries, at most [`QUERIES`]; lists are empty.
    pub(super) fn begin(&mut self, rows: &Rows, queries: impl Iterator<Item = usize>) {
        self.stride = rows.stride();
        self.queries.clear();
        for query in queries {
            let point = rows.point(query);
            match self.measure {
                Measure::Squared => self.queries.extend(point.iter().map(|value| -2.0 * value)),
                Measure::Absolute => self.queries.extend(point),
            }
            self.queries.push(1.0);
        }
        self.lists.reset(self.len());
    }

    /// Number of queries.
    pub(super) fn len(&self) -> usize {
        self.queries.len() / self.stride.max(1)
    }

    /// Lists what is near among the rows of a range. Keys of squares are less by the query's squared length.
    pub(super) fn look(&mut self, rows: &Rows, range: Range<usize>) {
        for start in range.clone().step_by(TILE) {
            let tile = start..range.end.min(start + TILE);
            let (height, width) = (self.len(), tile.len());
            self.products.resize(height * width, 0.0);
            match self.measure {
                Measure::Squared => {
                    let left = MatRef::from_row_major_slice(&self.queries, height, self.stride);
                    let right = MatRef::from_row_major_slice(rows.slice(tile), width, self.stride).transpose();
                    let out = MatMut::from_row_major_slice_mut(&mut self.products, height, width);
                    matmul(out, Accum::Replace, left, right, 1.0, Par::Seq);
                }
                Measure::Absolute => absolute(&self.queries, rows.slice(tile), self.stride, &mut self.products),
            }
            Arch::new().dispatch(Collect { keys: &self.products, width, start, lists: &mut self.lists });
        }
    }
}

/// Lists those of a tile that are near.
struct Collect<'a> {
    keys: &'a [f32],
    width: usize,
    start: usize,
    lists: &'a mut Lists,
}

impl WithSimd for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { keys, width, start, lists } = self;
        for (query, keys) in keys.chunks_exact(width).enumerate() {
            let mut worst = lists.worst(query);
            for (group, keys) in keys.chunks(GROUP).enumerate() {
                // Most groups have none, and are looked at without branches.
                let mut any = false;
                for &key in keys {
                    any |= key < worst;
                }
                if any {
                    for (i, &key) in keys.iter().enumerate() {
                        if key < worst {
                            #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 cells")]
                            let id = (start + group * GROUP + i) as u32;
                            lists.insert(query, key, id);
                            worst = lists.worst(query);
                        }
                    }
                }
            }
        }
    }
}
