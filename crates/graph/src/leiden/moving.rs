//! Fast local moving: vertices go where the objective gains most, until none gains.

use std::collections::VecDeque;

use super::network::{Gathered, Mass, Model, Network, Weight};
use super::random::Random;

/// Communities while vertices move between them.
struct Communities {
    masses: Vec<Mass>,
    sizes: Vec<u32>,
    /// Numbers that no vertex has.
    empty: Vec<u32>,
}

impl Communities {
    fn new<W: Weight>(network: &Network<'_, W>, membership: &[u32]) -> Self {
        let vertices = network.vertices();
        let (mut masses, mut sizes) = (vec![Mass::default(); vertices], vec![0; vertices]);
        for (&community, &mass) in membership.iter().zip(&network.masses) {
            masses[community as usize] = masses[community as usize].plus(mass);
            sizes[community as usize] += 1;
        }
        let empty = (0..).zip(&sizes).filter(|(_, size)| **size == 0).map(|(community, _)| community).collect();
        Self { masses, sizes, empty }
    }

    fn leave(&mut self, community: u32, mass: Mass) {
        let at = community as usize;
        self.sizes[at] -= 1;
        // Nothing is left of rounding where nobody is left.
        self.masses[at] = if self.sizes[at] == 0 { Mass::default() } else { self.masses[at].minus(mass) };
    }

    fn join(&mut self, community: u32, mass: Mass) {
        self.sizes[community as usize] += 1;
        self.masses[community as usize] = self.masses[community as usize].plus(mass);
    }
}

/// Moves vertices, each at least looked at once, in random order; those whose neighbour has moved away from them are
/// looked at again. Communities are numbers below the number of vertices. Gives the gain in units of weights: above zero
/// if anything moved, else zero.
pub(super) fn move_vertices<W: Weight>(
    network: &Network<'_, W>,
    membership: &mut [u32],
    model: &Model,
    random: &mut Random,
) -> f64 {
    let vertices = network.vertices();
    let mut communities = Communities::new(network, membership);
    let mut gathered = Gathered::new(vertices);
    let mut queue = VecDeque::from(random.order(vertices));
    let mut queued = vec![true; vertices];
    let mut total = 0.0;
    while let Some(vertex) = queue.pop_front() {
        queued[vertex as usize] = false;
        let mass = network.masses[vertex as usize];
        let own = membership[vertex as usize];
        let mut weights = 0.0;
        for (neighbour, weight) in network.edges(vertex) {
            gathered.add(membership[neighbour as usize], weight);
            weights += weight;
        }
        communities.leave(own, mass);
        let gain =
            |community: u32| gathered.get(community) - model.expected(mass, communities.masses[community as usize]);
        let (start, least) = (gain(own), model.least(mass, weights));
        let (mut best, mut most) = (own, start + least);
        for &community in gathered.touched().iter().filter(|community| **community != own) {
            let gain = gain(community);
            if gain > most {
                (best, most) = (community, gain);
            }
        }
        // Alone there is nothing to gain or lose.
        if most < 0.0
            && let Some(&alone) = communities.empty.last()
        {
            (best, most) = (alone, 0.0);
        }
        gathered.clear();
        if best != own {
            total += most - start;
            if communities.sizes[best as usize] == 0 {
                communities.empty.pop();
            }
            if communities.sizes[own as usize] == 0 {
                communities.empty.push(own);
            }
            membership[vertex as usize] = best;
            for (neighbour, _) in network.edges(vertex) {
                if membership[neighbour as usize] != best && !queued[neighbour as usize] {
                    queued[neighbour as usize] = true;
                    queue.push_back(neighbour);
                }
            }
        }
        communities.join(best, mass);
    }
    total
}
