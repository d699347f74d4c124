//! Products of all pairs of columns.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use annstream_core::lazy::{Consumer, Layout, NumberBlock, Numbers, Precision, Real};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};

use super::Moments;
use super::check::check;
use super::tiles::{Tile, largest, tiles, total};
use crate::{Error, Result};

/// Rows whose products are added up in the precision of the block before they go into doubles.
const PANEL: usize = 512;
/// Rows that are dense at a time.
const GROUP: usize = 2 * PANEL;

/// Accumulates the products of all pairs of columns, and the sums of columns, in one pass.
///
/// Rows are made dense in panels of 512, multiplied in the precision of the block, and added up in doubles; panels
/// never reach over the end of a block. Memory: about `4 k²` bytes for each partial result and the total (half of a
/// matrix of doubles), and 1024 dense rows for each worker.
///
/// Where the mean of a column is much larger than its standard deviation, single precision loses what is looked for.
/// Values less a pilot mean do not have this trouble; any rough mean does, and the result is that of the values
/// themselves. [`Moments::is_cancelled`] tells afterwards whether one would have been needed.
#[derive(Debug)]
pub struct Gram {
    width: usize,
    precision: Precision,
    pilot: Option<Vec<f64>>,
    tiles: Vec<Tile>,
    /// Memory of partial results that were added up.
    spare: Mutex<Vec<Vec<f64>>>,
}

/// What some blocks gave.
#[derive(Debug, Default)]
pub struct Products {
    rows: u64,
    sums: Vec<f64>,
    values: Vec<f64>,
}

impl Gram {
    /// For blocks of `width` columns in a precision.
    pub fn new(width: usize, precision: Precision) -> Self {
        Self { width, precision, pilot: None, tiles: tiles(width), spare: Mutex::default() }
    }

    /// The same with a rough mean of each column, which must be finite.
    ///
    /// # Errors
    /// If there are more or fewer than columns.
    pub fn about(mut self, means: &[f64]) -> Result<Self> {
        if means.len() != self.width || means.iter().any(|mean| !mean.is_finite()) {
            return Err(Error::internal(format!("{} pilot means for {} columns", means.len(), self.width)));
        }
        // What is subtracted must be exact in the precision of the block, so that it can be put back.
        let exact = |mean: &f64| match self.precision {
            Precision::Single => f64::from(f32::narrow(*mean)),
            Precision::Double => *mean,
        };
        self.pilot = Some(means.iter().map(exact).collect());
        Ok(self)
    }

    fn products<T: Real + ComplexField>(&self, block: &NumberBlock, values: &[T]) -> Products {
        let recycled = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut products = recycled.unwrap_or_else(|| vec![0.0; total(&self.tiles)]);
        let mut sums = vec![0.0; self.width];
        let base: Vec<T> = match &self.pilot {
            Some(means) => means.iter().map(|mean| T::narrow(-mean)).collect(),
            None => vec![T::default(); self.width],
        };
        let mut dense = vec![T::default(); block.len().min(GROUP) * self.width];
        let mut scratch = vec![T::default(); largest(&self.tiles)];
        for start in (0..block.len()).step_by(GROUP) {
            let rows = start..block.len().min(start + GROUP);
            let dense = &mut dense[..rows.len() * self.width];
            fill(dense, block, values, rows, &base);
            for row in dense.chunks_exact(self.width) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += value.wide();
                }
            }
            for tile in &self.tiles {
                let out = &mut products[tile.range()];
                for (i, panel) in dense.chunks(PANEL * self.width).enumerate() {
                    let scratch = &mut scratch[..tile.len()];
                    multiply(panel, self.width, tile, scratch);
                    if start == 0 && i == 0 {
                        out.iter_mut().zip(scratch).for_each(|(out, value)| *out = value.wide());
                    } else {
                        out.iter_mut().zip(scratch).for_each(|(out, value)| *out += value.wide());
                    }
                }
            }
        }
        Products { rows: block.len() as u64, sums, values: products }
    }
}

/// Rows of a block, dense, each value added to the base of its column.
fn fill<T: Real>(dense: &mut [T], block: &NumberBlock, values: &[T], rows: Range<usize>, base: &[T]) {
    let width = base.len();
    let add = |base: T, value: T| T::narrow(base.wide() + value.wide());
    match &block.layout {
        Layout::Sparse { indptr, indices } => {
            for (row, out) in rows.zip(dense.chunks_exact_mut(width)) {
                out.copy_from_slice(base);
                let range = indptr[row]..indptr[row + 1];
                for (&column, &value) in indices[range.clone()].iter().zip(&values[range]) {
                    let column = column as usize;
                    out[column] = add(base[column], value);
                }
            }
        }
        Layout::Dense => {
            for (row, out) in rows.zip(dense.chunks_exact_mut(width)) {
                for ((out, &base), &value) in out.iter_mut().zip(base).zip(&values[row * width..]) {
                    *out = add(base, value);
                }
            }
        }
    }
}

/// The products of a tile's columns over a panel.
fn multiply<T: Real + ComplexField>(panel: &[T], width: usize, tile: &Tile, out: &mut [T]) {
    let panel = MatRef::from_row_major_slice(panel, panel.len() / width, width);
    let left = panel.subcols(tile.rows.start, tile.rows.len()).transpose();
    let right = panel.subcols(tile.columns.start, tile.columns.len());
    let out = MatMut::from_column_major_slice_mut(out, tile.rows.len(), tile.columns.len());
    let full = BlockStructure::Rectangular;
    if tile.is_diagonal() {
        let half = BlockStructure::TriangularLower;
        triangular::matmul(out, half, Accum::Replace, left, full, right, full, T::one_impl(), Par::Seq);
    } else {
        matmul(out, Accum::Replace, left, right, T::one_impl(), Par::Seq);
    }
}

impl Consumer for Gram {
    type Partial = Products;
    type Total = Products;
    type Output = Moments;

    fn start(&self) -> Result<Products> {
        Ok(Products::default())
    }

    fn map(&self, block: &NumberBlock) -> Result<Products> {
        check(block, self.width)?;
        if block.is_empty() || self.width == 0 {
            return Ok(Products { rows: block.len() as u64, ..Products::default() });
        }
        Ok(match &block.values {
            Numbers::F32(values) => self.products(block, values),
            Numbers::F64(values) => self.products(block, values),
        })
    }

    fn fold(&self, total: &mut Products, partial: Products) -> Result<()> {
        total.rows += partial.rows;
        if total.values.is_empty() {
            (total.sums, total.values) = (partial.sums, partial.values);
        } else if !partial.values.is_empty() {
            add(&mut total.sums, &partial.sums);
            add(&mut total.values, &partial.values);
            self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(partial.values);
        }
        Ok(())
    }

    fn finish(self, mut total: Products) -> Result<Moments> {
        if total.values.is_empty() {
            total.sums = vec![0.0; self.width];
            total.values = vec![0.0; super::tiles::total(&self.tiles)];
        }
        let pilot = self.pilot.unwrap_or_else(|| vec![0.0; self.width]);
        Moments::new(total.rows, pilot, total.sums, self.tiles, total.values)
    }

    fn partial_bytes(&self) -> u64 {
        let size = self.precision.dtype().size();
        (total(&self.tiles) * 8 + (GROUP * self.width + largest(&self.tiles)) * size + self.width * 16) as u64
    }

    fn total_bytes(&self) -> u64 {
        (total(&self.tiles) * 8 + self.width * 16) as u64
    }
}

fn add(total: &mut [f64], partial: &[f64]) {
    total.iter_mut().zip(partial).for_each(|(total, value)| *total += value);
}
