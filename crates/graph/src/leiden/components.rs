//! Communities fall into pieces where no edge holds them together.

use super::network::{Network, Weight};

/// Numbers the connected pieces of communities, by first vertices; gives how many there are.
///
/// Leiden leaves no piece to part, unless rounding or the start does; no objective loses by parting.
pub(super) fn part<W: Weight>(network: &Network<'_, W>, membership: &mut [u32]) -> usize {
    const NONE: u32 = u32::MAX;
    let mut pieces = vec![NONE; membership.len()];
    let mut count = 0;
    let mut stack = Vec::new();
    for start in 0..pieces.len() {
        if pieces[start] != NONE {
            continue;
        }
        let own = membership[start];
        pieces[start] = count;
        // Fits, since there are fewer vertices than 2^32.
        stack.extend(u32::try_from(start));
        while let Some(vertex) = stack.pop() {
            for (neighbour, _) in network.edges(vertex) {
                let at = neighbour as usize;
                if pieces[at] == NONE && membership[at] == own {
                    pieces[at] = count;
                    stack.push(neighbour);
                }
            }
        }
        count += 1;
    }
    membership.copy_from_slice(&pieces);
    count as usize
}
