//! Products of all pairs of columns.

use std::sync::Arc;

use annstream_core::Exec;
use annstream_core::lazy::{Consumer, NumberBlock, Numbers, Precision, Real, Stretched};
use rayon::ThreadPool;

use super::Moments;
use super::check::check;
use super::moments::too_large;
use super::panels::{Number, Panels};
use super::tiles::{Tile, tiles, total};
use crate::{Error, Result};

/// Up to so many rows, products are taken in doubles: rounding averages out over rows, of which there are few here, and
/// the time for it is small.
const FEW_ROWS: usize = 4096;

/// Accumulates the products of all pairs of columns, and the sums of columns, in one pass.
///
/// Rows are multiplied in panels of about 512, in the precision that is asked for, and added up in doubles; panels never
/// reach over the end of a block. Where few values are stored, each of them is multiplied with 64 columns at a time that
/// are dense for that moment; else the whole panel is. Blocks are put into panels on any thread; the products of one block
/// after the other are then found by all threads of a pool, tile by tile, so that there is one set of sums, not one for each
/// thread. Memory: about `4 k²` bytes (half of a matrix of doubles), as much again from the second stretch on, and 768 dense
/// rows.
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
    pool: Option<Arc<ThreadPool>>,
}

/// The rows of a block, ready to be multiplied.
#[derive(Debug)]
pub struct Factors {
    rows: u64,
    panels: Precise,
}

/// In the precision of the products.
#[derive(Debug)]
enum Precise {
    Single(Panels<f32>),
    Double(Panels<f64>),
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
    /// For blocks of `width` columns, whose products are taken in a precision, at least in that of the blocks. By the thread
    /// that folds, unless others are to [help](Self::with_threads).
    pub fn new(width: usize, precision: Precision) -> Self {
        Self { width, precision, pilot: None, tiles: tiles(width), pool: None }
    }

    /// For `rows` rows in all, of blocks in a precision: products of at most 4,096 rows are taken in doubles, whatever
    /// the blocks are in.
    pub fn of_rows(rows: usize, width: usize, precision: Precision) -> Self {
        Self::new(width, if rows <= FEW_ROWS { Precision::Double } else { precision })
    }

    /// Has the threads of a driver multiply.
    #[must_use]
    pub fn with_threads(mut self, exec: &Exec) -> Self {
        self.pool = Some(exec.pool().clone());
        self
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

    /// Adds the products of a block.
    fn add(&self, all: &mut Products, factors: &Factors) {
        if all.values.is_empty() {
            all.sums = vec![0.0; self.width];
            all.values = vec![0.0; total(&self.tiles)];
        }
        all.rows += factors.rows;
        match &factors.panels {
            Precise::Single(panels) => self.add_panels::<_, 64>(panels, all),
            Precise::Double(panels) => self.add_panels::<_, 32>(panels, all),
        }
    }

    fn add_panels<T: Number, const LANES: usize>(&self, panels: &Panels<T>, all: &mut Products) {
        let base: Vec<T> = match &self.pilot {
            Some(means) => means.iter().map(|mean| T::narrow(-mean)).collect(),
            None => vec![T::default(); self.width],
        };
        panels.add::<LANES>(&base, self.pool.as_deref(), &self.tiles, &mut all.sums, &mut all.values);
    }

    /// Adds what later rows gave.
    fn join(total: &mut Products, later: Products) {
        total.rows += later.rows;
        if total.values.is_empty() {
            (total.sums, total.values) = (later.sums, later.values);
        } else if !later.values.is_empty() {
            add(&mut total.sums, &later.sums);
            add(&mut total.values, &later.values);
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
    type Partial = Factors;
    type Total = Stretched<Products>;
    type Output = Products;

    fn start(&self) -> Result<Self::Total> {
        self.0.start()
    }

    fn map(&self, block: &NumberBlock) -> Result<Factors> {
        self.0.map(block)
    }

    fn fold(&self, total: &mut Self::Total, partial: Factors) -> Result<()> {
        self.0.fold(total, partial)
    }

    fn finish(self, total: Self::Total) -> Result<Products> {
        Ok(total.finish(Gram::join).unwrap_or_default())
    }

    fn partial_bytes(&self) -> u64 {
        self.0.partial_bytes()
    }

    fn total_bytes(&self) -> u64 {
        self.0.total_bytes()
    }
}

impl Consumer for Gram {
    type Partial = Factors;
    type Total = Stretched<Products>;
    type Output = Moments;

    fn start(&self) -> Result<Self::Total> {
        Ok(Stretched::default())
    }

    fn map(&self, block: &NumberBlock) -> Result<Factors> {
        check(block, self.width)?;
        let sparse = self.pilot.is_none();
        let panels = match &block.values {
            Numbers::F32(values) if self.precision == Precision::Double => {
                // What is refused does not depend on the number of rows.
                if values.iter().any(|value| !(value * value).is_finite()) {
                    return Err(too_large());
                }
                let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
                Precise::Double(Panels::of(block, &values, self.width, sparse))
            }
            Numbers::F32(values) => Precise::Single(Panels::of(block, values, self.width, sparse)),
            Numbers::F64(values) => Precise::Double(Panels::of(block, values, self.width, sparse)),
        };
        Ok(Factors { rows: block.len() as u64, panels })
    }

    fn fold(&self, total: &mut Self::Total, partial: Factors) -> Result<()> {
        self.add(total.open(Products::default), &partial);
        total.count(Self::join);
        Ok(())
    }

    fn finish(self, total: Self::Total) -> Result<Moments> {
        let all = total.finish(Self::join).unwrap_or_default();
        self.moments(all)
    }

    fn partial_bytes(&self) -> u64 {
        // Where columns begin in some panels; entries are those of the block once more.
        (self.width * 64) as u64
    }

    fn total_bytes(&self) -> u64 {
        let threads = self.pool.as_ref().map_or(1, |pool| pool.current_num_threads());
        let room = match self.precision {
            Precision::Single => Panels::<f32>::room(&self.tiles, self.width, threads),
            Precision::Double => Panels::<f64>::room(&self.tiles, self.width, threads),
        };
        // Of the stretch at hand, and of those before.
        (total(&self.tiles) * 16 + room + self.width * 32) as u64
    }
}

fn add(total: &mut [f64], partial: &[f64]) {
    total.iter_mut().zip(partial).for_each(|(total, value)| *total += value);
}
