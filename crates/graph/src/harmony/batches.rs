//! Which cells are of one batch.

use std::ops::Range;

use crate::{Error, Result};

/// Cells of a task, at most. Sums are added up task after task, so it changes results.
const RUN: usize = 2048;

/// The batches of each key are *levels*, numbered through; cells that have the levels of all keys in common are a
/// *group*. Cells are placed group after group, so that what a group has in common is looked at once.
#[derive(Clone, Debug)]
pub(super) struct Batches {
    /// The cell of each place.
    pub(super) order: Vec<u32>,
    /// The group of each place.
    pub(super) group: Vec<u32>,
    /// Where groups begin, and one more.
    starts: Vec<usize>,
    /// The levels of each group, one for each key.
    levels: Vec<u32>,
    /// The key of each level.
    pub(super) owner: Vec<usize>,
    /// The share of the cells that each level has.
    pub(super) shares: Vec<f64>,
    keys: usize,
}

impl Batches {
    /// Looks at the batches of so many cells, numbered from zero on by each key.
    ///
    /// # Errors
    /// `Argument` if there is no key, or a key is not that of so many cells; `Unsupported` for too many.
    pub(super) fn new(cells: usize, keys: &[Vec<u32>]) -> Result<Self> {
        if keys.is_empty() {
            return Err(Error::argument("there is no key that tells the batches"));
        }
        if u32::try_from(cells).is_err() {
            return Err(Error::unsupported(format!("{cells} cells; expected fewer than 2^32")));
        }
        let (mut owner, mut counts) = (Vec::new(), Vec::new());
        let (mut group, mut groups): (Vec<u32>, Vec<Vec<u32>>) = (vec![0; cells], vec![Vec::new(); cells.min(1)]);
        for (key, codes) in keys.iter().enumerate() {
            if codes.len() != cells {
                return Err(Error::argument(format!("a key has {} values, {cells} cells expected", codes.len())));
            }
            let first = narrow(counts.len())?;
            let distinct = sorted(codes.iter().copied());
            // One more key refines the groups: (group, batch) is numbered anew.
            let pairs = sorted(group.iter().zip(codes).map(|(&group, &code)| (group, code)));
            for (group, &code) in group.iter_mut().zip(codes) {
                *group = narrow(pairs.partition_point(|pair| *pair < (*group, code)))?;
            }
            let level = |code: u32| distinct.partition_point(|known| *known < code);
            groups = pairs
                .iter()
                .map(|&(group, code)| {
                    let mut levels = groups[group as usize].clone();
                    levels.push(first + narrow(level(code))?);
                    Ok(levels)
                })
                .collect::<Result<_>>()?;
            owner.resize(owner.len() + distinct.len(), key);
            counts.resize(owner.len(), 0_usize);
        }
        let mut starts = vec![0; groups.len() + 1];
        for &group in &group {
            starts[group as usize + 1] += 1;
        }
        for (levels, count) in groups.iter().zip(&starts[1..]) {
            for &level in levels {
                counts[level as usize] += count;
            }
        }
        (0..groups.len()).for_each(|group| starts[group + 1] += starts[group]);
        let (mut order, mut next) = (vec![0; cells], starts.clone());
        for (cell, &group) in (0..).zip(&group) {
            order[next[group as usize]] = cell;
            next[group as usize] += 1;
        }
        group.sort_unstable();
        let shares = counts.iter().map(|&count| count as f64 / cells as f64).collect();
        Ok(Self { order, group, starts, levels: groups.concat(), owner, shares, keys: keys.len() })
    }

    pub(super) fn cells(&self) -> usize {
        self.order.len()
    }

    pub(super) fn groups(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn levels(&self) -> usize {
        self.owner.len()
    }

    /// The levels of a group.
    pub(super) fn levels_of(&self, group: usize) -> &[u32] {
        &self.levels[group * self.keys..(group + 1) * self.keys]
    }

    /// Places cut into pieces of one group each, with the group.
    pub(super) fn runs(&self) -> Vec<(usize, Range<usize>)> {
        let runs = self.starts.windows(2).enumerate().flat_map(|(group, ends)| {
            let (start, end) = (ends[0], ends[1]);
            (start..end).step_by(RUN).map(move |first| (group, first..end.min(first + RUN)))
        });
        runs.collect()
    }
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

fn narrow(count: usize) -> Result<u32> {
    u32::try_from(count).map_err(|_| Error::unsupported("more than 2^32 batches"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_a_group_stand_together() {
        let keys = [vec![5, 2, 5, 2, 2], vec![0, 0, 1, 9, 0]];
        let batches = Batches::new(5, &keys).unwrap();
        assert_eq!(batches.order, [1, 4, 3, 0, 2]);
        assert_eq!(batches.group, [0, 0, 1, 2, 3]);
        assert_eq!(batches.owner, [0, 0, 1, 1, 1]);
        let levels: Vec<&[u32]> = (0..4).map(|group| batches.levels_of(group)).collect();
        assert_eq!(levels, [[0, 2], [0, 4], [1, 2], [1, 3]]);
        assert_eq!(batches.shares, [0.6, 0.4, 0.6, 0.2, 0.2]);
        assert_eq!(batches.runs(), [(0, 0..2), (1, 2..3), (2, 3..4), (3, 4..5)]);
        let one = Batches::new(5000, &[vec![3; 5000]]).unwrap();
        assert_eq!(one.runs(), [(0, 0..2048), (0, 2048..4096), (0, 4096..5000)]);
        assert_eq!(Batches::new(0, &[vec![]]).unwrap().groups(), 0);
        assert!(Batches::new(2, &[vec![1]]).is_err() && Batches::new(2, &[]).is_err());
    }
}
