//! Connectivities as UMAP has them.

use super::knn::Knn;
use super::symmetric::symmetric;
use crate::{Exec, Graph, Result};

/// How near the sum of memberships must come to the logarithm of their number.
const TOLERANCE: f64 = 1e-5;
/// The least width of a kernel, in mean distances.
const LEAST_WIDTH: f64 = 1e-3;
/// Steps of the bisection.
const STEPS: usize = 64;
/// Cells of a block.
const BLOCK: usize = 4096;

/// The fuzzy union of each cell's neighbourhood: `umap.umap_.fuzzy_simplicial_set(…, set_op_mix_ratio=1,
/// local_connectivity=1)` of the neighbours with the cell itself in front, as `scanpy.pp.neighbors(method="umap")` calls
/// it, in the same precision. The nearest neighbour has membership 1, others less by an exponential whose width makes
/// memberships add up to the logarithm of the number of neighbours. Memory: 8 bytes for each edge, and 12 for each
/// neighbour on the way.
///
/// # Errors
/// `Memory` if the budget is too small; if the user stopped.
pub fn umap(knn: &Knn, exec: &Exec) -> Result<Graph> {
    let neighbours = knn.neighbours();
    let _graph = exec.budget().charge((knn.indices().len() * 28) as u64, "connectivities")?;
    let columns = neighbours + 1;
    let sum: f64 = knn.distances().iter().map(|&distance| f64::from(distance)).sum();
    let mean = sum / (knn.cells() * columns).max(1) as f64;
    let mut weights = Vec::with_capacity(knn.indices().len());
    exec.ordered(
        knn.cells().div_ceil(BLOCK),
        2 * exec.threads() + 1,
        |block| {
            let mut out = Vec::with_capacity(BLOCK * neighbours);
            for cell in block * BLOCK..knn.cells().min((block + 1) * BLOCK) {
                memberships(knn.row(cell).1, mean, &mut out);
            }
            Ok(out)
        },
        |_, found| {
            weights.extend(found);
            Ok(())
        },
    )?;
    // The order of these additions is that of umap.
    symmetric(knn, &weights, |a, b| (a + b) - a * b)
}

/// Memberships of a cell's neighbours at these distances, nearest first.
fn memberships(distances: &[f32], mean_of_all: f64, out: &mut Vec<f32>) {
    let nearest = distances.iter().copied().find(|distance| *distance > 0.0).unwrap_or(0.0);
    let least = LEAST_WIDTH
        * if nearest > 0.0 {
            distances.iter().map(|&distance| f64::from(distance)).sum::<f64>() / (distances.len() + 1) as f64
        } else {
            mean_of_all
        };
    #[expect(clippy::cast_possible_truncation, reason = "widths are single precision")]
    let width = width(distances, nearest).max(least as f32);
    out.extend(distances.iter().map(|distance| {
        let beyond = distance - nearest;
        if beyond <= 0.0 || width == 0.0 { 1.0 } else { (-(beyond / width)).exp() }
    }));
}

/// The width of the kernel, by bisection.
fn width(distances: &[f32], nearest: f32) -> f32 {
    let target = ((distances.len() + 1) as f64).log2();
    let (mut low, mut high, mut width) = (0.0_f32, f32::MAX, 1.0_f32);
    for _ in 0..STEPS {
        let mut sum = 0.0_f32;
        for distance in distances {
            let beyond = distance - nearest;
            sum += if beyond > 0.0 { (-(beyond / width)).exp() } else { 1.0 };
        }
        let sum = f64::from(sum);
        if (sum - target).abs() < TOLERANCE {
            break;
        }
        if sum > target {
            high = width;
            width = f32::midpoint(low, high);
        } else {
            low = width;
            width = if high >= f32::MAX { width * 2.0 } else { f32::midpoint(low, high) };
        }
    }
    width
}
