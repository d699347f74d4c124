//! From moments to components.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::evd::tridiag::{tridiag_in_place, tridiag_in_place_scratch};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd_scratch, tridiagonal_self_adjoint_evd};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
};
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::{Conj, Mat, Par, Spec};

use super::lower::Lower;
use super::reflect::{PANEL, Tridiagonal};
use super::{Moments, few};
use crate::{Error, Result};

/// Columns of which all vectors are found in no time.
const SMALL: usize = 32;
/// Vectors are few if there are so many times more columns.
const FEW: usize = 8;

/// What was learnt of the columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Number of columns.
    pub width: usize,
    /// Number of components.
    pub n_comps: usize,
    /// What is subtracted from each column before it is projected: the mean of what the blocks hold, or what makes them
    /// uncentred.
    pub centre: Vec<f64>,
    /// Loadings, column by column of the matrix: `width` × `n_comps`, row-major. Columns of it have length one, and their
    /// largest entry in absolute value is positive.
    pub components: Vec<f64>,
    /// Variance of the scores of each component: with `n - 1` if centred, with `n` if not, as scanpy has it.
    pub variance: Vec<f64>,
    /// The same as a share of the sum over all columns.
    pub variance_ratio: Vec<f64>,
}

/// What both solvers know about the data besides eigenvectors.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) rows: u64,
    pub(super) means: Vec<f64>,
    /// Sum of the variances of columns, without a correction.
    pub(super) spread: f64,
    pub(super) zero_center: bool,
    pub(super) offsets: Option<Vec<f64>>,
}

/// Bytes that [`decompose`] takes, with the moments that it is given, for so many components of so many columns: about
/// `12 k²` where few of many are wanted, else `36 k²`.
pub fn decomposition_bytes(width: usize, n_comps: usize) -> u64 {
    let square = (width as u64).saturating_pow(2);
    let each = if is_few(width, n_comps) { 12 } else { 36 };
    // A panel of reflections, and vectors in their several forms.
    square.saturating_mul(each).saturating_add(width as u64 * (6 * PANEL as u64 + 4 * n_comps as u64) * 8)
}

/// Components of moments: `scanpy.pp.pca` without the data. Reads nothing; [`decomposition_bytes`] says what it holds. Should
/// the vectors of few components not come out exact, which no matrix is known to do, it is what all would take.
///
/// Without `zero_center` it is the truncated decomposition of the values themselves, each plus its column's offset
/// (zero if not given); components then stand in the order of singular values, and variances are what scanpy stores.
///
/// # Errors
/// If `n_comps` is not below both dimensions, or no column varies.
pub fn decompose(moments: Moments, n_comps: usize, zero_center: bool, offsets: Option<&[f64]>) -> Result<Model> {
    check_n_comps(n_comps, moments.rows(), moments.width())?;
    let summary = Summary {
        rows: moments.rows(),
        means: moments.means(),
        spread: moments.variances().iter().sum(),
        zero_center,
        offsets: offsets.map(<[f64]>::to_vec),
    };
    let matrix = if zero_center { moments.into_scatter() } else { moments.into_raw(offsets) };
    let (values, vectors) = leading_of(matrix, n_comps)?;
    summary.model(&values, vectors)
}

/// The largest eigenvalues of a symmetric matrix, decreasing, and their vectors as columns.
pub(super) fn leading(matrix: &Mat<f64>, count: usize) -> Result<(Vec<f64>, Mat<f64>)> {
    leading_of(Lower::of(matrix), count)
}

/// The same of its lower half. The matrix is made tridiagonal. Where few vectors are wanted, only these are found; else all,
/// and those that are wanted are turned back.
fn leading_of(matrix: Lower, count: usize) -> Result<(Vec<f64>, Mat<f64>)> {
    match matrix.size() {
        0 => Ok((vec![], Mat::zeros(0, 0))),
        size if is_few(size, count) => few_of(matrix, count),
        _ => many_of(matrix.mirrored(), count),
    }
}

