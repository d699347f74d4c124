//! Whether a graph is one without directions.

use crate::{Error, Graph, Result};

/// Fails unless weights are numbers from zero on, and every edge is there in both directions.
pub(crate) fn check(graph: &Graph) -> Result<()> {
    check_pairs(graph, |_, _| true)
}

/// Fails unless weights are numbers from zero on, and every edge is there in both directions with the same weight, up
/// to rounding.
pub(crate) fn check_symmetric(graph: &Graph) -> Result<()> {
    check_pairs(graph, |there, back| (there - back).abs() <= 1e-4 * there.max(back))
}

/// `alike` sees both weights of each edge.
fn check_pairs(graph: &Graph, alike: impl Fn(f32, f32) -> bool) -> Result<()> {
    // Rows are visited in order and ids rise: the edges to a row are met in the order in which it holds them.
    let mut met: Vec<usize> = graph.indptr().to_vec();
    for row in 0..graph.vertices() {
        let (ids, weights) = graph.row(row);
        if let Some(weight) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            return Err(Error::invalid(format!("a weight of {weight}")).row(row));
        }
        for (&id, &weight) in ids.iter().zip(weights) {
            let next = met[id as usize];
            met[id as usize] += 1;
            let there = next < graph.indptr()[id as usize + 1] && graph.indices()[next] as usize == row;
            let message = if !there {
                format!("the edges between {row} and {id}, or others of theirs, lead in one direction only")
            } else if !alike(weight, graph.weights()[next]) {
                format!("the edges between {row} and {id} have the weights {weight} and {}", graph.weights()[next])
            } else {
                continue;
            };
            return Err(Error::invalid(message).hint("the matrix of connectivities must be symmetric"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_both_directions_are_compared() {
        let graph = |weights: [f32; 4]| Graph::new(vec![0, 2, 3, 4], vec![1, 2, 0, 0], weights.to_vec()).unwrap();
        let even = graph([1.0, 0.5, 1.0, 0.5 + f32::EPSILON]);
        assert!(check(&even).is_ok() && check_symmetric(&even).is_ok());
        let uneven = graph([1.0, 0.5, 1.0, 0.6]);
        assert!(check(&uneven).is_ok());
        assert!(check_symmetric(&uneven).unwrap_err().to_string().contains("0.6"));
    }
}
