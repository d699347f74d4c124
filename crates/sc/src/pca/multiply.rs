//! The product of a matrix's transpose, the matrix, and a few vectors.

use annstream_core::lazy::{Consumer, Layout, NumberBlock, Numbers, Real};

use super::check::check;
use crate::Result;

/// `Xᵀ(X W)` for a narrow `W`, in one pass, with sums and sums of squares of columns. All in doubles; `8 k b` bytes for
/// each partial result and the total.
#[derive(Debug)]
pub(super) struct Multiply {
    width: usize,
    /// Number of vectors.
    count: usize,
    /// `width` × `count`, row-major.
    vectors: Vec<f64>,
}

/// What some blocks gave.
#[derive(Debug)]
pub(super) struct Multiplied {
    pub(super) product: Vec<f64>,
    pub(super) sums: Vec<f64>,
    pub(super) squares: Vec<f64>,
}

impl Multiply {
    pub(super) fn new(width: usize, count: usize, vectors: Vec<f64>) -> Self {
        Self { width, count, vectors }
    }

    fn empty(&self) -> Multiplied {
        let zeros = |len| vec![0.0; len];
        Multiplied { product: zeros(self.width * self.count), sums: zeros(self.width), squares: zeros(self.width) }
    }

    fn row<T: Real>(&self, entries: impl Iterator<Item = (usize, T)> + Clone, inner: &mut [f64], out: &mut Multiplied) {
        inner.fill(0.0);
        for (column, value) in entries.clone() {
            let value = value.wide();
            out.sums[column] += value;
            out.squares[column] += value * value;
            let vector = &self.vectors[column * self.count..(column + 1) * self.count];
            inner.iter_mut().zip(vector).for_each(|(inner, entry)| *inner += value * entry);
        }
        for (column, value) in entries {
            let value = value.wide();
            let product = &mut out.product[column * self.count..(column + 1) * self.count];
            product.iter_mut().zip(&*inner).for_each(|(product, inner)| *product += value * inner);
        }
    }

    fn rows<T: Real>(&self, block: &NumberBlock, values: &[T]) -> Multiplied {
        let mut out = self.empty();
        let mut inner = vec![0.0; self.count];
        for row in 0..block.len() {
            match &block.layout {
                Layout::Sparse { indptr, indices } => {
                    let range = indptr[row]..indptr[row + 1];
                    let columns = indices[range.clone()].iter().map(|&column| column as usize);
                    self.row(columns.zip(values[range].iter().copied()), &mut inner, &mut out);
                }
                Layout::Dense => {
                    let range = row * self.width..(row + 1) * self.width;
                    self.row(values[range].iter().copied().enumerate(), &mut inner, &mut out);
                }
            }
        }
        out
    }
}

impl Consumer for Multiply {
    type Partial = Multiplied;
    type Total = Multiplied;
    type Output = Multiplied;

    fn start(&self) -> Result<Multiplied> {
        Ok(self.empty())
    }

    fn map(&self, block: &NumberBlock) -> Result<Multiplied> {
        check(block, self.width)?;
        Ok(match &block.values {
            Numbers::F32(values) => self.rows(block, values),
            Numbers::F64(values) => self.rows(block, values),
        })
    }

    fn fold(&self, total: &mut Multiplied, partial: Multiplied) -> Result<()> {
        let add = |total: &mut [f64], partial: &[f64]| total.iter_mut().zip(partial).for_each(|(a, b)| *a += b);
        add(&mut total.product, &partial.product);
        add(&mut total.sums, &partial.sums);
        add(&mut total.squares, &partial.squares);
        Ok(())
    }

    fn finish(self, total: Multiplied) -> Result<Multiplied> {
        Ok(total)
    }

    fn partial_bytes(&self) -> u64 {
        ((self.width * (self.count + 2) + self.count) * 8) as u64
    }

    fn total_bytes(&self) -> u64 {
        // The vectors too.
        (self.width * (self.count * 2 + 2) * 8) as u64
    }
}
