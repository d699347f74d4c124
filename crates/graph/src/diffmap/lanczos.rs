//! Eigenpairs of large transition matrices: block Lanczos with thick restarts and full reorthogonalisation, on
//! polynomials of the matrix.
//!
//! A step multiplies a block of four vectors by the matrix, takes out what lies in the space found so far, and appends
//! the rest. When the basis is full, the best approximations within it are kept and all others dropped. The block that
//! comes next says how far each approximation is from being an eigenvector, without another product.
//!
//! Keeping all vectors orthogonal takes longer than the products. So, once it is known about where the eigenvalues lie
//! that are not wanted, the matrix is replaced by a polynomial of it ([`Filter`]), for which fewer steps do.

use annstream_core::Exec;
use faer::Mat;

use super::filter::Filter;
use super::order::by_magnitude;
use super::ritz::ritz;
use super::transitions::Transitions;
use super::vectors::{Basis, Block, LANES, Row, Square, orthonormalize};
use super::{Found, Solution};
use crate::symmetric::eigen;
use crate::umap::random::Stream;
use crate::{Error, Result};

/// Approximations kept at a restart beside those wanted, at least: the more there are, the sooner the wanted ones stand
/// out.
const GUARDS: usize = 9;
/// What `|p(A) x - p(λ) x|` may be for a vector of length one, `p` being 1 at 1.
const TOLERANCE: f64 = 1e-9;
/// What `|A x - λ x|` may be then.
const ACCEPTED: f64 = 1e-8;
/// Restarts with the matrix as it is.
const PLAIN: usize = 2;
/// Restarts with one filter.
const FILTERED: usize = 6;
/// Filters at most. Graphs that need more are falling apart: the gaps between their eigenvalues are about as large as
/// the tolerance.
const FILTERS: usize = 12;
/// A vector whose part outside of a space is shorter lies in it.
const DEPENDENT: f64 = 1e-13;
/// Which numbers of a [`Stream`] vectors begin with.
const START: u64 = 0x6469_6666;

/// Number of approximations that are kept.
fn kept(wanted: usize) -> usize {
    (wanted + GUARDS).next_multiple_of(LANES)
}

/// Number of vectors of the basis.
fn room(wanted: usize) -> usize {
    1 + 2 * kept(wanted) + 16
}

/// Memory of the vectors, in bytes.
pub(super) fn bytes(vertices: usize, wanted: usize) -> u64 {
    vertices as u64 * 8 * (room(wanted) + 6 * LANES) as u64
}

/// The eigenpairs of largest magnitude beside the stationary one, largest first. Takes a graph of many more vertices
/// than are wanted.
///
/// # Errors
/// If the user stops it.
pub(super) fn leading(transitions: &Transitions<'_>, wanted: usize, exec: &Exec) -> Result<Solution> {
    let kept = kept(wanted);
    let mut basis = Basis::new(&transitions.stationary(), room(wanted));
    let mut random = Starts { taken: 0, vertices: transitions.vertices() };
    let mut start = random.block();
    let mut filter = Filter::plain();
    let mut filters = 0;
    loop {
        let restarts = if filters == 0 { PLAIN } else { FILTERED };
        let search = Search { transitions, filter, wanted, kept };
        let converged = search.run(&mut basis, start, restarts, &mut random, exec)?;
        let (values, residual) = ritz(transitions, &mut basis, wanted)?;
        if (converged && residual <= ACCEPTED) || filters == FILTERS {
            let found = (0..wanted).map(|j| Found { value: values[j], vector: basis.column(j + 1) }).collect();
            return Ok(Solution { found, residual });
        }
        filters += 1;
        filter = Filter::beyond(values[kept - 1].abs());
        start = basis.melt(&random.mixing(kept));
    }
}

/// A search with one filter.
struct Search<'a> {
    transitions: &'a Transitions<'a>,
    filter: Filter,
    wanted: usize,
    kept: usize,
}

impl Search<'_> {
    /// Searches from a block until the wanted approximations are near enough, or for so many restarts; says which. The
    /// basis holds the approximations that are kept.
    fn run(&self, basis: &mut Basis, start: Block, restarts: usize, random: &mut Starts, exec: &Exec) -> Result<bool> {
        let size = room(self.wanted) - 1;
        let mut projected = Mat::<f64>::zeros(size, size);
        let mut next = start;
        next_block(basis, &mut next, random)?;
        for _ in 0..restarts {
            let mut coupling = [[0.0; LANES]; LANES];
            while basis.has_room() {
                exec.check()?;
                let place = basis.len() - 1;
                basis.push(&next);
                next = self.filter.product(self.transitions, next);
                let products;
                (products, coupling) = next_block(basis, &mut next, random)?;
                for (i, products) in products.iter().enumerate().skip(1) {
                    for (lane, &product) in products.iter().enumerate() {
                        projected[(i - 1, place + lane)] = product;
                        projected[(place + lane, i - 1)] = product;
                    }
                }
            }
            let (values, vectors) = eigen(&projected)?;
            let order = by_magnitude(&values);
            let mixing = Mat::from_fn(size, size, |i, j| vectors[(i, order[j])]);
            basis.rotate(&mixing, self.kept);
            if (0..self.wanted).all(|j| residual(&coupling, &mixing, j) <= TOLERANCE) {
                return Ok(true);
            }
            projected.fill(0.0);
            (0..self.kept).for_each(|i| projected[(i, i)] = values[order[i]]);
        }
        Ok(false)
    }
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
    taken: u64,
    vertices: usize,
}

impl Starts {
    fn block(&mut self) -> Block {
        self.rows(self.vertices)
    }

    /// Shares of vectors in mixtures of them.
    fn mixing(&mut self, vectors: usize) -> Vec<Row> {
        self.rows(vectors)
    }

    fn rows(&mut self, count: usize) -> Vec<Row> {
        self.taken += 1;
        let row = |i: usize| {
            let mut stream = Stream::new(START, self.taken, i as u64);
            std::array::from_fn(|_| stream.normal())
        };
        (0..count).map(row).collect()
    }
}
