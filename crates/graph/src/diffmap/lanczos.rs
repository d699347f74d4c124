//! Eigenpairs of large transition matrices: block Lanczos with thick restarts and full reorthogonalisation.
//!
//! A step multiplies a block of four vectors by the matrix, takes out what lies in the space found so far, and appends the
//! rest. When the basis is full, the best approximations within it are kept and all others dropped. The block that comes
//! next says how far each approximation is from being an eigenvector, without another product.

use annstream_core::Exec;
use faer::Mat;

use super::transitions::Transitions;
use super::vectors::{Basis, Block, LANES, Row, Square, orthonormalize};
use super::{Found, Solution};
use crate::symmetric::eigen;
use crate::umap::random::Stream;
use crate::{Error, Result};

/// Approximations kept at a restart beside those wanted: the more there are, the sooner the wanted ones stand out.
const GUARDS: usize = 9;
/// What `|A x - λ x|` may be for a vector of length one.
const TOLERANCE: f64 = 1e-9;
/// Restarts at most. Graphs that need more are falling apart: the gaps between their eigenvalues are about as large as
/// the tolerance.
const RESTARTS: usize = 2000;
/// A vector whose part outside of a space is shorter lies in it.
const DEPENDENT: f64 = 1e-13;
/// Which numbers of a [`Stream`] vectors begin with.
const START: u64 = 0x6469_6666;

/// Number of vectors of the basis for so many eigenpairs, the stationary one included.
fn room(wanted: usize) -> usize {
    let kept = wanted + GUARDS;
    1 + kept + (kept + 16).next_multiple_of(LANES)
}

/// Memory of the vectors, in bytes.
pub(super) fn bytes(vertices: usize, wanted: usize) -> u64 {
    vertices as u64 * 8 * (room(wanted) + 4 * LANES) as u64
}

/// The eigenpairs of largest magnitude beside the stationary one, largest first. Takes a graph of many more vertices than
/// are wanted.
///
/// # Errors
/// If the user stops it.
pub(super) fn leading(transitions: &Transitions<'_>, wanted: usize, exec: &Exec) -> Result<Solution> {
    let kept = wanted + GUARDS;
    let room = room(wanted);
    let mut basis = Basis::new(&transitions.stationary(), room);
    let mut projected = Mat::<f64>::zeros(room - 1, room - 1);
    let mut random = Starts { restarts: 0, vertices: transitions.vertices() };
    let mut next = random.block();
    next_block(&basis, &mut next, &mut random)?;
    for _ in 0..RESTARTS {
        let mut coupling = [[0.0; LANES]; LANES];
        while basis.has_room() {
            exec.check()?;
            let place = basis.len() - 1;
            basis.push(&next);
            next = transitions.product(&next);
            let products;
            (products, coupling) = next_block(&basis, &mut next, &mut random)?;
            for (i, products) in products.iter().enumerate().skip(1) {
                for (lane, &product) in products.iter().enumerate() {
                    projected[(i - 1, place + lane)] = product;
                    projected[(place + lane, i - 1)] = product;
                }
            }
        }
        let used = basis.len() - 1;
        let (values, vectors) = eigen(&projected.submatrix(0, 0, used, used).to_owned())?;
        let order = by_magnitude(&values);
        let mixing = Mat::from_fn(used, used, |i, j| vectors[(i, order[j])]);
        let values: Vec<f64> = order.iter().map(|&i| values[i]).collect();
        let residual = (0..wanted).map(|j| residual(&coupling, &mixing, j)).fold(0.0, f64::max);
        basis.rotate(&mixing, kept);
        random.restarts += 1;
        if residual <= TOLERANCE || random.restarts == RESTARTS as u64 {
            let found = (0..wanted).map(|j| Found { value: values[j], vector: basis.column(j + 1) }).collect();
            return Ok(Solution { found, residual });
        }
        projected.fill(0.0);
        (0..kept).for_each(|i| projected[(i, i)] = values[i]);
    }
    Err(Error::internal("restarts ended without a result"))
}

/// Positions of values, the largest magnitude first.
pub(super) fn by_magnitude(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()));
    order
}

/// How far an approximation is from an eigenvector: its share of the last block goes where the basis does not reach.
fn residual(coupling: &Square, mixing: &Mat<f64>, column: usize) -> f64 {
    let last = mixing.nrows() - LANES;
    let parts = coupling.map(|row| -> f64 { (0..LANES).map(|i| row[i] * mixing[(last + i, column)]).sum() });
    parts.iter().map(|part| part * part).sum::<f64>().sqrt()
}

/// Makes the next block of a product: takes out what the basis spans, and what is left becomes orthonormal; vectors of
/// which nothing is left become random ones. Gives the products with the basis and the coefficients of the rest.
fn next_block(basis: &Basis, block: &mut [Row], random: &mut Starts) -> Result<(Vec<Row>, Square)> {
    let mut products = basis.project_out(block);
    let first = orthonormalize(block, DEPENDENT);
    let again = basis.project_out(block);
    // Rounding left a little that is in the basis already, which division by a small length made larger.
    let second = orthonormalize(block, 0.5);
    for (product, again) in products.iter_mut().zip(&again) {
        for lane in 0..LANES {
            product[lane] += (0..=lane).map(|i| again[i] * first[i][lane]).sum::<f64>();
        }
    }
    let mut upper = [[0.0; LANES]; LANES];
    for (row, own) in upper.iter_mut().zip(&second) {
        for lane in 0..LANES {
            row[lane] = (0..=lane).map(|i| own[i] * first[i][lane]).sum();
        }
    }
    let mut tries = 0;
    while (0..LANES).any(|lane| is_zero(block, lane)) {
        if tries == 3 {
            return Err(Error::internal("no direction is left for another vector"));
        }
        tries += 1;
        let fresh = random.block();
        for lane in 0..LANES {
            if is_zero(block, lane) {
                block.iter_mut().zip(&fresh).for_each(|(row, fresh)| row[lane] = fresh[lane]);
            }
        }
        for _ in 0..2 {
            basis.project_out(block);
            orthonormalize(block, DEPENDENT);
        }
    }
    Ok((products, upper))
}

fn is_zero(block: &[Row], lane: usize) -> bool {
    block.iter().all(|row| row[lane] == 0.0)
}

/// Random vectors, always the same ones.
struct Starts {
    restarts: u64,
    vertices: usize,
}

impl Starts {
    fn block(&self) -> Block {
        let row = |vertex: usize| {
            let mut stream = Stream::new(START, self.restarts, vertex as u64);
            std::array::from_fn(|_| stream.normal())
        };
        (0..self.vertices).map(row).collect()
    }
}
