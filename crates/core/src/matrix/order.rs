//! The kernel of every merge: columns of compressed rows get their new places, and rows come out in order.
//!
//! Rows whose order changes are sorted without comparisons. Each value goes to its place in a row-wide array of slots,
//! a bitmap remembers which places are taken, and scanning the bitmap yields them in order. Nothing in the loops
//! depends on the data but the addresses: dropped columns have a place of their own past the end, duplicates show as a
//! wrong number of bits and are then sorted out, and bits are read four at a time whether or not there are four.
//! About 4 ns per value, against 15 for sorting. Short rows of wide matrices are sorted instead.

#![expect(clippy::cast_possible_truncation, reason = "column ids fit 32 bits, as every source checks")]
#![expect(clippy::inline_always, reason = "what a vectorized loop calls has to be compiled with it")]

use super::DROPPED;
use crate::vector::vectorized;

/// Where the columns of one input go.
#[derive(Debug)]
pub(super) struct Places {
    /// New column of each old one; dropped ones go to `columns`. `None` where they are the same.
    place: Option<Vec<u32>>,
    /// Number of new columns.
    columns: usize,
    /// Whether any column is dropped.
    drops: bool,
    /// Whether the kept columns keep their order.
    monotone: bool,
}

/// Rows to be put in order.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, T> {
    pub(super) indptr: &'a [usize],
    pub(super) indices: &'a [u32],
    pub(super) values: &'a [T],
    /// Whether the columns of every row are strictly increasing.
    pub(super) sorted: bool,
}

/// Values that every row gets at the columns that the input lacks.
#[derive(Clone, Copy)]
pub(super) struct Fill<'a, T> {
    pub(super) value: T,
    pub(super) holes: &'a [u32],
}

/// Rows in order.
pub(super) struct Ordered<T> {
    pub(super) indptr: Vec<usize>,
    pub(super) indices: Vec<u32>,
    pub(super) values: Vec<T>,
    /// The values whose column was dropped.
    pub(super) dropped: Vec<T>,
    /// Whether every row is strictly increasing: there were no duplicates.
    pub(super) sorted: bool,
}

impl Places {
    /// Columns stay as they are.
    pub(super) fn same(columns: usize) -> Self {
        Self { place: None, columns, drops: false, monotone: true }
    }

    /// Old column `i` becomes `to_new[i]` of `columns`, or none if that is [`DROPPED`].
    pub(super) fn new(to_new: &[u32], columns: usize) -> Self {
        let past = columns as u32;
        let place: Vec<u32> = to_new.iter().map(|&new| if new == DROPPED { past } else { new }).collect();
        let kept = place.iter().filter(|&&new| new != past);
        let monotone = kept.is_sorted_by(|a, b| a < b);
        Self { drops: place.contains(&past), place: Some(place), columns, monotone }
    }

    /// Room that [`order`](Self::order) needs for what it makes of these rows.
    pub(super) fn room<T>(rows: &Rows<'_, T>, fill: Option<Fill<'_, T>>) -> usize {
        let filled = fill.map_or(0, |fill| fill.holes.len());
        rows.indices.len() + filled * (rows.indptr.len() - 1) + SLACK
    }

    /// Room that it needs for what it drops.
    pub(super) fn room_dropped<T>(&self, rows: &Rows<'_, T>) -> usize {
        if self.drops { rows.indices.len() + 1 } else { 0 }
    }

    /// Puts rows in order; `offset` is added to every column. `indices`, `values` and `dropped` become the result; what
    /// they hold does not matter, and they are as long as [`room`](Self::room) and `room_dropped` say.
    pub(super) fn order<T>(
        &self,
        rows: Rows<'_, T>,
        offset: u32,
        fill: Option<Fill<'_, T>>,
        (indices, values, dropped): (Vec<u32>, Vec<T>, Vec<T>),
    ) -> Ordered<T>
    where
        T: Copy + bytemuck::Zeroable,
    {
        let indptr = Vec::with_capacity(rows.indptr.len());
        let out = Ordered { indptr, indices, values, dropped, sorted: true };
        match self.place.as_deref() {
            Some(place) => vectorized(
                #[inline(always)]
                || {
                    Job::new(self, rows, offset, fill, out).run(
                        #[inline(always)]
                        |column| place[column as usize],
                    )
                },
            ),
            None => vectorized(
                #[inline(always)]
                || {
                    Job::new(self, rows, offset, fill, out).run(
                        #[inline(always)]
                        |column| column,
                    )
                },
            ),
        }
    }
}

/// One block on its way through the kernel.
struct Job<'a, T> {
    places: &'a Places,
    rows: Rows<'a, T>,
    offset: u32,
    fill: Option<Fill<'a, T>>,
    out: Ordered<T>,
    /// Values written so far; `out` is longer, so that four can always be written.
    end: usize,
    /// Dropped values so far.
    lost: usize,
    /// A bit per column, set while a row is placed.
    taken: Vec<u64>,
    /// The bits of the holes.
    holes: Vec<u64>,
    /// A value per column.
    slots: Vec<T>,
    /// Scratch of sorted rows: column and position.
    keys: Vec<u64>,
}

/// Room past the end of the output for values that are written without looking.
const SLACK: usize = 8;

