//! Sums of sets of genes in each cell: the second pass.

use std::ops::Add;

use annstream_core::lazy::{Consumer, NumberBlock, Numbers, Real};
use annstream_core::matrix::DROPPED;

use super::pairwise::reduced;
use crate::{Error, Result};

/// In which order values of a row are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As they are stored, in halves: CSR matrices in scanpy 1.11.
    Halves,
    /// As they are stored: CSR matrices in scanpy 1.12.
    Stored,
    /// As the genes are listed: dense and CSC matrices.
    Listed,
}

/// Some columns of the source, in an order.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// For each column of the source its place in the order, or [`DROPPED`].
    place: Vec<u32>,
    count: usize,
}

impl Columns {
    pub(super) fn new(width: usize, columns: &[u32]) -> Self {
        let mut place = vec![DROPPED; width];
        for (at, &column) in (0_u32..).zip(columns) {
            if let Some(slot) = place.get_mut(column as usize) {
                *slot = at;
            }
        }
        Self { place, count: columns.len() }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether a column is one of them.
    pub(super) fn has(&self, column: usize) -> bool {
        self.place.get(column).is_some_and(|place| *place != DROPPED)
    }
}

/// Sums of sets of columns in each row.
pub(super) struct RowPass {
    pub(super) sets: Vec<Columns>,
    pub(super) order: Order,
}

/// Of one set, for each row.
#[derive(Clone, Default)]
pub(super) struct RowSums {
    pub(super) sums: Vec<f64>,
    /// How many of the values are not numbers.
    pub(super) missing: Vec<u64>,
}

impl RowPass {
    fn sums<T: Real + Add<Output = T>>(
        &self,
        set: &Columns,
        block: &NumberBlock,
        (indptr, indices): (&[usize], &[u32]),
        values: &[T],
    ) -> RowSums {
        let mut out = RowSums::default();
        let zero = T::default();
        let mut own = Vec::with_capacity(set.count);
        for row in indptr.windows(2) {
            own.clear();
            if self.order == Order::Listed {
                own.resize(set.count, zero);
            }
            let mut missing = 0;
            for (&column, &value) in indices[row[0]..row[1]].iter().zip(&values[row[0]..row[1]]) {
                let place = set.place[block.columns[column as usize] as usize];
                if place == DROPPED {
                } else if value.wide().is_nan() {
                    missing += 1;
                } else if self.order == Order::Listed {
                    own[place as usize] = value;
                } else if value != zero {
                    own.push(value);
                }
            }
            let sum = match self.order {
                Order::Halves => reduced(&own),
                Order::Stored | Order::Listed => own.iter().fold(zero, |sum, value| sum + *value),
            };
            out.sums.push(sum.wide());
            out.missing.push(missing);
        }
        out
    }
}

impl Consumer for RowPass {
    type Partial = Vec<RowSums>;
    type Total = Vec<RowSums>;
    type Output = Vec<RowSums>;

    fn start(&self) -> Result<Vec<RowSums>> {
        Ok(vec![RowSums::default(); self.sets.len()])
    }

    fn map(&self, block: &NumberBlock) -> Result<Vec<RowSums>> {
        let place = block.sparse().ok_or_else(|| Error::internal("sums are taken of compressed blocks"))?;
        Ok(match &block.values {
            Numbers::F32(values) => self.sets.iter().map(|set| self.sums(set, block, place, values)).collect(),
            Numbers::F64(values) => self.sets.iter().map(|set| self.sums(set, block, place, values)).collect(),
        })
    }

    fn fold(&self, total: &mut Vec<RowSums>, partial: Vec<RowSums>) -> Result<()> {
        for (all, own) in total.iter_mut().zip(partial) {
            all.sums.extend(own.sums);
            all.missing.extend(own.missing);
        }
        Ok(())
    }

    fn finish(self, total: Vec<RowSums>) -> Result<Vec<RowSums>> {
        Ok(total)
    }
}
