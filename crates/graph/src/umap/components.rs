//! Parts of a graph between which there are no edges.

use super::springs::Springs;

/// The vertices of each connected component, rising; components in the order of their first vertices.
pub(super) fn components(springs: &Springs) -> Vec<Vec<u32>> {
    const NONE: u32 = u32::MAX;
    let mut labels = vec![NONE; springs.vertices()];
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
        waiting.extend(springs.of(first).0);
        while let Some(vertex) = waiting.pop() {
            if labels[vertex as usize] == NONE {
                labels[vertex as usize] = label;
                size += 1;
                waiting.extend(springs.of(vertex as usize).0.iter().filter(|id| labels[**id as usize] == NONE));
            }
        }
        sizes.push(size);
    }
    let mut members: Vec<Vec<u32>> = sizes.into_iter().map(Vec::with_capacity).collect();
    for (vertex, &label) in (0..).zip(&labels) {
        members[label as usize].push(vertex);
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Graph;

    #[test]
    fn parts_are_found() {
        let graph = Graph::new(vec![0, 1, 1, 3, 4], vec![2, 0, 3, 2], vec![1.0; 4]).unwrap();
        assert_eq!(components(&Springs::new(&graph, 1).unwrap()), [vec![0, 2, 3], vec![1]]);
        assert!(components(&Springs::default()).is_empty());
    }
}
