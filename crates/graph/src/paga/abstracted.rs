//! From numbers of edges to the graph of the groups.

use std::collections::BTreeMap;

use super::Counts;

/// An edge: from, to, weight.
type Edge = (usize, usize, f64);

/// The graph of the groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paga {
    /// Number of cells of each group.
    pub sizes: Vec<u64>,
    /// How strongly groups are connected, from 0 to 1: row by row, each edge in both directions.
    pub connectivities: Vec<Edge>,
    /// Edges of the tree that connects most strongly what is connected: row by row, each edge in one direction.
    pub tree: Vec<Edge>,
}

/// Makes the graph of the groups (the model v1.2 of scanpy).
///
/// Of edges that are equally strong, the tree prefers the one that comes first, row by row; that of scanpy is the one
/// that an unstable sort has first.
pub fn abstracted(counts: &Counts) -> Paga {
    let Counts { sizes, edges } = counts;
    let cells: u64 = sizes.iter().sum();
    let mut leaving = vec![0_u64; sizes.len()];
    let mut between: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    for (&(from, to), &count) in edges {
        leaving[from] += count;
        if from != to {
            *between.entry((from, to)).or_default() += count;
            *between.entry((to, from)).or_default() += count;
        }
    }
    let connectivities: Vec<Edge> = between
        .into_iter()
        .map(|((i, j), count)| {
            let cross = leaving[i] as f64 * sizes[j] as f64 + leaving[j] as f64 * sizes[i] as f64;
            let chance = cross / (cells as f64 - 1.0);
            let ratio = if chance == 0.0 { 1.0 } else { count as f64 / chance };
            (i, j, ratio.min(1.0))
        })
        .collect();
    let tree = tree(sizes.len(), &connectivities);
    Paga { sizes: sizes.clone(), connectivities, tree }
}

/// The spanning forest of the strongest edges (Kruskal).
fn tree(groups: usize, edges: &[Edge]) -> Vec<Edge> {
    let mut order: Vec<&Edge> = edges.iter().collect();
    order.sort_by(|a, b| (1.0 / a.2).total_cmp(&(1.0 / b.2)));
    let mut parents: Vec<usize> = (0..groups).collect();
    let mut kept = Vec::new();
    for &edge in order {
        let (from, to) = (root(&mut parents, edge.0), root(&mut parents, edge.1));
        if from != to {
            parents[to] = from;
            kept.push(edge);
        }
    }
    kept.sort_by_key(|(from, to, _)| (*from, *to));
    kept
}

/// The group that stands for all that are joined with one.
fn root(parents: &mut [usize], mut group: usize) -> usize {
    while parents[group] != group {
        parents[group] = parents[parents[group]];
        group = parents[group];
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_the_strongest_edges() {
        let pairs = [(0, 1, 0.5), (0, 2, 0.9), (1, 2, 0.8), (3, 4, 1.0), (2, 1, 0.8), (4, 3, 1.0)];
        let mut edges: Vec<Edge> = pairs.into();
        edges.sort_by_key(|(from, to, _)| (*from, *to));
        assert_eq!(tree(6, &edges), [(0, 2, 0.9), (1, 2, 0.8), (3, 4, 1.0)]);
        assert!(tree(0, &[]).is_empty());
    }

    #[test]
    fn no_edges_and_few_cells() {
        let none = abstracted(&Counts { sizes: vec![1], edges: BTreeMap::new() });
        assert_eq!(none, Paga { sizes: vec![1], ..Paga::default() });
        let loops = abstracted(&Counts { sizes: vec![3, 0, 2], edges: [((0, 0), 7), ((2, 0), 1)].into() });
        assert_eq!(loops.connectivities, [(0, 2, 1.0 / (17.0 / 4.0)), (2, 0, 1.0 / (17.0 / 4.0))]);
    }
}
