//! From neighbours, which are not mutual, to an undirected graph.

use super::knn::Knn;
use crate::{Graph, Result};

/// The graph in which an edge has the weight `join(a, b)` of what each end gives the other; zero where it gives none.
/// `weights` are those of the neighbours, row after row. Edges without a weight are left out.
pub(super) fn symmetric(knn: &Knn, weights: &[f32], join: impl Fn(f32, f32) -> f32) -> Result<Graph> {
    let (cells, neighbours) = (knn.cells(), knn.neighbours());
    let incoming = Incoming::new(knn, weights);
    let mut indptr = Vec::with_capacity(cells + 1);
    indptr.push(0);
    let (mut indices, mut values) = (Vec::new(), Vec::new());
    let mut own: Vec<(u32, f32)> = Vec::with_capacity(neighbours);
    for cell in 0..cells {
        own.clear();
        let given = &weights[cell * neighbours..(cell + 1) * neighbours];
        own.extend(knn.row(cell).0.iter().copied().zip(given.iter().copied()));
        own.sort_unstable_by_key(|(id, _)| *id);
        let mut theirs = incoming.of(cell).peekable();
        let mut edge = |id: u32, a: f32, b: f32| {
            let weight = join(a, b);
            if weight != 0.0 {
                indices.push(id);
                values.push(weight);
            }
        };
        for &(id, weight) in &own {
            while let Some((other, back)) = theirs.next_if(|(other, _)| *other < id) {
                edge(other, 0.0, back);
            }
            let back = theirs.next_if(|(other, _)| *other == id).map_or(0.0, |(_, back)| back);
            edge(id, weight, back);
        }
        theirs.for_each(|(other, back)| edge(other, 0.0, back));
        indptr.push(indices.len());
    }
    Graph::new(indptr, indices, values)
}

/// The transpose: for each cell those that have it as a neighbour, ids rising.
struct Incoming {
    starts: Vec<usize>,
    ids: Vec<u32>,
    weights: Vec<f32>,
}

impl Incoming {
    fn new(knn: &Knn, weights: &[f32]) -> Self {
        let mut starts = vec![0; knn.cells() + 2];
        for &id in knn.indices() {
            starts[id as usize + 2] += 1;
        }
        for i in 2..starts.len() {
            starts[i] += starts[i - 1];
        }
        let (mut ids, mut values) = (vec![0; weights.len()], vec![0.0; weights.len()]);
        let rows = knn.indices().chunks(knn.neighbours().max(1)).zip(weights.chunks(knn.neighbours().max(1)));
        for (cell, (row, weights)) in (0_u32..).zip(rows) {
            for (&id, &weight) in row.iter().zip(weights) {
                let place = &mut starts[id as usize + 1];
                ids[*place] = cell;
                values[*place] = weight;
                *place += 1;
            }
        }
        Self { starts, ids, weights: values }
    }

    fn of(&self, cell: usize) -> impl Iterator<Item = (u32, f32)> {
        let range = self.starts[cell]..self.starts[cell + 1];
        self.ids[range.clone()].iter().copied().zip(self.weights[range].iter().copied())
    }
}
