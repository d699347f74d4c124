//! Products of columns of which most values are zero.

use std::ops::{Add, Mul};

use annstream_core::lazy::Real;
use pulp::{Arch, NullaryFnOnce};

use super::tiles::Tile;

/// The entries of a few rows, column by column.
#[derive(Debug, Default)]
pub(super) struct Columns<T> {
    /// Where the entries of each column begin, and one more.
    starts: Vec<usize>,
    /// Row of each entry, counted from the first.
    rows: Vec<u16>,
    values: Vec<T>,
}

/// Some columns of the same rows, dense: the left side of the products.
#[derive(Debug, Default)]
pub(super) struct Strip<T, const LANES: usize>(Vec<[T; LANES]>);

impl<T: Real> Columns<T> {
    /// Takes the entries of other rows. `indptr` has one more pointer than rows, of which there are fewer than 2¹⁶.
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer rows")]
    pub(super) fn fill(&mut self, indptr: &[usize], indices: &[u32], values: &[T], width: usize) {
        let all = indptr.first().copied().unwrap_or(0)..indptr.last().copied().unwrap_or(0);
        self.starts.clear();
        self.starts.resize(width + 2, 0);
        for &column in &indices[all.clone()] {
            self.starts[column as usize + 2] += 1;
        }
        for column in 2..self.starts.len() {
            self.starts[column] += self.starts[column - 1];
        }
        self.rows.resize(all.len(), 0);
        self.values.resize(all.len(), T::default());
        for (row, range) in indptr.windows(2).enumerate() {
            for (&column, &value) in indices[range[0]..range[1]].iter().zip(&values[range[0]..range[1]]) {
                let place = &mut self.starts[column as usize + 1];
                self.rows[*place] = row as u16;
                self.values[*place] = value;
                *place += 1;
            }
        }
        self.starts.pop();
    }

    fn entries(&self, column: usize) -> impl Iterator<Item = (u16, T)> {
        let range = self.starts[column]..self.starts[column + 1];
        self.rows[range.clone()].iter().copied().zip(self.values[range].iter().copied())
    }

    /// Adds the sums of columns.
    pub(super) fn add_sums(&self, sums: &mut [f64]) {
        for (column, sum) in sums.iter_mut().enumerate() {
            *sum += self.entries(column).map(|(_, value)| value.wide()).sum::<f64>();
        }
    }
}

impl<T: Real + Add<Output = T> + Mul<Output = T>, const LANES: usize> Strip<T, LANES> {
    /// Adds the products of a tile's columns over `rows` rows to `out`. Each product is added up over the rows in the
    /// precision of the values.
    pub(super) fn add_products(&mut self, columns: &Columns<T>, rows: usize, tile: &Tile, out: &mut [f64]) {
        let edge = tile.rows.len();
        for first in (0..edge).step_by(LANES) {
            let lanes = LANES.min(edge - first);
            self.0.clear();
            self.0.resize(rows, [T::default(); LANES]);
            for lane in 0..lanes {
                for (row, value) in columns.entries(tile.rows.start + first + lane) {
                    self.0[usize::from(row)][lane] = value;
                }
            }
            // The same code for whatever vectors the processor has.
            Arch::new().dispatch(Multiply { strip: &self.0, columns, edge, first, lanes, out: &mut *out });
        }
    }
}

/// Adds the products of each of the first columns with some columns of a tile, `lanes` from the `first` on, to their
/// places.
struct Multiply<'a, T, const LANES: usize> {
    strip: &'a [[T; LANES]],
    columns: &'a Columns<T>,
    edge: usize,
    first: usize,
    lanes: usize,
    out: &'a mut [f64],
}

impl<T: Real + Add<Output = T> + Mul<Output = T>, const LANES: usize> NullaryFnOnce for Multiply<'_, T, LANES> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "is compiled for the vectors of its caller")]
    #[inline(always)]
    fn call(self) {
        let Self { strip, columns, edge, first, lanes, out } = self;
        for (place, range) in out.chunks_exact_mut(edge).zip(columns.starts.windows(2)) {
            let mut sums = [T::default(); LANES];
            for (&row, &value) in columns.rows[range[0]..range[1]].iter().zip(&columns.values[range[0]..range[1]]) {
                let others = &strip[usize::from(row)];
                for (sum, &other) in sums.iter_mut().zip(others) {
                    *sum = *sum + value * other;
                }
            }
            for (place, sum) in place[first..first + lanes].iter_mut().zip(sums) {
                *place += sum.wide();
            }
        }
    }
}
