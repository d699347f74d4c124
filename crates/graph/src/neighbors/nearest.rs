//! The nearest neighbours of all cells: which way they are found.

use super::approximate::approximate;
use super::exact::exact;
use super::knn::Knn;
use super::metric::{Metric, Points};
use super::rows::Rows;
use crate::{Error, Exec, Result};

/// Cells up to which all pairs are compared, in a second or two.
const EXACT: usize = 16_384;
/// The same where there are no products.
const EXACT_ABSOLUTE: usize = 8_192;

/// How neighbours are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Search {
    /// Exactly up to 16,384 cells (8,192 for manhattan), nearly beyond.
    #[default]
    Auto,
    /// By comparing all pairs.
    Exact,
    /// Nearly.
    Approximate,
}

/// What neighbours are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearestOptions {
    /// Neighbours of a cell, itself included, as scanpy counts; at least 1.
    pub n_neighbors: usize,
    /// How far cells are apart.
    pub metric: Metric,
    /// Seed of the approximate search.
    pub seed: u64,
    /// Which way.
    pub search: Search,
}

impl Default for NearestOptions {
    fn default() -> Self {
        Self { n_neighbors: 15, metric: Metric::Euclidean, seed: 0, search: Search::Auto }
    }
}

/// Neighbours, and how sure they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The neighbours: one less than asked for, since the cell itself is left out.
    pub knn: Knn,
    /// The share of the true neighbours that was found, measured on a sample of cells; `None` if all were.
    pub recall: Option<f64>,
}

/// The nearest neighbours of all cells in an embedding: cells × `width`, row-major.
///
/// The same bits for any number of threads. Exact: time grows with the square of the number of cells. Else points are cut
/// into pieces by k-means and compared with those of the pieces around, as many as a sample of cells shows to be needed for
/// 99.8 % of the neighbours; where these would be too many, rounds of nearest neighbour descent do the rest. Memory: the embedding once more (twice
/// for the approximate search), 8 bytes for each neighbour, and 22 more for each in the approximate search.
///
/// # Errors
/// `Argument` if more neighbours are asked for than there are cells, or none; `Invalid` for values that are not finite;
/// `Memory` if the budget is too small.
pub fn nearest(values: &[f32], width: usize, options: NearestOptions, exec: &Exec) -> Result<Found> {
    let NearestOptions { n_neighbors, metric, seed, .. } = options;
    let approximately = is_approximate(values, width, options)?;
    let (cells, neighbours) = (values.len() / width, n_neighbors - 1);
    let copies = if approximately { 2 } else { 1 };
    let bytes = Rows::bytes(width + 1, cells) * copies + (cells * neighbours * 8) as u64;
    let _rows = exec.budget().charge(bytes, "an embedding and its neighbours")?;
    let points = Points::new(values, width, metric)?;
    if approximately {
        let (knn, recall) = approximate(points, neighbours, None, seed, exec)?;
        Ok(Found { knn, recall: Some(recall) })
    } else {
        Ok(Found { knn: exact(&points, neighbours, exec)?, recall: None })
    }
}

/// Whether neighbours will be looked for nearly; fails if they cannot be looked for.
pub(super) fn is_approximate(values: &[f32], width: usize, options: NearestOptions) -> Result<bool> {
    let NearestOptions { n_neighbors, metric, search, .. } = options;
    let cells = values.len().checked_div(width).unwrap_or(0);
    if width == 0 || values.len() != cells * width {
        return Err(Error::internal(format!("{} values in rows of {width}", values.len())));
    }
    if n_neighbors == 0 || n_neighbors > cells {
        return Err(Error::argument(format!("{n_neighbors} neighbours among {cells} cells")));
    }
    if cells >= 1 << 31 {
        return Err(Error::unsupported(format!("neighbours of {cells} cells; at most 2^31 are supported")));
    }
    let limit = if metric == Metric::Manhattan { EXACT_ABSOLUTE } else { EXACT };
    Ok(match search {
        Search::Auto => cells > limit.max(32 * n_neighbors),
        Search::Exact => false,
        Search::Approximate => n_neighbors > 1,
    })
}
