//! Nearest pairs out of a queue, for methods by which a merged cluster may be nearer to others than its parts.

use super::heap::Heap;
use super::{Distances, Method, Node};
use crate::{Error, Result};

/// The tree.
pub(super) fn generic(mut distances: Distances, method: Method) -> Result<Vec<Node>> {
    let count = distances.count;
    let mut sizes = vec![1_usize; count];
    let mut numbers: Vec<usize> = (0..count).collect();
    // For each cluster one behind it that may be the nearest, and a distance that the nearest is not below.
    let (mut neighbors, mut bounds): (Vec<usize>, Vec<f64>) = (Vec::new(), Vec::new());
    for x in 0..count - 1 {
        let (y, distance) = nearest(&distances, &sizes, x).ok_or_else(no_pair)?;
        neighbors.push(y);
        bounds.push(distance);
    }
    let mut heap = Heap::new(&bounds);
    let mut nodes = Vec::with_capacity(count - 1);
    for step in 0..count - 1 {
        let mut found = None;
        for _ in step..count {
            let (x, bound) = heap.least().ok_or_else(no_pair)?;
            let y = neighbors[x];
            // The bound was that distance, unless it has changed.
            if bound.total_cmp(&distances.get(x, y)).is_eq() {
                found = Some((x, y, bound));
                break;
            }
            let (y, distance) = nearest(&distances, &sizes, x).ok_or_else(no_pair)?;
            (neighbors[x], bounds[x]) = (y, distance);
            heap.change(x, distance);
        }
        let (x, y, height) = found.ok_or_else(no_pair)?;
        heap.remove_least();
        let (in_x, in_y) = (sizes[x], sizes[y]);
        let children = [numbers[x].min(numbers[y]), numbers[x].max(numbers[y])];
        nodes.push(Node { children, height, size: in_x + in_y });
        (sizes[x], sizes[y], numbers[y]) = (0, in_x + in_y, count + step);
        for z in (0..count).filter(|z| *z != y) {
            if sizes[z] > 0 {
                let merged = method.merged(distances.get(z, x), distances.get(z, y), height, [in_x, in_y, sizes[z]]);
                distances.set(z, y, merged);
            }
        }
        for z in 0..x {
            if sizes[z] > 0 && neighbors[z] == x {
                neighbors[z] = y;
            }
        }
        for z in (0..y).filter(|z| sizes[*z] > 0) {
            let distance = distances.get(z, y);
            if distance < bounds[z] {
                (neighbors[z], bounds[z]) = (y, distance);
                heap.change(z, distance);
            }
        }
        if y < count - 1
            && let Some((z, distance)) = nearest(&distances, &sizes, y)
        {
            (neighbors[y], bounds[y]) = (z, distance);
            heap.change(y, distance);
        }
    }
    Ok(nodes)
}

/// The nearest of the clusters behind one.
fn nearest(distances: &Distances, sizes: &[usize], x: usize) -> Option<(usize, f64)> {
    let mut found = None;
    let mut least = f64::INFINITY;
    for other in (x + 1..sizes.len()).filter(|other| sizes[*other] > 0) {
        let distance = distances.get(x, other);
        if distance < least {
            least = distance;
            found = Some((other, distance));
        }
    }
    found
}

fn no_pair() -> Error {
    Error::internal("no pair of clusters is left")
}
