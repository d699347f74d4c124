//! Components where columns are too many for the products of all pairs: block Lanczos with full reorthogonalisation.
//!
//! Each step is one pass, `Xᵀ(X W)`, for a block `W` of vectors. The space that the blocks span grows
//! until the residuals `‖C v - λ v‖ / λ` of all components are below a tolerance, which is known exactly without another
//! pass. A space that becomes too large is restarted with its best vectors. Start vectors come from a generator with a
//! fixed seed, so results are the same every time.

use annstream_core::Exec;
use annstream_core::lazy::LazyMatrix;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use super::Model;
use super::eigen::{Summary, check_n_comps, leading};
use super::multiply::{Multiplied, Multiply};
use crate::{Error, Result};

/// Blocks in a space before it is restarted.
const BLOCKS: usize = 12;
/// What remains of a vector that lies in a space already, at most.
const DEPENDENT: f64 = 1e-12;

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KrylovOptions {
    /// Largest residual of a component, relative to its eigenvalue. A component whose eigenvalue is apart from the
    /// others by a share `g` is then off by an angle of about `tolerance / g`.
    pub tolerance: f64,
    /// Passes at most.
    pub max_passes: u32,
}

impl Default for KrylovOptions {
    fn default() -> Self {
        Self { tolerance: 1e-6, max_passes: 60 }
    }
}

/// How the iteration went.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Passes over the data.
    pub passes: u32,
    /// Residual of each component, relative to its eigenvalue.
    pub residuals: Vec<f64>,
    /// Whether all are below the tolerance.
    pub converged: bool,
}

/// A model by iteration; see [`fit`](super::fit) for the arguments. Memory: 13 blocks of `n_comps + 10` vectors or more
/// of 8 bytes a column.
///
/// # Errors
/// As [`fit`](super::fit).
pub fn model(
    matrix: &LazyMatrix,
    n_comps: usize,
    zero_center: bool,
    offsets: Option<&[f64]>,
    options: &KrylovOptions,
    exec: &Exec,
) -> Result<(Model, Report)> {
    let [rows, width] = matrix.shape();
    check_n_comps(n_comps, rows as u64, width)?;
    let size = (n_comps + 10).max(n_comps * 5 / 4).min(width);
    let bytes = (width * size * 8 * (2 * BLOCKS + 4)) as u64;
    let _charge = exec.budget().charge(bytes, "the vectors of the decomposition")?;
    let mut summary =
        Summary { rows: rows as u64, means: vec![], spread: 0.0, zero_center, offsets: offsets.map(<[f64]>::to_vec) };
    let apply = |vectors: &Mat<f64>| {
        let count = vectors.ncols();
        let mut packed = Vec::with_capacity(width * count);
        for row in 0..width {
            packed.extend((0..count).map(|i| vectors[(row, i)]));
        }
        let found = matrix.run(Multiply::new(width, count, packed), "components", exec)?;
        if summary.means.is_empty() {
            let rows = rows as f64;
            summary.means = found.sums.iter().map(|sum| sum / rows).collect();
            let spread = |(square, mean): (&f64, &f64)| (square / rows - mean * mean).max(0.0);
            summary.spread = found.squares.iter().zip(&summary.means).map(spread).sum();
        }
        Ok(centred(&found, vectors, &summary))
    };
    let found = iterate(apply, width, size, n_comps, options)?;
    let report = Report { passes: found.passes, residuals: found.residuals, converged: found.converged };
    Ok((summary.model(&found.values, found.vectors)?, report))
}

/// The product with the scatter matrix, or that of values plus offsets, from the product with the values as they are.
fn centred(found: &Multiplied, vectors: &Mat<f64>, summary: &Summary) -> Mat<f64> {
    let (width, count, rows) = (vectors.nrows(), vectors.ncols(), summary.rows as f64);
    let inner = |of: &[f64]| -> Vec<f64> {
        (0..count).map(|i| of.iter().enumerate().map(|(row, value)| value * vectors[(row, i)]).sum()).collect()
    };
    let (means, product) = (&summary.means, |row: usize, i: usize| found.product[row * count + i]);
    match (summary.zero_center, &summary.offsets) {
        (true, _) => {
            let inner = inner(means);
            Mat::from_fn(width, count, |row, i| product(row, i) - rows * means[row] * inner[i])
        }
        (false, None) => Mat::from_fn(width, count, product),
        (false, Some(offsets)) => {
            let (sums, shifts) = (inner(means), inner(offsets));
            Mat::from_fn(width, count, |row, i| {
                product(row, i) + rows * (means[row] * shifts[i] + offsets[row] * (sums[i] + shifts[i]))
            })
        }
    }
}

struct Found {
    values: Vec<f64>,
    vectors: Mat<f64>,
    residuals: Vec<f64>,
    converged: bool,
    passes: u32,
}

