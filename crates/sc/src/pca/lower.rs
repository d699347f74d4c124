//! The lower half of a symmetric matrix.

use faer::{Mat, MatMut};

/// The lower half of a symmetric matrix, column by column, at its places in a square. Memory of the upper half is not touched
/// until somebody writes there.
#[derive(Clone, Debug)]
pub(super) struct Lower {
    size: usize,
    values: Vec<f64>,
}

impl Lower {
    pub(super) fn zeros(size: usize) -> Self {
        Self { size, values: vec![0.0; size * size] }
    }

    pub(super) fn of(matrix: &Mat<f64>) -> Self {
        let mut out = Self::zeros(matrix.ncols());
        for i in 0..out.size {
            out.column_mut(i)[i..].copy_from_slice(&matrix.col_as_slice(i)[i..]);
        }
        out
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// A column; what stands before its diagonal means nothing.
    pub(super) fn column(&self, at: usize) -> &[f64] {
        &self.values[at * self.size..][..self.size]
    }

    pub(super) fn column_mut(&mut self, at: usize) -> &mut [f64] {
        &mut self.values[at * self.size..][..self.size]
    }

    /// The whole square.
    pub(super) fn square_mut(&mut self) -> MatMut<'_, f64> {
        MatMut::from_column_major_slice_mut(&mut self.values, self.size, self.size)
    }

    /// Both halves.
    pub(super) fn mirrored(&self) -> Mat<f64> {
        Mat::from_fn(self.size, self.size, |i, j| self.column(i.min(j))[i.max(j)])
    }
}
