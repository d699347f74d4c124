//! Connectivities by a Gaussian kernel of adaptive width.

use super::knn::Knn;
use super::symmetric::symmetric;
use crate::{Exec, Graph, Result};

/// The kernel of `scanpy.pp.neighbors(method="gauss", knn=True)`: the width of a cell is the median distance of its
/// neighbours, and each pair of which one is a neighbour of the other has an edge. Computed in doubles. Of two cells
/// without any width, which have equal neighbours, scanpy makes NaN; here they have weight 1. Memory: 8 bytes for each
/// edge, and 12 for each neighbour on the way.
///
/// # Errors
/// `Memory` if the budget is too small.
pub fn gauss(knn: &Knn, exec: &Exec) -> Result<Graph> {
    let _graph = exec.budget().charge((knn.indices().len() * 28 + knn.cells() * 8) as u64, "connectivities")?;
    let squares: Vec<f64> = (0..knn.cells()).map(|cell| median_of_squares(knn.row(cell).1)).collect();
    let mut weights = Vec::with_capacity(knn.indices().len());
    for (cell, own) in squares.iter().enumerate() {
        let (ids, distances) = knn.row(cell);
        weights.extend(ids.iter().zip(distances).map(|(&id, &distance)| {
            let their = squares[id as usize];
            weight(*own, their, f64::from(distance) * f64::from(distance))
        }));
    }
    symmetric(knn, &weights, |own, back| if own == 0.0 { back } else { own })
}

#[expect(clippy::cast_possible_truncation, reason = "weights are stored in single precision")]
fn weight(own: f64, their: f64, square: f64) -> f32 {
    let sum = own + their;
    if sum == 0.0 {
        return if square == 0.0 { 1.0 } else { 0.0 };
    }
    ((2.0 * own.sqrt() * their.sqrt() / sum).sqrt() * (-square / sum).exp()) as f32
}

/// The median of the squares of rising distances.
fn median_of_squares(distances: &[f32]) -> f64 {
    let square = |place: usize| distances.get(place).map_or(0.0, |&distance| f64::from(distance).powi(2));
    let half = distances.len() / 2;
    if distances.len() % 2 == 1 { square(half) } else { f64::midpoint(square(half.saturating_sub(1)), square(half)) }
}