/// Whether so many vectors are few.
fn is_few(size: usize, count: usize) -> bool {
    size >= SMALL && (1..=size / FEW).contains(&count)
}

/// Few of the vectors.
fn few_of(mut matrix: Lower, count: usize) -> Result<(Vec<f64>, Mat<f64>)> {
    let size = matrix.size();
    let lower = || (0..size).flat_map(|i| &matrix.column(i)[i..]);
    if !lower().all(|value| value.is_finite()) {
        return Ok((vec![f64::NAN; count], Mat::zeros(size, count)));
    }
    let most = lower().fold(0.0_f64, |most, value| most.max(value.abs()));
    // A power of two, so that nothing is rounded and no square is beyond the range of numbers.
    let scale = f64::from_bits(most.to_bits() & f64::INFINITY.to_bits());
    let scale = if scale.is_normal() { scale } else { 1.0 };
    (0..size).for_each(|i| matrix.column_mut(i)[i..].iter_mut().for_each(|value| *value /= scale));
    let reduced = Tridiagonal::of(matrix);
    let (values, vectors) = if let Some((values, vectors)) = few::largest(&reduced.diagonal, &reduced.beside, count) {
        (values, Mat::from_fn(size, count, |row, i| vectors[i][row]))
    } else {
        let from = |values: &[f64]| {
            let mut out = Diag::zeros(size);
            values.iter().enumerate().for_each(|(i, value)| out[i] = *value);
            out
        };
        largest_of_all(&from(&reduced.diagonal), &from(&reduced.beside), count)?
    };
    let mut rows: Vec<f64> =
        (0..size).flat_map(|row| (0..count).map(move |i| (row, i))).map(|at| vectors[at]).collect();
    reduced.turn_back(&mut rows, count);
    Ok((values.iter().map(|value| value * scale).collect(), Mat::from_fn(size, count, |row, i| rows[row * count + i])))
}

/// The largest eigenvalues of a tridiagonal matrix and their vectors, by way of all of them.
fn largest_of_all(diagonal: &Diag<f64>, beside: &Diag<f64>, count: usize) -> Result<(Vec<f64>, Mat<f64>)> {
    let size = diagonal.dim();
    let (par, mut all, mut inner) = (Par::Seq, Diag::zeros(size), Mat::<f64>::zeros(size, size));
    let room = self_adjoint_evd_scratch::<f64>(size, ComputeEigenvectors::Yes, par, Spec::default());
    let mut room = MemBuffer::new(room);
    let (out, inner_out) = (all.as_mut(), Some(inner.as_mut()));
    let room = MemStack::new(&mut room);
    tridiagonal_self_adjoint_evd(diagonal.as_ref(), beside.as_ref(), out, inner_out, par, room, Spec::default())
        .map_err(|error| Error::internal(format!("eigenvalues of {size} columns: {error:?}")))?;
    let values = (0..count).map(|i| all[size - 1 - i]).collect();
    Ok((values, Mat::from_fn(size, count, |row, i| inner[(row, size - 1 - i)])))
}

/// Many of the vectors, or all.
fn many_of(matrix: Mat<f64>, count: usize) -> Result<(Vec<f64>, Mat<f64>)> {
    let size = matrix.ncols();
    let mut reduced = matrix;
    let blocks = recommended_block_size::<f64>(size, size);
    let mut reflections = Mat::zeros(blocks, size - 1);
    let room = StackReq::any_of(&[
        tridiag_in_place_scratch::<f64>(size, Par::Seq, Spec::default()),
        apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(size, blocks, count),
    ]);
    let mut room = MemBuffer::new(room);
    let room = MemStack::new(&mut room);
    tridiag_in_place(reduced.as_mut(), reflections.as_mut(), Par::Seq, room, Spec::default());
    let (mut diagonal, mut beside) = (Diag::zeros(size), Diag::zeros(size));
    for i in 0..size {
        diagonal[i] = reduced[(i, i)];
        if i + 1 < size {
            beside[i] = reduced[(i + 1, i)];
        }
    }
    let (values, mut vectors) = largest_of_all(&diagonal, &beside, count)?;
    apply_block_householder_sequence_on_the_left_in_place_with_conj(
        reduced.submatrix(1, 0, size - 1, size - 1),
        reflections.as_ref(),
        Conj::No,
        vectors.subrows_mut(1, size - 1),
        Par::Seq,
        room,
    );
    Ok((values, vectors))
}

