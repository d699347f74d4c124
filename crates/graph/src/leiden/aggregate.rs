//! The next level: parts become vertices.

use std::borrow::Cow;

use super::network::{Gathered, Mass, Network, Weight};
use super::refine::Parts;

/// A graph of the parts; what stands within a part is in its mass only.
pub(super) fn aggregate<W: Weight>(network: &Network<'_, W>, parts: &Parts) -> Network<'static, f64> {
    let (starts, members) = grouped(&parts.of, parts.count);
    let mut gathered = Gathered::new(parts.count);
    let mut indptr = Vec::with_capacity(parts.count + 1);
    indptr.push(0);
    let (mut neighbours, mut weights) = (Vec::new(), Vec::new());
    let mut masses = Vec::with_capacity(parts.count);
    for (part, range) in (0..).zip(starts.windows(2)) {
        let mut mass = Mass::default();
        for &vertex in &members[range[0]..range[1]] {
            mass = mass.plus(network.masses[vertex as usize]);
            for (neighbour, weight) in network.edges(vertex) {
                let other = parts.of[neighbour as usize];
                if other != part {
                    gathered.add(other, weight);
                }
            }
        }
        neighbours.extend_from_slice(gathered.touched());
        weights.extend(gathered.touched().iter().map(|&other| gathered.get(other)));
        gathered.clear();
        indptr.push(neighbours.len());
        masses.push(mass);
    }
    Network { indptr: Cow::Owned(indptr), neighbours: Cow::Owned(neighbours), weights: Cow::Owned(weights), masses }
}

/// The vertices of each group, one group after the other; and where groups start.
fn grouped(groups: &[u32], count: usize) -> (Vec<usize>, Vec<u32>) {
    let mut starts = vec![0_usize; count + 1];
    for &group in groups {
        starts[group as usize + 1] += 1;
    }
    for at in 0..count {
        starts[at + 1] += starts[at];
    }
    let mut next = starts.clone();
    let mut members = vec![0; groups.len()];
    for (vertex, &group) in (0..).zip(groups) {
        let place = &mut next[group as usize];
        members[*place] = vertex;
        *place += 1;
    }
    (starts, members)
}
