//! Dealing the entries of a block to several targets.

use annstream_store::Buffer;

use super::selection::Selection;
use crate::matrix::{Block, SparseRows, Sums};
use crate::{Error, Result};

/// Belongs to no target.
const NOBODY: u32 = u32::MAX;

/// Whose each position of an axis is. Positions rise within a target, and belong to one at most.
pub(super) struct Owners {
    /// For each position its target, or [`NOBODY`], and its place there.
    of: Vec<(u32, u32)>,
    /// For each target its positions.
    positions: Vec<Vec<i64>>,
}

impl Owners {
    /// The owners by the selections of the targets; `None` where all targets get everything.
    pub(super) fn new(selections: &[Selection]) -> Result<Option<Self>> {
        if selections.iter().all(|selection| selection.positions().is_none()) {
            return Ok(None);
        }
        let extent = selections.first().map_or(0, Selection::extent);
        let mut of = vec![(NOBODY, NOBODY); extent];
        let mut positions = Vec::with_capacity(selections.len());
        for (target, selection) in (0_u32..).zip(selections) {
            let own = selection.taken().unwrap_or_else(|| (0..extent).map(|i| i.cast_signed() as i64).collect());
            for (place, &position) in (0_u32..).zip(&own) {
                let slot = usize::try_from(position).ok().and_then(|position| of.get_mut(position));
                match slot {
                    Some(slot) if slot.0 == NOBODY => *slot = (target, place),
                    _ => return Err(Error::internal("two targets share a position")),
                }
            }
            positions.push(own);
        }
        Ok(Some(Self { of, positions }))
    }
}

/// How blocks are dealt: by the owners of their rows, of their columns, or of both.
pub(super) struct Deal {
    pub(super) targets: usize,
    pub(super) major: Option<Owners>,
    pub(super) minor: Option<Owners>,
}

/// What one target gets of a block.
struct Hand {
    indptr: Vec<usize>,
    indices: Vec<u32>,
    positions: Vec<i64>,
}

impl Deal {
    /// Whether every target gets everything.
    pub(super) fn is_copy(&self) -> bool {
        self.major.is_none() && self.minor.is_none()
    }

    /// The blocks of the targets, and the sums of what nobody gets. One look at every entry, whatever the number of
    /// targets.
    pub(super) fn deal(&self, block: Block, first: u64) -> Result<(Vec<Block>, Sums)> {
        if self.is_copy() {
            return Ok((vec![block; self.targets], Sums::default()));
        }
        let first = usize::try_from(first).map_err(|_| Error::internal("rows exceed memory"))?;
        match block {
            Block::Sparse(rows) => Ok(self.sparse(&rows, first)),
            Block::Dense { rows, values } => self.dense(rows, &values, first),
        }
    }

    fn sparse(&self, rows: &SparseRows, first: usize) -> (Vec<Block>, Sums) {
        let mut hands: Vec<Hand> =
            (0..self.targets).map(|_| Hand { indptr: vec![0], indices: vec![], positions: vec![] }).collect();
        let mut dropped = Vec::new();
        for (row, range) in rows.indptr.windows(2).enumerate() {
            let owner = self.major.as_ref().map(|major| major.of[first + row].0);
            for entry in range[0]..range[1] {
                let column = rows.indices[entry];
                let (target, place) = match (&self.minor, owner) {
                    (None, Some(owner)) => (owner, column),
                    (Some(minor), None) => minor.of[column as usize],
                    (Some(minor), Some(owner)) => {
                        let (target, place) = minor.of[column as usize];
                        (if target == owner { target } else { NOBODY }, place)
                    }
                    (None, None) => (NOBODY, column),
                };
                let position = entry.cast_signed() as i64;
                match hands.get_mut(target as usize) {
                    Some(hand) => {
                        hand.indices.push(place);
                        hand.positions.push(position);
                    }
                    None => dropped.push(position),
                }
            }
            match owner {
                Some(owner) => {
                    if let Some(hand) = hands.get_mut(owner as usize) {
                        hand.indptr.push(hand.indices.len());
                    }
                }
                None => hands.iter_mut().for_each(|hand| hand.indptr.push(hand.indices.len())),
            }
        }
        let blocks = hands.into_iter().map(|hand| {
            let data = rows.data.take(&hand.positions);
            let Hand { indptr, indices, .. } = hand;
            Block::Sparse(SparseRows { indptr, indices, data, sorted: rows.sorted })
        });
        (blocks.collect(), Sums::of(&rows.data.take(&dropped)))
    }

