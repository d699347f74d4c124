//! The order of leaves in which neighbours are nearest (Bar-Joseph, Gifford and Jaakkola 2001).

use super::Node;
use super::drawing::leaves;

/// What is farther than anything.
const FAR: f32 = 1_073_741_824.0;

/// A tree with children swapped so that the sum of the distances between leaves that stand side by side is least:
/// `scipy.cluster.hierarchy.optimal_leaf_ordering`, in single precision like it. `distance` is that of two leaves.
///
/// Memory: 5 bytes for each pair of leaves, both ways; time: up to the fourth power of their number.
pub fn optimal_order(tree: &[Node], distance: impl Fn(usize, usize) -> f64) -> Vec<Node> {
    let count = tree.len() + 1;
    let order = leaves(tree);
    let mut places = vec![0; count];
    for (place, &leaf) in order.iter().enumerate() {
        places[leaf] = place;
    }
    // Leaves by their places from here on: those of a cluster follow each other.
    let child = |child: usize| if child < count { places[child] } else { child };
    let children: Vec<[usize; 2]> = tree.iter().map(|node| node.children.map(child)).collect();
    let mut ranges: Vec<[usize; 2]> = (0..count).map(|place| [place, place + 1]).collect();
    for &[left, right] in &children {
        ranges.push([ranges[left][0], ranges[right][1]]);
    }
    let mut search = Search {
        count,
        ends: vec![0.0; count * count],
        swapped: vec![[false; 2]; count * count],
        distance: |i, j| distance(order[i], order[j]),
    };
    let mut swap = vec![false; tree.len()];
    for &[left, right] in &children {
        for (chosen, cluster) in search.merge([left, right], &children, &ranges).into_iter().zip([left, right]) {
            if cluster >= count {
                swap[cluster - count] = chosen;
            }
        }
    }
    // Whoever is turned over is turned over with all below.
    for node in (0..tree.len()).rev() {
        for child in children[node].into_iter().filter(|child| *child >= count) {
            swap[child - count] ^= swap[node];
        }
    }
    let turned = |(node, swap): (&Node, bool)| {
        let [left, right] = node.children;
        Node { children: if swap { [right, left] } else { [left, right] }, ..*node }
    };
    tree.iter().zip(swap).map(turned).collect()
}

/// What is known of clusters so far.
struct Search<D> {
    count: usize,
    /// The least sum of distances of the cluster that two leaves meet in, if they are its ends.
    ends: Vec<f32>,
    /// Whether the left and the right child of that cluster are swapped then.
    swapped: Vec<[bool; 2]>,
    distance: D,
}

impl<D: Fn(usize, usize) -> f64> Search<D> {
    /// Looks at all pairs of ends of a cluster, and says whether its children are swapped for the best of them.
    fn merge(&mut self, pair: [usize; 2], children: &[[usize; 2]], ranges: &[[usize; 2]]) -> [bool; 2] {
        // The outer and the inner part of either side, as it stands and swapped.
        let sides = |cluster: usize, outer: usize| match cluster.checked_sub(self.count) {
            None => vec![(cluster, cluster)],
            Some(node) => vec![
                (children[node][outer], children[node][1 - outer]),
                (children[node][1 - outer], children[node][outer]),
            ],
        };
        let (lefts, rights) = (sides(pair[0], 0), sides(pair[1], 1));
        for (swap_left, &(u, m)) in lefts.iter().enumerate() {
            for (swap_right, &(w, k)) in rights.iter().enumerate() {
                self.join([u, m, w, k].map(|cluster| ranges[cluster]), [swap_left == 1, swap_right == 1]);
            }
        }
        let mut best = (FAR, [false; 2]);
        for u in ranges[pair[0]][0]..ranges[pair[0]][1] {
            for w in ranges[pair[1]][0]..ranges[pair[1]][1] {
                let at = u * self.count + w;
                if self.ends[at] < best.0 {
                    best = (self.ends[at], self.swapped[at]);
                }
            }
        }
        best.1
    }

    /// For ends in the outer parts `u` and `w`, finds the leaves of the inner parts `m` and `k` that meet.
    #[expect(clippy::cast_possible_truncation, reason = "sums are of single precision, as in scipy")]
    fn join(&mut self, [us, ms, ws, ks]: [[usize; 2]; 4], swapped: [bool; 2]) {
        let count = self.count;
        let mut least = FAR;
        for m in ms[0]..ms[1] {
            for k in ks[0]..ks[1] {
                let distance = (self.distance)(m, k);
                if distance < f64::from(least) {
                    least = distance as f32;
                }
            }
        }
        let sorted = |ends: &[f32], inner: [usize; 2], end: usize| {
            let mut all: Vec<(f32, usize)> = (inner[0]..inner[1]).map(|i| (ends[i * count + end], i)).collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            all
        };
        let by_w: Vec<Vec<(f32, usize)>> = (ws[0]..ws[1]).map(|w| sorted(&self.ends, ks, w)).collect();
        for u in us[0]..us[1] {
            let lefts = sorted(&self.ends, ms, u);
            for (w, rights) in (ws[0]..ws[1]).zip(&by_w) {
                let mut best = FAR;
                for &(left, m) in &lefts {
                    if left + rights[0].0 + least >= best {
                        break;
                    }
                    for &(right, k) in rights {
                        if left + right + least >= best {
                            break;
                        }
                        let sum = (f64::from(left + right) + (self.distance)(m, k)) as f32;
                        if sum < best {
                            best = sum;
                        }
                    }
                }
                for at in [u * count + w, w * count + u] {
                    self.ends[at] = best;
                    self.swapped[at] = swapped;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Method, linkage};
    use super::*;
    use crate::umap::random::Stream;

    /// The least sum over all ways to swap children.
    fn least(tree: &[Node], distance: &dyn Fn(usize, usize) -> f64) -> f64 {
        (0..1_u32 << tree.len())
            .map(|ways| {
                let turned: Vec<Node> = tree
                    .iter()
                    .enumerate()
                    .map(|(i, node)| {
                        let [left, right] = node.children;
                        Node { children: if ways >> i & 1 == 1 { [right, left] } else { [left, right] }, ..*node }
                    })
                    .collect();
                sum(&turned, distance)
            })
            .fold(f64::INFINITY, f64::min)
    }

    fn sum(tree: &[Node], distance: &dyn Fn(usize, usize) -> f64) -> f64 {
        leaves(tree).windows(2).map(|pair| distance(pair[0], pair[1])).sum()
    }

    #[test]
    fn no_other_order_is_better() {
        let mut random = Stream::new(4, 5, 6);
        for count in [2, 3, 4, 7, 10] {
            let places: Vec<[f64; 2]> = (0..count).map(|_| [random.unit(), random.unit()]).collect();
            let distance = |i: usize, j: usize| (places[i][0] - places[j][0]).hypot(places[i][1] - places[j][1]);
            let condensed: Vec<f64> =
                (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))).map(|(i, j)| distance(i, j)).collect();
            let tree = linkage(count, &condensed, Method::Average).unwrap();
            let ordered = optimal_order(&tree, distance);
            assert!((sum(&ordered, &distance) - least(&tree, &distance)).abs() < 1e-5);
        }
    }
}
