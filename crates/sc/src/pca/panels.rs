//! Rows of a block in panels, and the products of their columns.

use std::ops::{Add, Mul, Range};

use annstream_core::lazy::{Layout, NumberBlock, Real};
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::sparse::{Columns, Strip};
use super::tiles::{Tile, largest};

/// Rows whose products are added up in the precision of the block before they go into doubles, about.
const PANEL: usize = 512;
/// Rows of a panel, at most.
const LARGEST_PANEL: usize = PANEL + PANEL / 2;
/// A panel of which more than two fifths are stored is multiplied dense: there both ways take as long.
const DENSE: [usize; 2] = [2, 5];

/// What can be multiplied.
pub(super) trait Number: Real + ComplexField + Add<Output = Self> + Mul<Output = Self> {}
impl Number for f32 {}
impl Number for f64 {}

/// About 512 rows.
#[derive(Debug)]
enum Panel<T> {
    /// Column by column.
    Columns { rows: usize, columns: Columns<T> },
    /// Compressed rows, to be made dense.
    Rows { indptr: Vec<usize>, indices: Vec<u32>, values: Vec<T> },
    /// Row-major.
    Dense(Vec<T>),
}

/// The rows of a block.
#[derive(Debug)]
pub(super) struct Panels<T>(Vec<Panel<T>>);

/// Where the products of the columns of a tile go.
type Place<'a> = (&'a Tile, &'a mut [f64]);

impl<T: Number> Panels<T> {
    /// Of a block of `width` columns, whose values are given in the precision of the products; column by column only if `sparse`.
    pub(super) fn of(block: &NumberBlock, values: &[T], width: usize, sparse: bool) -> Self {
        if width == 0 {
            return Self(vec![]);
        }
        // Of equal size, so that there is none of a few rows.
        let count = ((block.len() + PANEL / 2) / PANEL).max(1);
        let step = block.len().div_ceil(count).max(1);
        let ranges = (0..block.len()).step_by(step).map(|start| start..block.len().min(start + step));
        let panel = |rows: Range<usize>| match &block.layout {
            Layout::Dense => Panel::Dense(values[rows.start * width..rows.end * width].to_vec()),
            Layout::Sparse { indptr, indices } => {
                let indptr = &indptr[rows.start..=rows.end];
                let stored = indptr[0]..indptr[rows.len()];
                if sparse && stored.len() * DENSE[1] <= rows.len() * width * DENSE[0] {
                    let mut columns = Columns::default();
                    columns.fill(indptr, indices, values, width);
                    Panel::Columns { rows: rows.len(), columns }
                } else {
                    Panel::Rows {
                        indptr: indptr.iter().map(|pointer| pointer - stored.start).collect(),
                        indices: indices[stored.clone()].to_vec(),
                        values: values[stored].to_vec(),
                    }
                }
            }
        };
        Self(ranges.map(panel).collect())
    }

    /// Adds the sums of columns and the products of all pairs, of values each added to the base of its column. The tiles are
    /// dealt to the threads of a pool; each gets the panels in their order. `LANES` values of a row are multiplied together.
    pub(super) fn add<const LANES: usize>(
        &self,
        base: &[T],
        pool: Option<&ThreadPool>,
        tiles: &[Tile],
        sums: &mut [f64],
        out: &mut [f64],
    ) {
        let width = base.len();
        let mut dense = Vec::new();
        for run in self.0.chunk_by(|one, other| one.columns().is_some() && other.columns().is_some()) {
            let places = places(tiles, out);
            let columns: Vec<_> = run.iter().filter_map(Panel::columns).collect();
            for (_, columns) in &columns {
                columns.add_sums(sums);
            }
            if !columns.is_empty() {
                each(pool, places, Strip::<T, LANES>::default, |strip, (tile, out)| {
                    for (rows, columns) in &columns {
                        strip.add_products(columns, *rows, tile, out);
                    }
                });
                continue;
            }
            // There is one.
            for panel in run {
                panel.fill(base, &mut dense);
            }
            for row in dense.chunks_exact(width) {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value.wide());
            }
            each(pool, places, Vec::new, |products: &mut Vec<T>, (tile, out)| {
                products.resize(tile.len(), T::default());
                multiply(&dense, width, tile, products);
                out.iter_mut().zip(products).for_each(|(out, value)| *out += value.wide());
            });
        }
    }

    /// Memory that [`add`](Self::add) takes on so many threads.
    pub(super) fn room(tiles: &[Tile], width: usize, threads: usize) -> usize {
        (LARGEST_PANEL * width + threads * (largest(tiles) + LARGEST_PANEL * 64)) * size_of::<T>()
    }
}

impl<T: Number> Panel<T> {
    fn columns(&self) -> Option<(usize, &Columns<T>)> {
        match self {
            Self::Columns { rows, columns } => Some((*rows, columns)),
            _ => None,
        }
    }

    /// All values, each added to the base of its column.
    fn fill(&self, base: &[T], dense: &mut Vec<T>) {
        let width = base.len();
        let add = |base: T, value: T| T::narrow(base.wide() + value.wide());
        match self {
            Self::Columns { .. } => {}
            Self::Rows { indptr, indices, values } => {
                dense.resize((indptr.len() - 1) * width, T::default());
                for (range, out) in indptr.windows(2).zip(dense.chunks_exact_mut(width)) {
                    out.copy_from_slice(base);
                    let range = range[0]..range[1];
                    for (&column, &value) in indices[range.clone()].iter().zip(&values[range]) {
                        let column = column as usize;
                        out[column] = add(base[column], value);
                    }
                }
            }
            Self::Dense(values) => {
                dense.resize(values.len(), T::default());
                for (out, row) in dense.chunks_exact_mut(width).zip(values.chunks_exact(width)) {
                    for ((out, &base), &value) in out.iter_mut().zip(base).zip(row) {
                        *out = add(base, value);
                    }
                }
            }
        }
    }
}

/// What belongs to each tile.
fn places<'a>(tiles: &'a [Tile], mut out: &'a mut [f64]) -> Vec<Place<'a>> {
    let mut places = Vec::with_capacity(tiles.len());
    for tile in tiles {
        let (own, rest) = std::mem::take(&mut out).split_at_mut(tile.len());
        places.push((tile, own));
        out = rest;
    }
    places
}

/// Does something for each tile, the largest first, with room that each thread makes for itself.
fn each<S>(
    pool: Option<&ThreadPool>,
    places: Vec<Place<'_>>,
    room: impl Fn() -> S + Sync + Send,
    action: impl Fn(&mut S, Place<'_>) + Sync + Send,
) {
    if let Some(pool) = pool {
        pool.install(|| places.into_par_iter().rev().with_max_len(1).for_each_init(room, action));
    } else {
        let mut room = room();
        for place in places {
            action(&mut room, place);
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
