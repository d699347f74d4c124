//! Looking at the neighbours of each cell without keeping them.

use super::approximate::approximate;
use super::exact::each_block;
use super::metric::Points;
use super::nearest::{NearestOptions, is_approximate};
use super::rows::Rows;
use crate::{Exec, Result};

/// Calls `look` with each cell and its neighbours, nearest first, and gives back what it returned, in the order of the
/// cells; also the share of the true neighbours that were found, if not all were. Neighbours are those of
/// [`nearest`](super::nearest()), but in the exact search they are gone once they were looked at: memory is the
/// embedding once more, and what `look` returns, however many neighbours there are. The approximate search keeps all.
///
/// # Errors
/// As [`nearest`](super::nearest()).
pub fn each_nearest<T: Send>(
    values: &[f32],
    width: usize,
    options: NearestOptions,
    look: impl Fn(usize, &[u32]) -> T + Sync,
    exec: &Exec,
) -> Result<(Vec<T>, Option<f64>)> {
    let approximately = is_approximate(values, width, options)?;
    let (cells, neighbours) = (values.len() / width, options.n_neighbors - 1);
    let copies = if approximately { 2 } else { 1 };
    let bytes = Rows::bytes(width + 1, cells) * copies + (cells * size_of::<T>()) as u64;
    let _rows = exec.budget().charge(bytes, "an embedding and what is found of each cell")?;
    let points = Points::new(values, width, options.metric)?;
    if approximately {
        let _lists = exec.budget().charge((cells * neighbours * 8) as u64, "neighbours")?;
        let (knn, recall) = approximate(points, neighbours, None, options.seed, exec)?;
        let looked = (0..cells).map(|cell| look(cell, knn.row(cell).0)).collect();
        return Ok((looked, Some(recall)));
    }
    let mut out = Vec::with_capacity(cells);
    each_block(
        &points,
        neighbours,
        |first, found| (0..found.cells()).map(|i| look(first + i, found.row(i).0)).collect::<Vec<T>>(),
        |looked| out.extend(looked),
        exec,
    )?;
    Ok((out, None))
}
