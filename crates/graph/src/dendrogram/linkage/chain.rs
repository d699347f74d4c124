//! Chains of nearest neighbours, for methods by which a merged cluster is never nearer to others than its parts.

use super::relabel::Merger;
use super::{Distances, Method};

/// The mergers, in the order in which they are found: whenever two clusters are nearest to each other. A cluster is
/// called by one of its things.
pub(super) fn chain(mut distances: Distances, method: Method) -> Vec<Merger> {
    let count = distances.count;
    let mut sizes = vec![1_usize; count];
    let mut chain: Vec<usize> = Vec::with_capacity(count);
    let mut mergers = Vec::with_capacity(count - 1);
    for _ in 1..count {
        if chain.is_empty() {
            chain.extend(sizes.iter().position(|size| *size > 0));
        }
        let (x, y, height) = end(&distances, &sizes, &mut chain);
        let (x, y) = (x.min(y), x.max(y));
        mergers.push((x, y, height));
        let (in_x, in_y) = (sizes[x], sizes[y]);
        (sizes[x], sizes[y]) = (0, in_x + in_y);
        for z in (0..count).filter(|z| *z != y) {
            if sizes[z] > 0 {
                let (to_x, to_y) = (distances.get(z, x), distances.get(z, y));
                distances.set(z, y, method.merged(to_x, to_y, height, [in_x, in_y, sizes[z]]));
            }
        }
    }
    mergers
}

/// Follows the chain to two clusters that are nearest to each other, and takes them off.
fn end(distances: &Distances, sizes: &[usize], chain: &mut Vec<usize>) -> (usize, usize, f64) {
    loop {
        let x = chain.last().copied().unwrap_or(0);
        // The one before counts as the nearest if others are as near: else the chain could go in circles.
        let before = chain.len().checked_sub(2).map(|i| chain[i]);
        let (mut y, mut nearest) = before.map_or((x, f64::INFINITY), |before| (before, distances.get(x, before)));
        for other in (0..sizes.len()).filter(|other| sizes[*other] > 0 && *other != x) {
            if distances.get(x, other) < nearest {
                (y, nearest) = (other, distances.get(x, other));
            }
        }
        if before == Some(y) {
            chain.truncate(chain.len() - 2);
            return (x, y, nearest);
        }
        chain.push(y);
    }
}