impl<'a, T: Copy + bytemuck::Zeroable> Job<'a, T> {
    fn new(places: &'a Places, rows: Rows<'a, T>, offset: u32, fill: Option<Fill<'a, T>>, out: Ordered<T>) -> Self {
        // One column more, for the dropped ones, and a word more, for reading past the last bit.
        let words = places.columns / 64 + 1;
        let placed = fill.is_some() || !(places.monotone && rows.sorted);
        let mut slots = vec![T::zeroed(); if placed { words * 64 + 65 } else { 0 }];
        let mut holes = vec![0; if fill.is_some() { words } else { 0 }];
        if let Some(fill) = fill {
            for &hole in fill.holes {
                holes[hole as usize / 64] |= 1 << (hole % 64);
                slots[hole as usize] = fill.value;
            }
        }
        let taken = vec![0; words];
        Self { places, rows, offset, fill, out, end: 0, lost: 0, taken, holes, slots, keys: Vec::new() }
    }

    #[inline(always)]
    fn run(mut self, place: impl Fn(u32) -> u32) -> Ordered<T> {
        let in_order = self.fill.is_none() && self.places.monotone && self.rows.sorted;
        self.out.indptr.push(0);
        for row in self.rows.indptr.windows(2) {
            let (start, stop) = (row[0], row[1]);
            if in_order {
                self.keep(start, stop, &place);
            } else if self.fill.is_none() && (stop - start) * 4 < self.taken.len() {
                self.sort(start, stop, &place);
            } else {
                let (end, lost) = (self.end, self.lost);
                self.scatter(start, stop, &place);
                let expected = stop - start - (self.lost - lost) + self.fill.map_or(0, |fill| fill.holes.len());
                self.gather();
                if self.end - end != expected {
                    // Duplicate columns: the bitmap held one of each.
                    (self.end, self.lost) = (end, lost);
                    self.sort(start, stop, &place);
                }
            }
            self.out.indptr.push(self.end);
        }
        self.out.indices.truncate(self.end);
        self.out.values.truncate(self.end);
        self.out.dropped.truncate(self.lost);
        self.out
    }

    /// Notes a dropped value, without a branch.
    #[inline(always)]
    fn note_lost(&mut self, value: T, new: u32) {
        if self.places.drops {
            self.out.dropped[self.lost] = value;
            self.lost += usize::from(new as usize == self.places.columns);
        }
    }

    /// A row that is in order already: only leaves out what is dropped.
    #[inline(always)]
    fn keep(&mut self, start: usize, stop: usize, place: &impl Fn(u32) -> u32) {
        let Rows { indices, values, .. } = self.rows;
        for (&column, &value) in indices[start..stop].iter().zip(&values[start..stop]) {
            let new = place(column);
            self.out.indices[self.end] = new.wrapping_add(self.offset);
            self.out.values[self.end] = value;
            self.end += usize::from(new as usize != self.places.columns);
            self.note_lost(value, new);
        }
    }

    /// Puts the values of a row in their slots.
    #[inline(always)]
    fn scatter(&mut self, start: usize, stop: usize, place: &impl Fn(u32) -> u32) {
        let Rows { indices, values, .. } = self.rows;
        for (&column, &value) in indices[start..stop].iter().zip(&values[start..stop]) {
            let new = place(column);
            self.taken[new as usize / 64] |= 1 << (new % 64);
            self.slots[new as usize] = value;
            self.note_lost(value, new);
        }
        let past = self.places.columns;
        self.taken[past / 64] &= !(1 << (past % 64));
    }

    /// Takes the values of a row out of their slots, in order.
    #[inline(always)]
    fn gather(&mut self) {
        let Self { taken, holes, slots, out, .. } = self;
        let mut holes = holes.iter();
        for (word, bits) in taken.iter_mut().enumerate() {
            let mut left = std::mem::take(bits) | holes.next().copied().unwrap_or(0);
            let mut at = self.end;
            self.end += left.count_ones() as usize;
            while left != 0 {
                let indices = &mut out.indices[at..at + 4];
                let values = &mut out.values[at..at + 4];
                for (index, value) in indices.iter_mut().zip(values) {
                    // Without bits left this reads the slot past the word, which is there and never counted.
                    let column = word * 64 + left.trailing_zeros() as usize;
                    *index = (column as u32).wrapping_add(self.offset);
                    *value = slots[column];
                    left &= left.wrapping_sub(1);
                }
                at += 4;
            }
        }
    }

    /// Sorts a row by new column; equal ones keep their order, the fill comes last among them.
    fn sort(&mut self, start: usize, stop: usize, place: &impl Fn(u32) -> u32) {
        let Rows { indices, values, .. } = self.rows;
        self.keys.clear();
        for (i, &column) in indices[start..stop].iter().enumerate() {
            let new = place(column);
            if new as usize != self.places.columns {
                self.keys.push(u64::from(new) << 32 | i as u64);
            }
            self.note_lost(values[start + i], new);
        }
        let filled = u64::from(u32::MAX);
        if let Some(fill) = self.fill {
            self.keys.extend(fill.holes.iter().map(|&hole| u64::from(hole) << 32 | filled));
        }
        self.keys.sort_unstable();
        self.out.sorted &= self.keys.windows(2).all(|pair| pair[0] >> 32 != pair[1] >> 32);
        for &key in &self.keys {
            self.out.indices[self.end] = ((key >> 32) as u32).wrapping_add(self.offset);
            self.out.values[self.end] = match (key & filled, self.fill) {
                (position, Some(fill)) if position == filled => fill.value,
                (position, _) => values[start + position as usize],
            };
            self.end += 1;
        }
    }
}