/// Fails unless there are as many components as scanpy's solver can give.
///
/// # Errors
/// If the number is 0, or not below both dimensions.
pub fn check_n_comps(n_comps: usize, rows: u64, width: usize) -> Result<()> {
    let least = rows.min(width as u64);
    if n_comps == 0 || n_comps as u64 >= least {
        let message = format!("{n_comps} components of {rows} rows and {width} columns: between 1 and {}", {
            least.saturating_sub(1)
        });
        return Err(Error::argument(format!("{message} are possible")));
    }
    Ok(())
}

impl Summary {
    /// The mean of what is decomposed.
    fn mean(&self, column: usize) -> f64 {
        self.means[column] + self.offsets.as_ref().map_or(0.0, |offsets| offsets[column])
    }

    /// Puts a model together from eigenvalues of sums of products, and their vectors.
    pub(super) fn model(&self, values: &[f64], vectors: Mat<f64>) -> Result<Model> {
        let (width, n_comps, rows) = (self.means.len(), values.len(), self.rows as f64);
        if self.spread <= 0.0 {
            return Err(Error::invalid("no column varies: there are no components"));
        }
        if !self.spread.is_finite() || values.iter().any(|value| !value.is_finite()) {
            return Err(Error::invalid("the variances are beyond the range of numbers"));
        }
        let mut vectors = vectors;
        let mut variance = Vec::with_capacity(n_comps);
        for (component, &value) in values.iter().enumerate() {
            let mut column = vectors.col_mut(component);
            // numpy's argmax: the first of the largest.
            let largest =
                (0..width).fold(0.0_f64, |most, i| if column[i].abs() > most.abs() { column[i] } else { most });
            if largest < 0.0 {
                (0..width).for_each(|i| column[i] = -column[i]);
            }
            let value = value.max(0.0);
            variance.push(if self.zero_center {
                value / (rows - 1.0)
            } else {
                let mean: f64 = (0..width).map(|i| column[i] * self.mean(i)).sum();
                (value / rows - mean * mean).max(0.0)
            });
        }
        let total = if self.zero_center { self.spread * rows / (rows - 1.0) } else { self.spread };
        let centre = match (self.zero_center, &self.offsets) {
            (true, _) => self.means.clone(),
            (false, Some(offsets)) => offsets.iter().map(|offset| -offset).collect(),
            (false, None) => vec![0.0; width],
        };
        let mut components = Vec::with_capacity(width * n_comps);
        for row in 0..width {
            components.extend((0..n_comps).map(|component| vectors[(row, component)]));
        }
        let variance_ratio = variance.iter().map(|value| value / total).collect();
        Ok(Model { width, n_comps, centre, components, variance, variance_ratio })
    }
}

#[cfg(test)]
mod tests {
    use faer::Side;

    use super::*;

    #[test]
    fn leading_vectors_are_those_of_the_whole_decomposition() {
        for (size, count) in [(1, 1), (2, 1), (3, 3), (32, 4), (33, 1), (60, 5), (127, 127), (161, 20), (300, 20)] {
            let half = Mat::from_fn(size, size + 3, |i, j| ((i * 37 + j * 101 + i * j) % 97) as f64 / 97.0 - 0.4);
            let matrix = &half * half.transpose();
            let whole = matrix.self_adjoint_eigen(Side::Lower).unwrap();
            let (values, vectors) = leading(&matrix, count).unwrap();
            for i in 0..count {
                let expected = whole.S().column_vector()[size - 1 - i];
                assert!((values[i] - expected).abs() <= 1e-10 * values[0], "{size} {i}");
                let rest = &matrix * vectors.col(i) - faer::Scale(values[i]) * vectors.col(i);
                assert!(rest.norm_l2() <= 1e-10 * values[0], "{size} {i}");
                assert!((vectors.col(i).norm_l2() - 1.0).abs() < 1e-12);
            }
        }
    }

