//! From a matrix to the first level.

use std::borrow::Cow;

use super::network::{Mass, Model, Network};
use super::options::{LeidenOptions, Objective};
use super::symmetric::{is_symmetric, mean_with_transpose};
use crate::{Error, Graph, Result};

/// The first level: the matrix where it stands, if it is symmetric without zeros, else the mean with its transpose.
#[derive(Debug)]
pub(super) enum First<'a> {
    Stored(Network<'a, f32>),
    Mean(Network<'static, f64>),
}

/// What an entry counts.
pub(super) fn counted(options: &LeidenOptions) -> impl Fn(f32) -> f64 + use<> {
    let by_weight = options.use_weights;
    move |weight| match weight {
        weight if by_weight => f64::from(weight),
        0.0 => 0.0,
        _ => 1.0,
    }
}

/// Sums of rows and of columns, and of all.
pub(super) fn sums(graph: &Graph, options: &LeidenOptions) -> (Vec<Mass>, f64) {
    let counted = counted(options);
    let mut masses = vec![Mass::default(); graph.vertices()];
    for row in 0..graph.vertices() {
        let (ids, weights) = graph.row(row);
        for (&id, &weight) in ids.iter().zip(weights) {
            let weight = counted(weight);
            masses[row].out += weight;
            masses[id as usize].into += weight;
        }
    }
    let total = masses.iter().map(|mass| mass.out).sum();
    if !options.directed {
        for mass in &mut masses {
            let mean = f64::midpoint(mass.out, mass.into);
            *mass = Mass { out: mean, into: mean };
        }
    }
    if options.objective == Objective::Cpm {
        masses.fill(Mass { out: 1.0, into: 1.0 });
    }
    (masses, total)
}

/// The factor of what is expected, for weights that are half of what goes both ways.
pub(super) fn coefficient(options: &LeidenOptions, total: f64) -> f64 {
    match options.objective {
        Objective::Modularity if total > 0.0 => options.resolution / (2.0 * total),
        Objective::Modularity => 0.0,
        Objective::Cpm if options.directed => options.resolution / 2.0,
        Objective::Cpm => options.resolution / 4.0,
    }
}

/// Looks at all weights.
///
/// # Errors
/// `Invalid` if one is negative or no finite number.
pub(super) fn check(graph: &Graph) -> Result<()> {
    let fine = |weight: f32| weight >= 0.0 && weight.is_finite();
    let Some(at) = graph.weights().iter().position(|&weight| !fine(weight)) else { return Ok(()) };
    let row = graph.indptr().partition_point(|&start| start <= at).saturating_sub(1);
    let message = format!("the weight of an edge is {}, expected a number of 0 or more", graph.weights()[at]);
    Err(Error::invalid(message).row(row as u64))
}

/// Prepares a matrix whose weights were checked.
pub(super) fn prepare<'a>(graph: &'a Graph, options: &LeidenOptions) -> (First<'a>, Model) {
    let (masses, all) = sums(graph, options);
    let total = masses.iter().fold(Mass::default(), |sum, &mass| sum.plus(mass));
    let model = Model { coefficient: coefficient(options, all), theta: options.theta, total };
    let stands = options.use_weights && graph.weights().iter().all(|&weight| weight > 0.0) && is_symmetric(graph);
    let first = if stands {
        First::Stored(Network {
            indptr: Cow::Borrowed(graph.indptr()),
            neighbours: Cow::Borrowed(graph.indices()),
            weights: Cow::Borrowed(graph.weights()),
            masses,
        })
    } else {
        First::Mean(Network { masses, ..mean_with_transpose(graph, counted(options)) })
    };
    (first, model)
}