    /// Rows of dense matrices always belong to somebody: only graphs of cells are dealt by columns, and they are by rows.
    fn dense(&self, rows: usize, values: &Buffer, first: usize) -> Result<(Vec<Block>, Sums)> {
        let width = values.len().checked_div(rows).unwrap_or(0);
        let major = self.major.as_ref().ok_or_else(|| Error::internal("dense matrices are dealt by rows"))?;
        let mut out: Vec<(usize, Buffer)> = vec![(0, Buffer::empty(values.dtype())); self.targets];
        let mut lost = Buffer::empty(values.dtype());
        for row in 0..rows {
            let here = row * width..(row + 1) * width;
            let owner = major.of[first + row].0 as usize;
            let Some((count, own)) = out.get_mut(owner) else {
                lost.extend_from(values, here)?;
                continue;
            };
            *count += 1;
            let Some(minor) = &self.minor else {
                own.extend_from(values, here)?;
                continue;
            };
            let base = here.start.cast_signed() as i64;
            let taken: Vec<i64> = minor.positions[owner].iter().map(|&column| base + column).collect();
            own.extend_from(&values.take(&taken), 0..taken.len())?;
            let others = (0..width).filter(|&column| minor.of[column].0 as usize != owner);
            let others: Vec<i64> = others.map(|column| base + (column.cast_signed() as i64)).collect();
            lost.extend_from(&values.take(&others), 0..others.len())?;
        }
        let blocks = out.into_iter().map(|(rows, values)| Block::Dense { rows, values });
        Ok((blocks.collect(), Sums::of(&lost)))
    }
}

#[cfg(test)]
mod tests {
    use annstream_store::DType;
    use proptest::prelude::*;

    use super::*;

    /// A target, or none, for each position; then the selections of the targets.
    fn owners(of: &[u32], targets: u32) -> Vec<Selection> {
        let own = |target| (0_u32..).zip(of).filter(|(_, of)| **of == target).map(|(position, _)| position).collect();
        (0..targets).map(|target| Selection::new(of.len(), own(target)).unwrap()).collect()
    }

    fn entry(rows: &SparseRows, row: usize, column: u32) -> f64 {
        let range = rows.indptr[row]..rows.indptr[row + 1];
        range.filter(|&i| rows.indices[i] == column).map(|i| rows.data.get_f64(i).unwrap()).sum()
    }

    proptest! {
        #[test]
        fn everybody_gets_what_a_naive_loop_gives(
            cells in prop::collection::vec(0..9_i32, 30),
            rows in prop::collection::vec(0..4_u32, 5),
            columns in prop::collection::vec(0..4_u32, 6),
            by_rows: bool,
            by_columns: bool,
            dense: bool,
        ) {
            let by_rows = by_rows || dense || !by_columns;
            let everything = vec![Selection::all(5); 3];
            let major = if by_rows { owners(&rows, 3) } else { everything };
            let minor = if by_columns { owners(&columns, 3) } else { vec![Selection::all(6); 3] };
            let deal = Deal { targets: 3, major: Owners::new(&major).unwrap(), minor: Owners::new(&minor).unwrap() };
            let whole = Block::Dense { rows: 5, values: Buffer::I32(cells.clone()) };
            let block = if dense { whole } else { Block::Sparse(whole.into_sparse().unwrap()) };
            let total = Sums::of(block.values());
            let (blocks, mut sums) = deal.deal(block, 0).unwrap();
            for (target, block) in blocks.into_iter().enumerate() {
                sums.add(Sums::of(block.values()));
                let of = |selection: &Selection| selection.taken().unwrap_or_else(|| (0..i64::try_from(selection.extent()).unwrap()).collect());
                let (own_rows, own_columns) = (of(&major[target]), of(&minor[target]));
                prop_assert_eq!(block.rows(), own_rows.len());
                let block = if own_columns.is_empty() || own_rows.is_empty() {
                    SparseRows::empty(own_rows.len(), DType::I32)
                } else {
                    block.into_sparse().unwrap()
                };
                for (row, &old_row) in own_rows.iter().enumerate() {
                    for (column, &old_column) in (0_u32..).zip(&own_columns) {
                        let expected = cells[usize::try_from(old_row * 6 + old_column).unwrap()];
                        prop_assert!((entry(&block, row, column) - f64::from(expected)).abs() < 1e-9);
                    }
                }
            }
            prop_assert!(total.agrees(&sums));
        }
    }
}