    /// Whatever the eigenvalues: the same one many times, none but zero, matrices in blocks, values far from one.
    #[test]
    fn few_vectors_are_exact_and_orthogonal() {
        let (size, count) = (96, 12);
        let noise = |i: usize, j: usize| ((i * 37 + j * 101 + i * j) % 97) as f64 / 97.0 - 0.4;
        let thin = Mat::from_fn(size, 5, noise);
        let square = Mat::from_fn(size, size, noise);
        let diagonal = |at: &dyn Fn(usize) -> f64| Mat::from_fn(size, size, |i, j| if i == j { at(i) } else { 0.0 });
        let cases =
            [
                ("zeros", diagonal(&|_| 0.0)),
                ("identity", diagonal(&|_| 3.0)),
                ("three values", diagonal(&|i| (i % 3) as f64)),
                ("negative", diagonal(&|i| -1.0 - i as f64)),
                ("low rank", &thin * thin.transpose()),
                (
                    "blocks",
                    Mat::from_fn(size, size, |i, j| {
                        if i / 8 == j / 8 { noise(i % 8, j % 8) + noise(j % 8, i % 8) } else { 0.0 }
                    }),
                ),
                (
                    "nearly one",
                    Mat::from_fn(size, size, |i, j| f64::from(u8::from(i == j)) + 1e-13 * (noise(i, j) + noise(j, i))),
                ),
                ("huge", Mat::from_fn(size, size, |i, j| 1e140 * (square[(i, j)] + square[(j, i)]))),
                ("tiny", Mat::from_fn(size, size, |i, j| 1e-140 * (square[(i, j)] + square[(j, i)]))),
            ];
        for (name, matrix) in cases {
            let (values, vectors) = few_of(Lower::of(&matrix), count).unwrap();
            let (expected, _) = many_of(matrix.clone(), count).unwrap();
            let scale = matrix.norm_max().max(f64::MIN_POSITIVE) * size as f64;
            for i in 0..count {
                assert!((values[i] - expected[i]).abs() <= 1e-13 * scale, "{name} {i}: {} {}", values[i], expected[i]);
                let rest = (&matrix * vectors.col(i) - faer::Scale(values[i]) * vectors.col(i)).norm_l2();
                assert!(rest <= 1e-13 * scale, "{name} {i}: {rest}");
                for j in 0..=i {
                    let product: f64 = vectors.col(i).transpose() * vectors.col(j);
                    assert!((product - f64::from(u8::from(i == j))).abs() < 1e-13, "{name} {i} {j}: {product}");
                }
            }
        }
    }

    /// What happens where vectors do not come out exact.
    #[test]
    fn all_vectors_serve_where_few_fail() {
        let size = 50;
        let diagonal: Vec<f64> = (0..size).map(|i| (i * 7 % 11) as f64).collect();
        let beside: Vec<f64> = (1..size).map(|i| (i % 5) as f64 / 7.0).collect();
        let (values, vectors) = few::largest(&diagonal, &beside, 6).unwrap();
        let from = |values: &[f64]| {
            let mut out = Diag::zeros(values.len());
            values.iter().enumerate().for_each(|(i, value)| out[i] = *value);
            out
        };
        let mut padded = beside.clone();
        padded.push(0.0);
        let (expected, all) = largest_of_all(&from(&diagonal), &from(&padded), 6).unwrap();
        for i in 0..6 {
            assert!((values[i] - expected[i]).abs() < 1e-12);
            let cosine: f64 = (0..size).map(|row| vectors[i][row] * all[(row, i)]).sum();
            assert!((cosine.abs() - 1.0).abs() < 1e-10, "{i}: {cosine}");
        }
        assert!(few::largest(&[f64::NAN, 1.0], &[0.5], 1).is_none());
    }
}
