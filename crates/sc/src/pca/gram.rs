//! Products of all pairs of columns.

use std::ops::{Add, Mul, Range};
use std::sync::{Mutex, PoisonError};

use annstream_core::lazy::{Consumer, Layout, NumberBlock, Numbers, Precision, Real, Stretched};
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};

use super::Moments;
use super::check::check;
use super::moments::too_large;
use super::sparse::{Columns, Strip};
use super::tiles::{Tile, largest, tiles, total};
use crate::{Error, Result};

/// Rows whose products are added up in the precision of the block before they go into doubles, about.
const PANEL: usize = 512;
/// Rows of a panel, at most.
const LARGEST_PANEL: usize = PANEL + PANEL / 2;
/// A panel of which more than two fifths are stored is multiplied dense: there both ways take as long.
const DENSE: [usize; 2] = [2, 5];

/// Up to so many rows, products are taken in doubles: rounding averages out over rows, of which there are few here, and
/// the time for it is small.
const FEW_ROWS: usize = 4096;

/// Accumulates the products of all pairs of columns, and the sums of columns, in one pass.
///
/// Rows are multiplied in panels of about 512, in the precision that is asked for, and added up in doubles; panels never
/// reach over the end of a block. Where few values are stored, each of them is multiplied with 64 columns at a time that
/// are dense for that moment; else the whole panel is. Memory: about `4 k²` bytes for each partial result and the total
/// (half of a matrix of doubles), and 768 dense rows for each worker.
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

/// What some rows gave: sums of values, and of products, less what was subtracted. In an order of our own.
#[derive(Debug, Default)]
pub struct Products {
    /// Number of rows.
    pub rows: u64,
    /// Of each column.
    pub sums: Vec<f64>,
    /// Of each pair.
    pub values: Vec<f64>,
}

impl Gram {
    /// For blocks of `width` columns, whose products are taken in a precision, at least in that of the blocks.
    pub fn new(width: usize, precision: Precision) -> Self {
        Self { width, precision, pilot: None, tiles: tiles(width), spare: Mutex::default() }
    }

    /// For `rows` rows in all, of blocks in a precision: products of at most 4,096 rows are taken in doubles, whatever
    /// the blocks are in.
    pub fn of_rows(rows: usize, width: usize, precision: Precision) -> Self {
        Self::new(width, if rows <= FEW_ROWS { Precision::Double } else { precision })
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

    /// `LANES` values of a row are multiplied together.
    fn products<T: Number, const LANES: usize>(&self, block: &NumberBlock, values: &[T]) -> Products {
        let recycled = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut products = recycled.unwrap_or_else(|| vec![0.0; total(&self.tiles)]);
        products.fill(0.0);
        let mut sums = vec![0.0; self.width];
        let mut columns = Columns::default();
        let mut strip = Strip::<T, LANES>::default();
        let mut dense = Dense::default();
        // Of equal size, so that there is none of a few rows.
        let panels = ((block.len() + PANEL / 2) / PANEL).max(1);
        let step = block.len().div_ceil(panels);
        for start in (0..block.len()).step_by(step) {
            let rows = start..block.len().min(start + step);
            if let Some((indptr, indices)) = self.sparse(block, rows.clone()) {
                columns.fill(indptr, indices, values, self.width);
                columns.add_sums(&mut sums);
                for tile in &self.tiles {
                    strip.add_products(&columns, rows.len(), tile, &mut products[tile.range()]);
                }
            } else {
                dense.add(self, block, values, rows, &mut sums, &mut products);
            }
        }
        Products { rows: block.len() as u64, sums, values: products }
    }

    /// The pointers of some rows, and the columns of the block, if few values are stored and none is added to the others.
    fn sparse<'a>(&self, block: &'a NumberBlock, rows: Range<usize>) -> Option<(&'a [usize], &'a [u32])> {
        let (indptr, indices) = block.sparse()?;
        let indptr = &indptr[rows.start..=rows.end];
        let stored = indptr[rows.len()] - indptr[0];
        let few = stored * DENSE[1] <= rows.len() * self.width * DENSE[0];
        (few && self.pilot.is_none()).then_some((indptr, indices))
    }
}

/// What can be multiplied.
trait Number: Real + ComplexField + Add<Output = Self> + Mul<Output = Self> {}
impl Number for f32 {}
impl Number for f64 {}

/// Room for a dense panel and the products of a tile.
#[derive(Default)]
struct Dense<T> {
    base: Vec<T>,
    panel: Vec<T>,
    products: Vec<T>,
}

