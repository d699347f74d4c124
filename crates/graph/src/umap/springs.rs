//! The edges that pull.

use crate::undirected;
use crate::{Graph, Result};

/// The edges of a graph that pull, by vertex: those to itself and those too light to be drawn in a run are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Springs {
    /// Where the edges of each vertex begin; one more than vertices.
    pub(super) starts: Vec<usize>,
    /// The other ends.
    pub(super) targets: Vec<u32>,
    /// Weights, the largest is one.
    pub(super) weights: Vec<f32>,
}

impl Springs {
    /// Those with at least `1 / epochs` of the largest weight.
    ///
    /// # Errors
    /// `Invalid` for weights that are no numbers or below zero, and if an edge is there in one direction only.
    pub(super) fn new(graph: &Graph, epochs: usize) -> Result<Self> {
        undirected::check(graph)?;
        let most = graph.weights().iter().copied().fold(0.0_f32, f32::max);
        let least = most / epochs.max(1) as f32;
        let mut springs = Self { starts: Vec::with_capacity(graph.vertices() + 1), ..Self::default() };
        springs.starts.push(0);
        for vertex in 0..graph.vertices() {
            let (ids, weights) = graph.row(vertex);
            for (&id, &weight) in ids.iter().zip(weights) {
                if weight >= least && weight > 0.0 && id as usize != vertex {
                    springs.targets.push(id);
                    springs.weights.push(weight / most);
                }
            }
            springs.starts.push(springs.targets.len());
        }
        Ok(springs)
    }

    /// Number of vertices.
    pub(super) fn vertices(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The other ends of the edges of a vertex, and their weights.
    pub(super) fn of(&self, vertex: usize) -> (&[u32], &[f32]) {
        let range = self.starts[vertex]..self.starts[vertex + 1];
        (&self.targets[range.clone()], &self.weights[range])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(weights: [f32; 4]) -> Graph {
        Graph::new(vec![0, 2, 3, 4], vec![1, 2, 0, 0], weights.to_vec()).unwrap()
    }

    #[test]
    fn light_edges_and_loops_are_left_out() {
        let springs = Springs::new(&graph([4.0, 0.3, 4.0, 0.3]), 10).unwrap();
        assert_eq!((springs.starts, springs.targets, springs.weights), (vec![0, 1, 2, 2], vec![1, 0], vec![1.0, 1.0]));
        let loops = Graph::new(vec![0, 1], vec![0], vec![1.0]).unwrap();
        assert!(Springs::new(&loops, 10).unwrap().targets.is_empty());
        let none = Springs::new(&graph([0.0; 4]), 10).unwrap();
        assert!(none.targets.is_empty() && none.vertices() == 3);
    }

    #[test]
    fn what_is_no_undirected_graph_is_refused() {
        for weight in [f32::NAN, -1.0, f32::INFINITY] {
            assert!(Springs::new(&graph([1.0, weight, 1.0, 1.0]), 10).is_err());
        }
        for (indptr, indices) in [(vec![0, 1, 1], vec![1]), (vec![0, 0, 1], vec![0]), (vec![0, 1, 2, 3], vec![1, 2, 0])]
        {
            let weights = vec![1.0; indices.len()];
            let one_way = Graph::new(indptr, indices, weights).unwrap();
            assert!(Springs::new(&one_way, 10).unwrap_err().to_string().contains("one direction"));
        }
    }
}
