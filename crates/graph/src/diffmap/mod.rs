//! Diffusion maps: where a random walk on the graph of cells goes slowly (Coifman and Lafon 2006).
//!
//! A walk goes from a cell to its neighbours, with probabilities that are the weights of the edges after the density of
//! the cells was divided out. The eigenvectors of its transition matrix whose eigenvalues are near 1 are the directions
//! in which it takes long: trajectories. [`diffmap`] finds those of the symmetric form of the matrix, as
//! `scanpy.tl.diffmap` does.
//!
//! ```text
//! graph ─► connected components ─► transitions of each ─► eigenpairs: exact if small, else Lanczos ─► the largest of all
//! ```
//!
//! Computed in double precision from the weights as they stand; scanpy makes its matrix in single precision, which
//! moves its eigenvalues by about 10^-7 and its vectors by that over the gaps between eigenvalues.

mod annotate;
mod exact;
mod filter;
mod lanczos;
mod order;
mod parts;
mod ritz;
mod run;
#[cfg(test)]
mod tests;
mod transitions;
mod vectors;

pub use annotate::{Annotated, DiffmapStep, annotate};
pub use run::diffmap;

/// What `|A x - λ x|` should be below, for vectors of length one.
pub const EXPECTED_RESIDUAL: f64 = 1e-6;

/// A diffusion map.
#[derive(Clone, Debug, PartialEq)]
pub struct Diffmap {
    /// Coordinates, one for each eigenvalue, vertex after vertex.
    pub positions: Vec<f32>,
    /// Eigenvalues, falling.
    pub eigenvalues: Vec<f32>,
    /// Number of connected components of the graph.
    pub components: usize,
    /// The largest `|A x - λ x|` of a component, for vectors of length one. Above [`EXPECTED_RESIDUAL`] the search was
    /// given up.
    pub residual: f64,
}

/// An eigenpair.
#[derive(Clone, Debug)]
struct Found {
    value: f64,
    /// Of unit length.
    vector: Vec<f64>,
}

/// Eigenpairs of a connected graph.
#[derive(Clone, Debug)]
struct Solution {
    found: Vec<Found>,
    /// The largest `|A x - λ x|`.
    residual: f64,
}