impl<T: Number> Dense<T> {
    fn add(
        &mut self,
        gram: &Gram,
        block: &NumberBlock,
        values: &[T],
        rows: Range<usize>,
        sums: &mut [f64],
        products: &mut [f64],
    ) {
        let width = gram.width;
        if self.base.is_empty() {
            self.base = match &gram.pilot {
                Some(means) => means.iter().map(|mean| T::narrow(-mean)).collect(),
                None => vec![T::default(); width],
            };
            self.products.resize(largest(&gram.tiles), T::default());
        }
        self.panel.resize(rows.len() * width, T::default());
        fill(&mut self.panel, block, values, rows, &self.base);
        for row in self.panel.chunks_exact(width) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value.wide();
            }
        }
        for tile in &gram.tiles {
            let own = &mut self.products[..tile.len()];
            multiply(&self.panel, width, tile, own);
            products[tile.range()].iter_mut().zip(own).for_each(|(out, value)| *out += value.wide());
        }
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
fn multiply<T: Number>(panel: &[T], width: usize, tile: &Tile, out: &mut [T]) {
    let panel = MatRef::from_row_major_slice(panel, panel.len() / width, width);
    let left = panel.subcols(tile.rows.start, tile.rows.len()).transpose();
    let right = panel.subcols(tile.columns.start, tile.columns.len());
    let out = MatMut::from_column_major_slice_mut(out, tile.rows.len(), tile.columns.len());
    matmul(out, Accum::Replace, left, right, T::one_impl(), Par::Seq);
}

impl Gram {
    /// Adds what later rows gave.
    fn join(&self, total: &mut Products, later: Products) {
        total.rows += later.rows;
        if total.values.is_empty() {
            (total.sums, total.values) = (later.sums, later.values);
        } else if !later.values.is_empty() {
            add(&mut total.sums, &later.sums);
            add(&mut total.values, &later.values);
            self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(later.values);
        }
    }

    /// What rows gave, as moments.
    ///
    /// # Errors
    /// If it is not of this many columns, or sums are beyond the range of numbers.
    pub fn moments(self, mut total: Products) -> Result<Moments> {
        let count = super::tiles::total(&self.tiles);
        if total.values.is_empty() {
            total.sums = vec![0.0; self.width];
            total.values = vec![0.0; count];
        }
        if (total.sums.len(), total.values.len()) != (self.width, count) {
            return Err(Error::argument(format!("products that are not of {} columns", self.width)));
        }
        let pilot = self.pilot.unwrap_or_else(|| vec![0.0; self.width]);
        Moments::new(total.rows, pilot, total.sums, self.tiles, total.values)
    }
}

/// The products of some rows, for whoever adds them up: a [`Gram`] that ends before it makes moments.
#[derive(Debug)]
pub struct PartialGram(pub Gram);

impl Consumer for PartialGram {
    type Partial = Products;
    type Total = Stretched<Products>;
    type Output = Products;

    fn start(&self) -> Result<Self::Total> {
        self.0.start()
    }

    fn map(&self, block: &NumberBlock) -> Result<Products> {
        self.0.map(block)
    }

    fn fold(&self, total: &mut Self::Total, partial: Products) -> Result<()> {
        self.0.fold(total, partial)
    }

    fn finish(self, total: Self::Total) -> Result<Products> {
        Ok(total.finish(|all, later| self.0.join(all, later)).unwrap_or_default())
    }

    fn partial_bytes(&self) -> u64 {
        self.0.partial_bytes()
    }

    fn total_bytes(&self) -> u64 {
        self.0.total_bytes()
    }
}

impl Consumer for Gram {
    type Partial = Products;
    type Total = Stretched<Products>;
    type Output = Moments;

    fn start(&self) -> Result<Self::Total> {
        Ok(Stretched::default())
    }

    fn map(&self, block: &NumberBlock) -> Result<Products> {
        check(block, self.width)?;
        if block.is_empty() || self.width == 0 {
            return Ok(Products { rows: block.len() as u64, ..Products::default() });
        }
        Ok(match &block.values {
            Numbers::F32(values) if self.precision == Precision::Double => {
                // What is refused does not depend on the number of rows.
                if values.iter().any(|value| !(value * value).is_finite()) {
                    return Err(too_large());
                }
                let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
                self.products::<_, 32>(block, &values)
            }
            Numbers::F32(values) => self.products::<_, 64>(block, values),
            Numbers::F64(values) => self.products::<_, 32>(block, values),
        })
    }

    fn fold(&self, total: &mut Self::Total, partial: Products) -> Result<()> {
        self.join(total.open(Products::default), partial);
        total.count(|all, later| self.join(all, later));
        Ok(())
    }

    fn finish(self, total: Self::Total) -> Result<Moments> {
        let all = total.finish(|all, later| self.join(all, later)).unwrap_or_default();
        self.moments(all)
    }

    fn partial_bytes(&self) -> u64 {
        let size = self.precision.dtype().size();
        (total(&self.tiles) * 8 + (LARGEST_PANEL * (self.width + 64) + largest(&self.tiles)) * size + self.width * 16)
            as u64
    }

    fn total_bytes(&self) -> u64 {
        // Of the stretch at hand, and of those before.
        (total(&self.tiles) * 16 + self.width * 32) as u64
    }
}

fn add(total: &mut [f64], partial: &[f64]) {
    total.iter_mut().zip(partial).for_each(|(total, value)| *total += value);
}
