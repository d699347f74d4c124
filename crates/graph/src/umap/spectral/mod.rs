//! Leading eigenvectors of a connected graph, from coarse to fine.
//!
//! What is wanted are the eigenvectors of the normalized Laplacian `1 - S W S`, `S = D^-1/2`, next to the trivial one: the
//! slowest waves on the graph. They hardly change when vertices that are close to each other become one, so the graph is
//! made coarser ([`coarsen`](mod@coarsen)) until its matrix is small enough for an exact solver; then the vectors are
//! carried back, and on each level a few steps of subspace iteration, filtered by polynomials of Chebyshev
//! ([`subspace`]), remove the steps that the coarser level left. The work is linear in the edges, and there is no way for
//! it not to end: where waves lie too close to be told apart, what comes out is a mixture of them.

mod block;
mod coarsen;
mod level;
mod subspace;

use annstream_core::Exec;

pub(super) use self::coarsen::coarsen;
pub(super) use self::level::Level;
use super::springs::Springs;
use crate::Result;

/// Graphs of so many vertices are solved exactly.
const EXACT: usize = 256;

/// The eigenvectors after the trivial one, of unit length: `dim` numbers for each of the vertices, which are a connected
/// component of more than `dim + 1`.
///
/// # Errors
/// If the user stops it, or a small matrix has no decomposition.
pub(super) fn eigenvectors(springs: &Springs, vertices: &[u32], dim: usize, exec: &Exec) -> Result<Vec<f32>> {
    let mut levels = vec![Level::new(springs, vertices)];
    let mut parents = Vec::new();
    while let Some(level) = levels.last()
        && level.vertices() > EXACT.max(4 * dim)
    {
        exec.check()?;
        let (parent, coarse) = coarsen(level);
        parents.push(parent);
        levels.push(coarse);
    }
    let Some(mut coarser) = levels.pop() else { return Ok(Vec::new()) };
    let mut block = subspace::exact(&coarser, dim)?;
    while let (Some(level), Some(parents)) = (levels.pop(), parents.pop()) {
        exec.check()?;
        let start = level.carried(&block, &coarser.roots, &parents);
        block = exec.pool().install(|| subspace::refined(&level, start, dim))?;
        coarser = level;
    }
    Ok(block.columns(dim))
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "weights are of single precision")]
mod tests {
    use annstream_core::Budget;

    use super::super::random::Stream;
    use super::*;
    use crate::Graph;

    /// A ladder that is longer than wide, with some noise of the weights.
    fn ladder(length: usize, width: usize) -> Graph {
        let mut rows: Vec<Vec<(u32, f32)>> = vec![vec![]; length * width];
        let mut random = Stream::new(1, 2, 3);
        for i in 0..length {
            for j in 0..width {
                for (x, y) in [(i + 1, j), (i, j + 1)] {
                    if x < length && y < width {
                        let (from, to) = (i * width + j, x * width + y);
                        let weight = random.between(0.8, 1.0) as f32;
                        rows[from].push((u32::try_from(to).unwrap(), weight));
                        rows[to].push((u32::try_from(from).unwrap(), weight));
                    }
                }
            }
        }
        let mut graph = (vec![0], vec![], vec![]);
        for mut row in rows {
            row.sort_by_key(|(id, _)| *id);
            graph.1.extend(row.iter().map(|(id, _)| *id));
            graph.2.extend(row.iter().map(|(_, weight)| *weight));
            graph.0.push(graph.1.len());
        }
        Graph::new(graph.0, graph.1, graph.2).unwrap()
    }

    #[test]
    fn waves_of_a_ladder_are_found() {
        for (length, width) in [(20, 3), (60, 12), (200, 40)] {
            let springs = Springs::new(&ladder(length, width), 100).unwrap();
            let vertices: Vec<u32> = (0..u32::try_from(length * width).unwrap()).collect();
            let exec = Exec::new(2, Budget::unlimited()).unwrap();
            let vectors = eigenvectors(&springs, &vertices, 2, &exec).unwrap();
            // Along the ladder half a cosine, then a whole one.
            for axis in 0..2 {
                let wave = |i: usize| {
                    let phase = (i / width) as f64 / length as f64 * std::f64::consts::PI;
                    (phase * (axis + 1) as f64).cos()
                };
                let (mut product, mut ours, mut theirs) = (0.0, 0.0, 0.0);
                for i in 0..length * width {
                    let value = f64::from(vectors[i * 2 + axis]);
                    product += value * wave(i);
                    ours += value * value;
                    theirs += wave(i).powi(2);
                }
                let cosine = product.abs() / (ours * theirs).sqrt();
                assert!(cosine > 0.98 && (ours - 1.0).abs() < 1e-3, "{length} x {width}, {axis}: {cosine}, {ours}");
            }
        }
    }
}
