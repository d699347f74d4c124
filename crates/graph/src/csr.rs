//! A graph as a square matrix in compressed rows.

use crate::{Error, Result};

/// A weighted graph: row `i` holds the neighbours of vertex `i`, their ids rising, and the weights of the edges there.
/// An undirected graph holds every edge twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    indptr: Vec<usize>,
    indices: Vec<u32>,
    weights: Vec<f32>,
}

impl Graph {
    /// From compressed rows.
    ///
    /// # Errors
    /// `Invalid` unless pointers start at zero, never fall and end at the number of edges; ids are below the number of
    /// vertices and rise within a row; and there are as many weights as ids.
    pub fn new(indptr: Vec<usize>, indices: Vec<u32>, weights: Vec<f32>) -> Result<Self> {
        let wrong = |message: String| Err(Error::invalid(message));
        let (Some(&first), Some(&last)) = (indptr.first(), indptr.last()) else {
            return wrong("a graph without row pointers".to_owned());
        };
        if first != 0 || last != indices.len() {
            return wrong(format!("pointers run from {first} to {last}, expected 0 to {}", indices.len()));
        }
        if weights.len() != indices.len() {
            return wrong(format!("{} weights for {} edges", weights.len(), indices.len()));
        }
        if let Some(row) = indptr.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(Error::invalid("pointers fall").row(row));
        }
        let vertices = indptr.len() - 1;
        for (row, range) in indptr.windows(2).enumerate() {
            let ids = &indices[range[0]..range[1]];
            if !ids.is_sorted_by(|a, b| a < b) {
                return Err(Error::invalid("ids do not rise").row(row));
            }
            if let Some(id) = ids.last().filter(|id| **id as usize >= vertices) {
                return Err(Error::invalid(format!("id {id} in a graph of {vertices} vertices")).row(row));
            }
        }
        Ok(Self { indptr, indices, weights })
    }

    /// Number of vertices.
    pub fn vertices(&self) -> usize {
        self.indptr.len().saturating_sub(1)
    }

    /// Number of stored edges.
    pub fn edges(&self) -> usize {
        self.indices.len()
    }

    /// Row pointers, one more than vertices.
    pub fn indptr(&self) -> &[usize] {
        &self.indptr
    }

    /// Ids of neighbours, row after row.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Weights of the edges, row after row.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The edges among the vertices for which `kept` is true, which are numbered anew.
    ///
    /// # Errors
    /// `Internal` if `kept` has another length than there are vertices.
    pub fn among(&self, kept: &[bool]) -> Result<Self> {
        if kept.len() != self.vertices() {
            return Err(Error::internal(format!("a mask of {} for {} vertices", kept.len(), self.vertices())));
        }
        let mut next = 0..;
        let places: Vec<Option<u32>> = kept.iter().map(|kept| kept.then(|| next.next()).flatten()).collect();
        let mut part = Self { indptr: vec![0], indices: Vec::new(), weights: Vec::new() };
        for vertex in (0..self.vertices()).filter(|&vertex| kept[vertex]) {
            let (ids, weights) = self.row(vertex);
            for (&id, &weight) in ids.iter().zip(weights) {
                if let Some(place) = places[id as usize] {
                    part.indices.push(place);
                    part.weights.push(weight);
                }
            }
            part.indptr.push(part.indices.len());
        }
        Ok(part)
    }

    /// Neighbours of a vertex, and the weights of the edges there.
    ///
    /// # Panics
    /// If there is no such vertex.
    pub fn row(&self, vertex: usize) -> (&[u32], &[f32]) {
        let range = self.indptr[vertex]..self.indptr[vertex + 1];
        (&self.indices[range.clone()], &self.weights[range])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_checked() {
        let graph = Graph::new(vec![0, 1, 3], vec![1, 0, 1], vec![0.5, 0.5, 1.0]).unwrap();
        assert_eq!((graph.vertices(), graph.edges()), (2, 3));
        assert_eq!(graph.row(1), (&[0, 1][..], &[0.5, 1.0][..]));
        assert_eq!(Graph::new(vec![0], vec![], vec![]).unwrap().vertices(), 0);
        for (indptr, indices) in [
            (vec![], vec![]),
            (vec![1, 1], vec![0]),
            (vec![0, 2], vec![0]),
            (vec![0, 1], vec![1]),
            (vec![0, 2, 2], vec![1, 0]),
            (vec![0, 2, 2], vec![1, 1]),
            (vec![0, 2, 1, 3], vec![0, 1, 2]),
        ] {
            let weights = vec![1.0; indices.len()];
            assert!(Graph::new(indptr, indices, weights).is_err());
        }
        assert!(Graph::new(vec![0, 1], vec![0], vec![]).is_err());
    }

    #[test]
    fn a_part_has_the_edges_within_it() {
        let graph = Graph::new(vec![0, 2, 3, 3, 5], vec![1, 3, 0, 0, 2], vec![1.0, 2.0, 1.0, 2.0, 3.0]).unwrap();
        assert_eq!(graph.among(&[true; 4]).unwrap(), graph);
        let part = graph.among(&[true, false, true, true]).unwrap();
        assert_eq!(part, Graph::new(vec![0, 1, 1, 3], vec![2, 0, 1], vec![2.0, 2.0, 3.0]).unwrap());
        assert_eq!(graph.among(&[false; 4]).unwrap().vertices(), 0);
        assert!(graph.among(&[true]).is_err());
    }
}
