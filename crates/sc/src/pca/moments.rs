//! First and second moments of columns.

use faer::Mat;

use super::lower::Lower;
use super::tiles::Tile;
use crate::{Error, Result};

/// A mean of so many standard deviations leaves too little of single precision.
const CANCELLED: f64 = 10.0;

/// Means of columns and the products of all pairs, from which covariances come.
#[derive(Clone, Debug)]
pub struct Moments {
    rows: u64,
    /// What was subtracted from the values.
    pilot: Vec<f64>,
    /// Sums of values less pilot.
    sums: Vec<f64>,
    tiles: Vec<Tile>,
    /// Sums of products of values less pilot.
    products: Vec<f64>,
}

/// The error for values whose squares are beyond the range of their own precision.
pub(super) fn too_large() -> Error {
    Error::invalid("squares of the values exceed the range of their precision")
        .hint("values so large are not log-normalised; normalise them first")
}

impl Moments {
    pub(super) fn new(
        rows: u64,
        pilot: Vec<f64>,
        sums: Vec<f64>,
        tiles: Vec<Tile>,
        products: Vec<f64>,
    ) -> Result<Self> {
        let moments = Self { rows, pilot, sums, tiles, products };
        if moments.diagonal().into_iter().chain(moments.sums.iter().copied()).any(|sum| !sum.is_finite()) {
            return Err(too_large());
        }
        Ok(moments)
    }

    /// Number of rows seen.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.sums.len()
    }

    /// Mean of each column.
    pub fn means(&self) -> Vec<f64> {
        let rows = self.count();
        self.sums.iter().zip(&self.pilot).map(|(sum, pilot)| pilot + sum / rows).collect()
    }

    /// Variance of each column, without a correction of the degrees of freedom.
    pub fn variances(&self) -> Vec<f64> {
        let rows = self.count();
        let spread = |(square, sum): (f64, &f64)| (square / rows - (sum / rows).powi(2)).max(0.0);
        self.diagonal().into_iter().zip(&self.sums).map(spread).collect()
    }

    /// Whether a column has a mean, less pilot, so much larger than its standard deviation that digits were lost: then
    /// the pass should be repeated with these [`means`](Self::means) as pilot.
    pub fn is_cancelled(&self) -> bool {
        let rows = self.count();
        let lost = |(sum, variance): (&f64, f64)| (sum / rows).powi(2) > CANCELLED.powi(2) * variance && *sum != 0.0;
        self.sums.iter().zip(self.variances()).any(lost)
    }

    /// Sums of products of deviations from the means: the covariance times rows. Symmetric, both halves filled; `8 k²`
    /// bytes.
    pub fn scatter(&self) -> Mat<f64> {
        self.clone().into_scatter().mirrored()
    }

    /// Sums of products of `value + offset`; offsets are zero if not given.
    pub fn raw(&self, offsets: Option<&[f64]>) -> Mat<f64> {
        self.clone().into_raw(offsets).mirrored()
    }

    /// The lower half of [`scatter`](Self::scatter), in place of what it is made of.
    pub(super) fn into_scatter(self) -> Lower {
        let rows = self.count();
        let Self { sums, tiles, products, .. } = self;
        into_lower(&tiles, products, sums.len(), |i, j, product| product - sums[i] * (sums[j] / rows))
    }

    /// The lower half of [`raw`](Self::raw).
    pub(super) fn into_raw(self, offsets: Option<&[f64]>) -> Lower {
        let rows = self.count();
        let Self { pilot, sums, tiles, products, .. } = self;
        let shift = |i: usize| pilot[i] + offsets.map_or(0.0, |offsets| offsets[i]);
        let shifts: Vec<f64> = (0..sums.len()).map(shift).collect();
        into_lower(&tiles, products, sums.len(), |i, j, product| {
            product + sums[i] * shifts[j] + shifts[i] * sums[j] + rows * shifts[i] * shifts[j]
        })
    }

    /// Rows, at least one.
    fn count(&self) -> f64 {
        (self.rows as f64).max(1.0)
    }

    fn diagonal(&self) -> Vec<f64> {
        let mut out = Vec::with_capacity(self.width());
        for tile in &self.tiles {
            let edge = tile.rows.len();
            out.extend(tile.rows.clone().enumerate().map(|(i, row)| self.products[tile.start + row * edge + i]));
        }
        out
    }
}

/// The lower half of a matrix whose entries are made of products; memory of tiles that were looked at is given back.
fn into_lower(tiles: &[Tile], mut products: Vec<f64>, width: usize, value: impl Fn(usize, usize, f64) -> f64) -> Lower {
    let mut out = Lower::zeros(width);
    for tile in tiles.iter().rev() {
        let own = products[tile.range()].chunks_exact(tile.rows.len());
        for (j, products) in tile.columns.clone().zip(own) {
            let column = out.column_mut(j);
            for (i, &product) in tile.rows.clone().zip(products).filter(|(i, _)| *i >= j) {
                column[i] = value(i, j, product);
            }
        }
        products.truncate(tile.start);
        products.shrink_to_fit();
    }
    out
}
