//! Parts of a graph between which there are no edges.

use std::borrow::Cow;

use crate::{Graph, Result};

/// The vertices of each connected component, rising; components in the order of their first vertices. Edges without a
/// weight join nothing.
pub(super) fn parts(graph: &Graph) -> Vec<Vec<u32>> {
    const NONE: u32 = u32::MAX;
    let mut labels = vec![NONE; graph.vertices()];
    let mut sizes: Vec<usize> = Vec::new();
    let mut waiting: Vec<u32> = Vec::new();
    for first in 0..labels.len() {
        if labels[first] != NONE {
            continue;
        }
        // There are no more components than vertices, whose ids are of 32 bits.
        let label = u32::try_from(sizes.len()).unwrap_or(NONE - 1);
        labels[first] = label;
        let mut size = 1;
        let mut vertex = first;
        loop {
            let (ids, weights) = graph.row(vertex);
            for (&id, &weight) in ids.iter().zip(weights) {
                if weight > 0.0 && labels[id as usize] == NONE {
                    labels[id as usize] = label;
                    size += 1;
                    waiting.push(id);
                }
            }
            let Some(next) = waiting.pop() else { break };
            vertex = next as usize;
        }
        sizes.push(size);
    }
    let mut members: Vec<Vec<u32>> = sizes.into_iter().map(Vec::with_capacity).collect();
    for (vertex, &label) in (0..).zip(&labels) {
        members[label as usize].push(vertex);
    }
    members
}

/// The graph of some vertices, between which and the others there are no edges. `places` has room for all vertices.
///
/// # Errors
/// None, if the vertices rise.
pub(super) fn part<'a>(graph: &'a Graph, vertices: &[u32], places: &mut [u32]) -> Result<Cow<'a, Graph>> {
    if vertices.len() == graph.vertices() {
        return Ok(Cow::Borrowed(graph));
    }
    for (place, &vertex) in (0..).zip(vertices) {
        places[vertex as usize] = place;
    }
    let mut indptr = vec![0];
    let (mut indices, mut part) = (Vec::new(), Vec::new());
    for &vertex in vertices {
        let (ids, weights) = graph.row(vertex as usize);
        // Others are edges without a weight, which may lead to another part.
        for (&id, &weight) in ids.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
            indices.push(places[id as usize]);
            part.push(weight);
        }
        indptr.push(indices.len());
    }
    Graph::new(indptr, indices, part).map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        let weights = vec![1.0, 0.0, 2.0, 3.0, 0.0, 3.0];
        let graph = Graph::new(vec![0, 2, 2, 4, 6], vec![0, 3, 2, 3, 0, 2], weights).unwrap();
        let all = parts(&graph);
        assert_eq!(all, [vec![0], vec![1], vec![2, 3]]);
        let mut places = vec![0; 4];
        let last = part(&graph, &all[2], &mut places).unwrap();
        assert_eq!(*last, Graph::new(vec![0, 2, 3], vec![0, 1, 0], vec![2.0, 3.0, 3.0]).unwrap());
        assert!(parts(&Graph::new(vec![0], vec![], vec![]).unwrap()).is_empty());
    }
}
