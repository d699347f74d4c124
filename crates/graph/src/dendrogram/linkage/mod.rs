//! Hierarchical clustering: the two nearest clusters become one, until there is only one.
//!
//! The algorithms are those of Müllner (arXiv:1109.2378), as scipy has them, with its order of what is equally far: a
//! minimum spanning tree for single linkage, chains of nearest neighbours where merging never brings clusters nearer to
//! others, and a queue of nearest neighbours for the rest.

mod chain;
mod generic;
mod heap;
mod method;
mod relabel;
mod spanning;

pub use method::Method;

use crate::{Error, Result};

/// Two clusters that become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    /// Which: below the number of things it is one of these, else the node by that number more.
    pub children: [usize; 2],
    /// How far they are from each other.
    pub height: f64,
    /// How many things they hold.
    pub size: usize,
}

/// Distances of all pairs, of which those of clusters become others.
#[derive(Clone, Debug)]
struct Distances {
    count: usize,
    values: Vec<f64>,
}

impl Distances {
    fn get(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.count + j]
    }

    fn set(&mut self, i: usize, j: usize, value: f64) {
        self.values[i * self.count + j] = value;
        self.values[j * self.count + i] = value;
    }
}

/// Clusters things by the distances of their pairs: (0, 1), (0, 2), … (1, 2), …, as `scipy.cluster.hierarchy.linkage`
/// without `optimal_ordering`. The first child of a node is the one with the lower number.
///
/// Memory: 8 bytes for each pair, both ways. Time: that times a few, except for centroid and median, which in bad cases
/// take it times the number of things.
///
/// # Errors
/// `Argument` for distances that are not finite, or fewer than two things.
pub fn linkage(count: usize, condensed: &[f64], method: Method) -> Result<Vec<Node>> {
    if count < 2 || condensed.len() != count * (count - 1) / 2 {
        return Err(Error::argument(format!(
            "{} distances between {count} things; expected 2 or more",
            condensed.len()
        )));
    }
    if condensed.iter().any(|distance| !distance.is_finite()) {
        return Err(Error::argument("distances that are no finite numbers"));
    }
    let mut distances = Distances { count, values: vec![0.0; count * count] };
    let mut next = condensed.iter();
    for i in 0..count {
        for j in i + 1..count {
            distances.set(i, j, next.next().copied().unwrap_or(0.0));
        }
    }
    match method {
        Method::Single => Ok(relabel::relabelled(spanning::spanning(&distances), count)),
        Method::Complete | Method::Average | Method::Weighted | Method::Ward => {
            Ok(relabel::relabelled(chain::chain(distances, method), count))
        }
        Method::Centroid | Method::Median => generic::generic(distances, method),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::umap::random::Stream;

    /// Looks for the nearest pair again and again.
    fn naive(count: usize, condensed: &[f64], method: Method) -> Vec<f64> {
        let mut clusters: Vec<Option<usize>> = vec![Some(1); count];
        let mut distances = vec![vec![0.0; count]; count];
        let pairs = (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j)));
        for ((i, j), distance) in pairs.zip(condensed) {
            distances[i][j] = *distance;
            distances[j][i] = *distance;
        }
        let mut heights = Vec::new();
        for _ in 1..count {
            let mut nearest = (f64::INFINITY, 0, 0);
            for i in (0..count).filter(|i| clusters[*i].is_some()) {
                for j in (i + 1..count).filter(|j| clusters[*j].is_some()) {
                    if distances[i][j] < nearest.0 {
                        nearest = (distances[i][j], i, j);
                    }
                }
            }
            let (height, x, y) = nearest;
            heights.push(height);
            let (in_x, in_y) = (clusters[x].take().unwrap(), clusters[y].unwrap());
            clusters[y] = Some(in_x + in_y);
            for z in 0..count {
                if let Some(in_z) = clusters[z].filter(|_| z != y) {
                    distances[z][y] = method.merged(distances[z][x], distances[z][y], height, [in_x, in_y, in_z]);
                    distances[y][z] = distances[z][y];
                }
            }
        }
        heights
    }

    #[test]
    fn heights_are_those_of_a_plain_search() {
        let mut random = Stream::new(1, 2, 3);
        for count in [2, 3, 5, 12, 40] {
            let places: Vec<[f64; 3]> = (0..count).map(|_| [random.unit(), random.unit(), random.unit()]).collect();
            let mut condensed = Vec::new();
            for i in 0..count {
                for j in i + 1..count {
                    let squares = places[i].iter().zip(&places[j]).map(|(x, y)| (x - y).powi(2));
                    condensed.push(squares.sum::<f64>().sqrt());
                }
            }
            for method in Method::ALL {
                let tree = linkage(count, &condensed, method).unwrap();
                let mut expected = naive(count, &condensed, method);
                if !matches!(method, Method::Centroid | Method::Median) {
                    expected.sort_by(f64::total_cmp);
                }
                assert_eq!(tree.len(), count - 1);
                for (node, height) in tree.iter().zip(&expected) {
                    assert!((node.height - height).abs() < 1e-12, "{method:?} {count}");
                    assert!(node.children[0] < node.children[1]);
                }
                assert_eq!(tree[count - 2].size, count);
            }
        }
    }

    #[test]
    fn what_cannot_be_clustered_is_refused() {
        assert!(linkage(1, &[], Method::Single).is_err() && linkage(3, &[1.0], Method::Single).is_err());
        assert!(linkage(2, &[f64::NAN], Method::Ward).is_err());
        // No places have these distances; what is merged is nearest, so that there are no roots of negative numbers.
        for method in Method::ALL {
            assert!(linkage(3, &[1.0, 0.1, 0.1], method).unwrap().iter().all(|node| node.height.is_finite()));
        }
    }
}
