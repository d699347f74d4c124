//! What communities are worth.

use super::labels::compact_any;
use super::network::Mass;
use super::options::{LeidenOptions, Objective};
use super::prepare::{check, coefficient, counted, sums};
use crate::{Error, Graph, Result};

/// The objective of communities, as [`Objective`] defines it; NaN for a graph without edges. One pass over the edges;
/// holds 40 bytes a vertex.
///
/// # Errors
/// `Argument` unless there is a community for each vertex, `Invalid` for a weight that is negative or no finite number.
pub fn quality(graph: &Graph, membership: &[u32], options: &LeidenOptions) -> Result<f64> {
    options.check(graph.vertices())?;
    check(graph)?;
    if membership.len() != graph.vertices() {
        return Err(Error::argument(format!("{} communities for {} vertices", membership.len(), graph.vertices())));
    }
    let mut groups = membership.to_vec();
    let count = compact_any(&mut groups);
    let (masses, total) = sums(graph, options);
    let coefficient = coefficient(options, total);
    let mut whole = vec![Mass::default(); count];
    for (&group, &mass) in groups.iter().zip(&masses) {
        whole[group as usize] = whole[group as usize].plus(mass);
    }
    let (mut inner, counted) = (0.0, counted(options));
    for (row, &group) in groups.iter().enumerate() {
        let (ids, weights) = graph.row(row);
        let within = ids.iter().zip(weights).filter(|(id, _)| groups[**id as usize] == group);
        inner += within.map(|(_, &weight)| counted(weight)).sum::<f64>();
    }
    let expected: f64 = whole.iter().map(|&mass| coefficient * mass.expected(mass)).sum();
    Ok((inner - expected) / total)
}

/// The modularity of communities; `modularity` of igraph.
///
/// # Errors
/// As for [`quality`].
pub fn modularity(graph: &Graph, membership: &[u32], options: &LeidenOptions) -> Result<f64> {
    let options = LeidenOptions { objective: Objective::Modularity, initial: None, ..options.clone() };
    quality(graph, membership, &options)
}
