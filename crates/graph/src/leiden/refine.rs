//! Refinement: communities fall into parts that are well connected.

use super::labels::compact;
use super::network::{Gathered, Mass, Model, Network, Weight};
use super::random::Random;

/// Parts of communities, and their number.
#[derive(Debug)]
pub(super) struct Parts {
    /// The part of each vertex.
    pub(super) of: Vec<u32>,
    pub(super) count: usize,
}

/// Choices that are less likely than e to this, beside the likeliest, are not made.
const LEAST_LOG: f64 = -40.0;

/// Merges vertices within communities, starting from single ones. A vertex that is still single and well connected with
/// its community joins, at random, a part that is well connected too and does not lose by it; gains make it likelier.
/// Well connected is what has at least the weight to the rest of the community that the null model expects.
pub(super) fn refine<W: Weight>(
    network: &Network<'_, W>,
    membership: &[u32],
    communities: usize,
    model: &Model,
    random: &mut Random,
) -> Parts {
    let vertices = network.vertices();
    let mut whole = vec![Mass::default(); communities];
    for (&community, &mass) in membership.iter().zip(&network.masses) {
        whole[community as usize] = whole[community as usize].plus(mass);
    }
    let mut masses = network.masses.clone();
    let mut sizes = vec![1_u32; vertices];
    // The weight between a part and the rest of its community.
    let mut cuts: Vec<f64> = (0..)
        .zip(membership)
        .map(|(vertex, own)| {
            let inner = network.edges(vertex).filter(|&(neighbour, _)| membership[neighbour as usize] == *own);
            inner.map(|(_, weight)| weight).sum()
        })
        .collect();
    let mut parts: Vec<u32> = (0..).take(vertices).collect();
    let mut gathered = Gathered::new(vertices);
    let mut candidates: Vec<(u32, f64)> = Vec::new();
    for vertex in random.order(vertices) {
        let at = vertex as usize;
        if parts[at] != vertex || sizes[at] > 1 {
            continue;
        }
        let own = membership[at];
        let (mass, cut) = (network.masses[at], cuts[at]);
        let connected = |mass: Mass, cut: f64| {
            let expected = model.expected(mass, whole[own as usize].minus(mass));
            cut + model.least(mass, cut) >= expected
        };
        if cut == 0.0 || !connected(mass, cut) {
            continue;
        }
        for (neighbour, weight) in network.edges(vertex) {
            if membership[neighbour as usize] == own {
                gathered.add(parts[neighbour as usize], weight);
            }
        }
        // To stay alone is a choice without gain.
        candidates.clear();
        candidates.push((vertex, 0.0));
        for &part in gathered.touched() {
            let gain = gathered.get(part) - model.expected(mass, masses[part as usize]);
            if gain >= 0.0 && connected(masses[part as usize], cuts[part as usize]) {
                candidates.push((part, gain));
            }
        }
        let chosen = choose(&mut candidates, model.theta, random);
        if chosen != vertex {
            parts[at] = chosen;
            let to = chosen as usize;
            cuts[to] += cut - 2.0 * gathered.get(chosen);
            masses[to] = masses[to].plus(mass);
            sizes[to] += 1;
        }
        gathered.clear();
    }
    let count = compact(&mut parts);
    Parts { of: parts, count }
}

/// Chooses with odds of e to the gain over theta.
fn choose(candidates: &mut [(u32, f64)], theta: f64, random: &mut Random) -> u32 {
    let most = candidates.iter().map(|&(_, gain)| gain).fold(0.0, f64::max);
    let mut sum = 0.0;
    for (_, gain) in candidates.iter_mut() {
        let log = (*gain - most) / theta;
        if log > LEAST_LOG {
            sum += log.exp();
        }
        *gain = sum;
    }
    let at = random.unit() * sum;
    let chosen = candidates.iter().find(|&&(_, sum)| at < sum).or(candidates.last());
    chosen.map_or(0, |&(part, _)| part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_follow_gains() {
        let mut random = Random::new(3);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            let mut candidates = [(0, 0.0), (1, 0.01), (2, -1.0)];
            counts[choose(&mut candidates, 0.01, &mut random) as usize] += 1;
        }
        // e to one.
        assert!((7200..7420).contains(&counts[1]) && counts[2] == 0, "{counts:?}");
        assert_eq!(choose(&mut [(7, 0.0)], 0.01, &mut random), 7);
        assert_eq!(choose(&mut [(7, 0.0), (8, 1e9)], 1e-9, &mut random), 8);
    }
}
