//! Single linkage: the edges of a minimum spanning tree (Prim).

use super::Distances;
use super::relabel::Merger;

/// The mergers, in the order in which the tree grows from the first thing.
pub(super) fn spanning(distances: &Distances) -> Vec<Merger> {
    let count = distances.count;
    let mut outside = vec![true; count];
    let mut nearest = vec![f64::INFINITY; count];
    let mut mergers = Vec::with_capacity(count - 1);
    let mut last = 0;
    for _ in 1..count {
        outside[last] = false;
        let mut found = (f64::INFINITY, last);
        for thing in (0..count).filter(|thing| outside[*thing]) {
            let distance = distances.get(last, thing);
            if nearest[thing] > distance {
                nearest[thing] = distance;
            }
            if nearest[thing] < found.0 {
                found = (nearest[thing], thing);
            }
        }
        mergers.push((last, found.1, found.0));
        last = found.1;
    }
    mergers
}
