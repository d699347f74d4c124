//! Where the chunks of a dataset are.

use crate::grid::Grid;

/// The bytes of one chunk in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    /// Position in the file.
    pub(super) address: u64,
    /// Length.
    pub(super) size: u64,
    /// Codecs that were left out, one bit each.
    pub(super) mask: u32,
}

/// The stored chunks of a dataset by number.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<(u64, Stored)>);

impl Table {
    /// Sorts the chunks that were found; those outside the grid are left over from a shrunken array.
    pub(super) fn new(grid: &Grid, found: Vec<(Vec<u64>, Stored)>) -> Self {
        let mut chunks: Vec<(u64, Stored)> = found
            .into_iter()
            .filter_map(|(position, stored)| grid.number(&position).map(|number| (number, stored)))
            .collect();
        chunks.sort_by_key(|(number, _)| *number);
        Self(chunks)
    }

    /// Bytes of the largest chunk, if all chunks of the grid were written.
    pub(super) fn largest(&self, grid: &Grid) -> Option<u64> {
        let all = grid.len() == self.0.len() as u64;
        self.0.iter().map(|(_, stored)| stored.size).max().filter(|_| all)
    }

    /// The chunk of a number, unless it was never written.
    pub(super) fn get(&self, number: u64) -> Option<Stored> {
        // Usually no chunk is missing, and the number is the place.
        let guess = usize::try_from(number).ok().and_then(|place| self.0.get(place));
        if let Some((found, stored)) = guess
            && *found == number
        {
            return Some(*stored);
        }
        self.0.binary_search_by_key(&number, |(number, _)| *number).ok().map(|place| self.0[place].1)
    }
}
