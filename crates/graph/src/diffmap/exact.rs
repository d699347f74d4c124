//! Eigenpairs of small transition matrices, by an exact solver.

use faer::Mat;

use super::order::by_magnitude;
use super::transitions::Transitions;
use super::{Found, Solution};
use crate::Result;
use crate::symmetric::eigen;

/// Memory of the matrices, in bytes.
pub(super) fn bytes(vertices: usize) -> u64 {
    vertices as u64 * vertices as u64 * 8 * 5
}

/// The eigenpairs of largest magnitude beside the stationary one, largest first; at most as many as there are.
pub(super) fn leading(transitions: &Transitions<'_>, wanted: usize) -> Result<Solution> {
    let size = transitions.vertices();
    let stationary = transitions.stationary();
    // The stationary vector moves from the top to below the spectrum, which lies within -1 and 1.
    let mut matrix = Mat::from_fn(size, size, |i, j| -3.0 * stationary[i] * stationary[j]);
    for i in 0..size {
        for (j, entry) in transitions.row(i) {
            matrix[(i, j)] += entry;
        }
    }
    let (values, vectors) = eigen(&matrix)?;
    let values = &values[..size - 1];
    let order = by_magnitude(values);
    let pair = |&i: &usize| Found { value: values[i], vector: (0..size).map(|row| vectors[(row, i)]).collect() };
    Ok(Solution { found: order.iter().take(wanted).map(pair).collect(), residual: 0.0 })
}