/// The `count` largest eigenvalues of a symmetric, positive operator on `width` dimensions, and their vectors.
fn iterate(
    mut apply: impl FnMut(&Mat<f64>) -> Result<Mat<f64>>,
    width: usize,
    size: usize,
    count: usize,
    options: &KrylovOptions,
) -> Result<Found> {
    let mut basis = Mat::<f64>::zeros(width, 0);
    // The operator within the basis.
    let mut small = Mat::<f64>::zeros(0, 0);
    let (mut block, _) = orthonormal(&start(width, size), 1.0);
    let mut passes = 0;
    loop {
        let mut image = apply(&block)?;
        passes += 1;
        if (0..image.ncols()).any(|i| !image.col(i).sum().is_finite()) {
            return Err(Error::invalid("the variances are beyond the range of numbers"));
        }
        let scale = longest(&image);
        let newest = block.ncols();
        basis = beside(&basis, &block);
        let dimension = basis.ncols();
        let inside = times(basis.transpose(), image.as_ref());
        let offset = dimension - newest;
        small = Mat::from_fn(dimension, dimension, |i, j| match (i < offset, j < offset) {
            (true, true) => small[(i, j)],
            (_, false) if i < offset => inside[(i, j - offset)],
            (false, true) => inside[(j, i - offset)],
            _ => f64::midpoint(inside[(i, j - offset)], inside[(j, i - offset)]),
        });
        image -= times(basis.as_ref(), inside.as_ref());
        let again = times(basis.transpose(), image.as_ref());
        image -= times(basis.as_ref(), again.as_ref());
        let (next, factor) = orthonormal(&image, scale);
        let (values, coordinates) = leading(&small, dimension)?;
        let last = coordinates.subrows(offset, newest);
        let left = times(factor.as_ref(), last);
        let largest = values.first().copied().unwrap_or(0.0).max(f64::MIN_POSITIVE);
        let residual = |i: usize| left.col(i).norm_l2() / values[i].max(largest * 1e-12);
        let residuals: Vec<f64> = (0..count.min(dimension)).map(residual).collect();
        let small_enough = dimension >= count && residuals.iter().all(|residual| *residual <= options.tolerance);
        let converged = small_enough || next.ncols() == 0;
        if converged && dimension < count {
            return Err(Error::internal("a start block smaller than the number of components"));
        }
        if converged || passes >= options.max_passes {
            let vectors = times(basis.as_ref(), coordinates.subcols(0, count));
            return Ok(Found { values: values[..count].to_vec(), vectors, residuals, converged, passes });
        }
        if dimension + next.ncols() > BLOCKS * size {
            let kept = (2 * size).min(dimension);
            basis = times(basis.as_ref(), coordinates.subcols(0, kept));
            small = Mat::from_fn(kept, kept, |i, j| if i == j { values[i] } else { 0.0 });
        }
        block = next;
    }
}

fn times(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(left.nrows(), right.ncols());
    matmul(out.as_mut(), Accum::Replace, left, right, 1.0, Par::Seq);
    out
}

fn beside(left: &Mat<f64>, right: &Mat<f64>) -> Mat<f64> {
    let mut out = Mat::zeros(right.nrows(), left.ncols() + right.ncols());
    out.subcols_mut(0, left.ncols()).copy_from(left);
    out.subcols_mut(left.ncols(), right.ncols()).copy_from(right);
    out
}

/// Length of the longest column.
fn longest(matrix: &Mat<f64>) -> f64 {
    (0..matrix.ncols()).map(|i| matrix.col(i).norm_l2()).fold(0.0, f64::max)
}

/// Orthonormal columns with the same span, and the factor that gives the matrix back; columns that depend on those
/// before them, compared with the scale of what they come from, are left out.
fn orthonormal(matrix: &Mat<f64>, scale: f64) -> (Mat<f64>, Mat<f64>) {
    let mut out = Mat::<f64>::zeros(matrix.nrows(), matrix.ncols());
    let mut factor = Mat::<f64>::zeros(matrix.ncols(), matrix.ncols());
    let mut rank = 0;
    for i in 0..matrix.ncols() {
        let mut column = matrix.col(i).to_owned();
        for _ in 0..2 {
            for j in 0..rank {
                let share = out.col(j).transpose() * &column;
                factor[(j, i)] += share;
                column -= faer::Scale(share) * out.col(j);
            }
        }
        let norm = column.norm_l2();
        if norm > DEPENDENT * scale && norm > 0.0 {
            factor[(rank, i)] = norm;
            out.col_mut(rank).copy_from(faer::Scale(1.0 / norm) * &column);
            rank += 1;
        }
    }
    (out.subcols(0, rank).to_owned(), factor.subrows(0, rank).to_owned())
}

/// Numbers between -1 and 1 that depend on their place only.
fn start(width: usize, size: usize) -> Mat<f64> {
    Mat::from_fn(width, size, |row, column| {
        let mut state = ((row * size + column) as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((state ^ (state >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_full_decomposition_finds() {
        let width = 300;
        let half = start(width, 200);
        let matrix = times(half.as_ref(), half.transpose());
        for (size, count) in [(20, 10), (40, 30), (12, 3)] {
            let (values, vectors) = leading(&matrix, count).unwrap();
            let options = KrylovOptions::default();
            let found =
                iterate(|block| Ok(times(matrix.as_ref(), block.as_ref())), width, size, count, &options).unwrap();
            assert!(found.converged, "{size} {count} {:?}", found.residuals);
            for i in 0..count {
                assert!((values[i] - found.values[i]).abs() < 1e-9 * values[0]);
                let cosine: f64 = vectors.col(i).transpose() * found.vectors.col(i);
                assert!(cosine.abs() > 0.999_99, "{i}: {cosine}");
            }
        }
    }

    #[test]
    fn stops_when_the_space_is_exhausted() {
        let half = start(40, 5);
        let matrix = times(half.as_ref(), half.transpose());
        let options = KrylovOptions::default();
        let found = iterate(|block| Ok(times(matrix.as_ref(), block.as_ref())), 40, 18, 8, &options).unwrap();
        let (values, _) = leading(&matrix, 8).unwrap();
        assert!(found.converged && found.passes < 6);
        for (a, b) in values.iter().zip(&found.values) {
            assert!((a - b).abs() < 1e-9);
        }
    }
}
