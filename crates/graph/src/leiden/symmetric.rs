//! Whether a matrix equals its transpose, and its mean with it.

use std::borrow::Cow;

use super::network::Network;
use crate::Graph;

/// Whether every edge is there both ways with one weight. One pass over the edges.
pub(super) fn is_symmetric(graph: &Graph) -> bool {
    // Rows are looked at in order, so the next edge of a row that is met from the other side is the next of its row.
    let mut next: Vec<usize> = graph.indptr().iter().take(graph.vertices()).copied().collect();
    for row in 0..graph.vertices() {
        let (ids, weights) = graph.row(row);
        for (&id, weight) in ids.iter().zip(weights) {
            let at = next[id as usize];
            let met = at < graph.indptr()[id as usize + 1]
                && graph.indices()[at] as usize == row
                && graph.weights()[at].to_bits() == weight.to_bits();
            if !met {
                return false;
            }
            next[id as usize] += 1;
        }
    }
    true
}

/// The mean of a matrix and its transpose, without zeros; `weight` gives what an entry counts. Masses are left empty.
pub(super) fn mean_with_transpose(graph: &Graph, weight: impl Fn(f32) -> f64) -> Network<'static, f64> {
    let vertices = graph.vertices();
    let mut starts = vec![0_usize; vertices + 1];
    for &id in graph.indices() {
        starts[id as usize + 1] += 1;
    }
    for at in 0..vertices {
        starts[at + 1] += starts[at];
    }
    let mut next = starts.clone();
    let mut columns = vec![(0_u32, 0.0_f32); graph.edges()];
    for (row, at) in (0..).zip(0..vertices) {
        let (ids, weights) = graph.row(at);
        for (&id, &weight) in ids.iter().zip(weights) {
            let place = &mut next[id as usize];
            columns[*place] = (row, weight);
            *place += 1;
        }
    }
    let mut indptr = Vec::with_capacity(vertices + 1);
    indptr.push(0);
    let (mut neighbours, mut weights) = (Vec::with_capacity(graph.edges()), Vec::with_capacity(graph.edges()));
    for vertex in 0..vertices {
        let (ids, own) = graph.row(vertex);
        let mut out = ids.iter().copied().zip(own.iter().copied()).peekable();
        let mut into = columns[starts[vertex]..starts[vertex + 1]].iter().copied().peekable();
        loop {
            let id = match (out.peek(), into.peek()) {
                (Some(&(a, _)), Some(&(b, _))) => a.min(b),
                (Some(&(id, _)), None) | (None, Some(&(id, _))) => id,
                (None, None) => break,
            };
            let there = out.next_if(|edge| edge.0 == id).map_or(0.0, |edge| weight(edge.1));
            let back = into.next_if(|edge| edge.0 == id).map_or(0.0, |edge| weight(edge.1));
            let mean = f64::midpoint(there, back);
            if mean > 0.0 {
                neighbours.push(id);
                weights.push(mean);
            }
        }
        indptr.push(neighbours.len());
    }
    Network {
        indptr: Cow::Owned(indptr),
        neighbours: Cow::Owned(neighbours),
        weights: Cow::Owned(weights),
        masses: Vec::new(),
    }
}
