//! Mergers in any order, as a tree.

use super::Node;

/// Two things whose clusters become one, and how far these are from each other.
pub(super) type Merger = (usize, usize, f64);

/// Puts mergers in order, the nearest first and of equal ones the one that was found first, and gives clusters numbers.
pub(super) fn relabelled(mut mergers: Vec<Merger>, count: usize) -> Vec<Node> {
    mergers.sort_by(|a, b| a.2.total_cmp(&b.2));
    let mut parents: Vec<usize> = (0..count).collect();
    let mut sizes = vec![1; count];
    let mut nodes = Vec::with_capacity(mergers.len());
    for (x, y, height) in mergers {
        let (x, y) = (root(&mut parents, x), root(&mut parents, y));
        let (number, size) = (parents.len(), sizes[x] + sizes[y]);
        (parents[x], parents[y]) = (number, number);
        parents.push(number);
        sizes.push(size);
        nodes.push(Node { children: [x.min(y), x.max(y)], height, size });
    }
    nodes
}

/// The cluster that a thing is in.
fn root(parents: &mut [usize], mut thing: usize) -> usize {
    while parents[thing] != thing {
        parents[thing] = parents[parents[thing]];
        thing = parents[thing];
    }
    thing
}
