//! Subspace iteration: the same few vectors, again and again closer to the leading eigenvectors.

use faer::Mat;

use super::block::{Block, GROUP};
use super::level::Level;
use crate::Result;
use crate::symmetric::eigen;

/// Vectors beside those wanted: the more there are, the sooner the wanted ones stand out.
const GUARDS: usize = 4;
/// Degree of the polynomial of one iteration: products with the matrix.
const DEGREE: usize = 10;
/// Iterations on one level, at most.
const ITERATIONS: usize = 6;
/// What `|A x - λ x|` may be for a vector of length one.
const TOLERANCE: f64 = 1e-4;

/// The leading eigenvectors of a small graph, without the trivial one, and those next to them.
#[expect(clippy::cast_possible_truncation, reason = "vectors are of single precision")]
pub(super) fn exact(level: &Level, dim: usize) -> Result<Block> {
    let size = level.vertices();
    let trivial = unit(&level.roots);
    // The trivial one moves from the top to the bottom of the spectrum, which lies within -1 and 1.
    let mut matrix = Mat::from_fn(size, size, |i, j| -2.0 * f64::from(trivial[i]) * f64::from(trivial[j]));
    for i in 0..size {
        let (targets, entries) = level.row(i);
        for (&target, &entry) in targets.iter().zip(entries) {
            matrix[(i, target as usize)] += f64::from(entry);
        }
    }
    let (_, vectors) = eigen(&matrix)?;
    let mut block = Block::zeros(size, dim + GUARDS);
    for column in 0..block.width().min(size.saturating_sub(1)) {
        for row in 0..size {
            block.groups[column / GROUP][row][column % GROUP] = vectors[(row, column)] as f32;
        }
    }
    Ok(block)
}

/// Vectors nearer to the leading eigenvectors, of which the first `dim` matter.
pub(super) fn refined(level: &Level, start: Block, dim: usize) -> Result<Block> {
    let trivial = unit(&level.roots);
    let (mut values, mut block, mut error) = rotated(level, start, &trivial, dim)?;
    for _ in 0..ITERATIONS {
        if error <= TOLERANCE {
            break;
        }
        let least = values.iter().copied().fold(1.0, f64::min);
        for group in &mut block.groups {
            filter(level, group, least.clamp(-0.5, 0.999));
        }
        (values, block, error) = rotated(level, block, &trivial, dim)?;
    }
    Ok(block)
}

/// A polynomial of the matrix that is one at 1 and small from -1 to `cut`: Chebyshev's.
#[expect(clippy::cast_possible_truncation, reason = "vectors are of single precision")]
fn filter(level: &Level, x: &mut Vec<[f32; GROUP]>, cut: f64) {
    let (half, centre) = (f64::midpoint(cut, 1.0), (cut - 1.0) / 2.0);
    let first = half / (1.0 - centre);
    let mut sigma = first;
    let mut next = vec![[0.0; GROUP]; x.len()];
    level.step(x, &mut next, (sigma / half) as f32, centre as f32, 0.0);
    for _ in 1..DEGREE {
        let following = 1.0 / (2.0 / first - sigma);
        level.step(&next, x, (2.0 * following / half) as f32, centre as f32, (sigma * following) as f32);
        std::mem::swap(x, &mut next);
        sigma = following;
    }
    *x = next;
}

/// Rayleigh and Ritz: the best approximations of eigenvectors within a subspace, their values, falling, and how far the
/// first `dim` are from being eigenvectors. Directions that are there twice become zero.
fn rotated(level: &Level, mut block: Block, trivial: &[f32], dim: usize) -> Result<(Vec<f64>, Block, f64)> {
    block.remove(trivial);
    let mut image = Block::zeros(level.vertices(), block.width());
    for (x, out) in block.groups.iter().zip(&mut image.groups) {
        level.step(x, out, 1.0, 0.0, 0.0);
    }
    let (lengths, directions) = eigen(&block.products(&block))?;
    let longest = lengths.first().copied().unwrap_or(0.0);
    let kept = lengths.iter().take_while(|length| **length > longest * 1e-9 && **length > 0.0).count();
    let basis = Mat::from_fn(block.width(), kept, |i, j| directions[(i, j)] / lengths[j].sqrt());
    let (values, rotation) = eigen(&(basis.transpose() * block.products(&image) * &basis))?;
    let mixing = basis * rotation;
    let mixing = Mat::from_fn(block.width(), block.width(), |i, j| if j < kept { mixing[(i, j)] } else { 0.0 });
    let (block, image) = (block.mixed(&mixing), image.mixed(&mixing));
    let error = (0..dim.min(kept)).map(|column| {
        let (group, lane) = (column / GROUP, column % GROUP);
        let rows = block.groups[group].iter().zip(&image.groups[group]);
        let squares = rows.map(|(x, y)| (f64::from(y[lane]) - values[column] * f64::from(x[lane])).powi(2));
        squares.sum::<f64>().sqrt()
    });
    let error = error.fold(0.0, f64::max);
    Ok((values, block, error))
}

/// The direction of a vector.
#[expect(clippy::cast_possible_truncation, reason = "vectors are of single precision")]
fn unit(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt().max(1e-300);
    vector.iter().map(|x| (f64::from(*x) / length) as f32).collect()
}
