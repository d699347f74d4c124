//! A symmetric matrix made tridiagonal by reflections.
//!
//! Columns are taken in panels. The reflection of a column needs the product of the whole rest of the matrix with one vector,
//! which reads that rest from memory: most of the time goes there. What a panel's reflections change of the rest is applied
//! at once, as a product of matrices. Every sum has a fixed order.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use pulp::{Arch, NullaryFnOnce};

use super::lanes::{add_scaled, add_symmetric, dot};
use super::lower::Lower;

/// Columns of a panel.
pub(super) const PANEL: usize = 32;
/// Columns that are changed together after a panel.
const BLOCK: usize = 128;

/// A symmetric matrix as `Q T Qᵀ`, with `T` tridiagonal and `Q` a sequence of reflections.
pub(super) struct Tridiagonal {
    /// The diagonal of `T`.
    pub(super) diagonal: Vec<f64>,
    /// What stands beside it, one less.
    pub(super) beside: Vec<f64>,
    /// Below the diagonal, column by column, what each reflection turns around; the first entry is one.
    vectors: Lower,
    /// The reflection is one minus this times the product of its vector with itself.
    factors: Vec<f64>,
}

impl Tridiagonal {
    /// Reduces a matrix. About `4/3 k³` multiplications, in place.
    pub(super) fn of(matrix: Lower) -> Self {
        let size = matrix.size();
        let rest = size.saturating_sub(1);
        let mut out =
            Self { diagonal: vec![0.0; size], beside: vec![0.0; rest], vectors: matrix, factors: vec![0.0; rest] };
        // What must be subtracted for each column of a panel, together with its mirror image.
        let mut changes = vec![vec![0.0; size]; PANEL.min(size)];
        for first in (0..size).step_by(PANEL) {
            let columns = PANEL.min(size - first);
            for own in 0..columns {
                Arch::new().dispatch(Reflect { of: &mut out, first, own, changes: &mut changes });
            }
            out.apply(first, columns, &changes);
        }
        out
    }

    /// Brings a column of a panel up to date and finds its reflection and what that changes.
    #[expect(clippy::inline_always, reason = "is compiled for the vectors of its caller")]
    #[inline(always)]
    fn column(&mut self, first: usize, own: usize, changes: &mut [Vec<f64>]) {
        let (at, size) = (first + own, self.diagonal.len());
        let (before, changes) = changes.split_at_mut(own);
        let mut column = self.vectors.column(at)[at..].to_vec();
        for (other, change) in before.iter().enumerate() {
            let vector = self.vectors.column(first + other);
            add_scaled(&mut column, -change[at], &vector[at..]);
            add_scaled(&mut column, -vector[at], &change[at..]);
        }
        self.diagonal[at] = column[0];
        if at + 1 == size {
            return;
        }
        let vector = &mut column[1..];
        let (factor, left) = reflection(vector);
        (self.factors[at], self.beside[at]) = (factor, left);
        self.vectors.column_mut(at)[at + 1..].copy_from_slice(vector);
        let change = &mut changes[0][at + 1..];
        change.fill(0.0);
        for start in (at + 1..size).step_by(4) {
            let columns = start..size.min(start + 4);
            let columns = columns.map(|column| &self.vectors.column(column)[start..]);
            add_symmetric(columns, &vector[start - at - 1..], &mut change[start - at - 1..]);
        }
        for (other, earlier) in before.iter().enumerate() {
            let (other, earlier) = (&self.vectors.column(first + other)[at + 1..], &earlier[at + 1..]);
            let (along, across) = (dot(earlier, vector), dot(other, vector));
            add_scaled(change, -along, other);
            add_scaled(change, -across, earlier);
        }
        for value in change.iter_mut() {
            *value *= factor;
        }
        let half = -0.5 * factor * dot(change, vector);
        add_scaled(change, half, vector);
    }

    /// Applies the reflections of a panel to the columns behind it.
    fn apply(&mut self, first: usize, columns: usize, changes: &[Vec<f64>]) {
        let (start, size) = (first + columns, self.diagonal.len());
        if start >= size {
            return;
        }
        let side = |mirrored: bool| {
            Mat::from_fn(size - start, 2 * columns, |row, i| {
                let own = i % columns;
                if (i < columns) == mirrored {
                    changes[own][start + row]
                } else {
                    self.vectors.column(first + own)[start + row]
                }
            })
        };
        let (left, right) = (side(false), side(true));
        for from in (start..size).step_by(BLOCK) {
            let width = BLOCK.min(size - from);
            let out = self.vectors.square_mut().submatrix_mut(from, from, size - from, width);
            let (left, right) = (left.subrows(from - start, size - from), right.subrows(from - start, width));
            matmul(out, Accum::Add, left, right.transpose(), -1.0, Par::Seq);
        }
    }

    /// Turns `count` eigenvectors of `T` into those of the matrix: `Q` times a matrix with one vector beside another, row-major.
    pub(super) fn turn_back(&self, vectors: &mut [f64], count: usize) {
        Arch::new().dispatch(TurnBack { of: self, vectors, count });
    }
}

// Closures are not always inlined into the code that is compiled for the vectors of the processor; these are.

/// A call of [`Tridiagonal::column`].
struct Reflect<'a> {
    of: &'a mut Tridiagonal,
    first: usize,
    own: usize,
    changes: &'a mut [Vec<f64>],
}

impl NullaryFnOnce for Reflect<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "is compiled for the vectors of its caller")]
    #[inline(always)]
    fn call(self) {
        self.of.column(self.first, self.own, self.changes);
    }
}

/// What [`Tridiagonal::turn_back`] does.
struct TurnBack<'a> {
    of: &'a Tridiagonal,
    vectors: &'a mut [f64],
    count: usize,
}

impl NullaryFnOnce for TurnBack<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "is compiled for the vectors of its caller")]
    #[inline(always)]
    fn call(self) {
        let Self { of, vectors, count } = self;
        let mut shares = vec![0.0; count];
        for (at, &factor) in of.factors.iter().enumerate().rev() {
            let reflection = &of.vectors.column(at)[at + 1..];
            let rows = &mut vectors[(at + 1) * count..];
            shares.fill(0.0);
            for (row, &value) in rows.chunks_exact(count).zip(reflection) {
                add_scaled(&mut shares, value * factor, row);
            }
            for (row, &value) in rows.chunks_exact_mut(count).zip(reflection) {
                add_scaled(row, -value, &shares);
            }
        }
    }
}

/// Makes a vector that of the reflection which leaves nothing of it but its first entry. Gives the factor of the reflection, and
/// what that entry becomes.
fn reflection(vector: &mut [f64]) -> (f64, f64) {
    let Some((first, rest)) = vector.split_first_mut() else { return (0.0, 0.0) };
    let length = dot(rest, rest).sqrt();
    let own = *first;
    *first = 1.0;
    if length == 0.0 {
        return (0.0, own);
    }
    let left = -own.hypot(length).copysign(own);
    for value in rest.iter_mut() {
        *value /= own - left;
    }
    ((left - own) / left, left)
}
