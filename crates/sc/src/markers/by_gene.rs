//! Sums and ranks of each gene, from a matrix that is read gene by gene.

use std::sync::Arc;

use annstream_core::lazy::{Consumer, Layout, NumberBlock, Numbers};
use annstream_core::{Error, Result};

use super::ranks::{Against, GeneRanks, Packed, Ranker};
use crate::reduce::GroupSums;

/// What [`GroupSumsPass`](crate::reduce::GroupSumsPass) gives, to the bit, from blocks whose rows are genes and whose
/// columns are cells; and sums of ranks beside it. Whoever keeps the sums charges them.
#[derive(Clone, Debug)]
pub(super) struct GenesPass {
    /// Number of genes.
    pub(super) genes: usize,
    /// Group of each cell.
    pub(super) groups: Arc<[u32]>,
    /// Number of cells of each group.
    pub(super) sizes: Arc<[u64]>,
    /// Whether squares are summed, each rounded to the precision of the values.
    pub(super) squares: bool,
    /// Whether values that are not zero are counted.
    pub(super) nonzero: bool,
    /// With whom groups are ranked, and whether ties are summed; `None` for no ranks.
    pub(super) ranks: Option<(Against, bool)>,
    /// Most genes that a block has.
    pub(super) block: usize,
}

/// What the pass gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct GeneSums {
    /// Groups x genes.
    pub(super) moments: GroupSums,
    /// Sums of ranks, groups x genes.
    pub(super) ranks: Vec<f64>,
    /// Sums over ties: groups x genes, or one row for all.
    pub(super) ties: Vec<f64>,
}

/// What a block gives: genes x groups.
pub(super) struct Part {
    start: usize,
    moments: GroupSums,
    ranks: Vec<f64>,
    ties: Vec<f64>,
}

impl GenesPass {
    /// Rows of the sums over ties.
    fn tie_rows(&self) -> usize {
        match self.ranks {
            Some((Against::All, true)) => 1,
            Some((Against::Group(_), true)) => self.sizes.len(),
            _ => 0,
        }
    }

    /// Memory of the sums of so many genes, in bytes.
    fn bytes(&self, genes: usize) -> u64 {
        let arrays = 1 + usize::from(self.squares) + usize::from(self.nonzero) + usize::from(self.ranks.is_some());
        (genes as u64).saturating_mul((self.sizes.len() * arrays + self.tie_rows()) as u64 * 8)
    }

    fn part<T: Packed>(&self, block: &NumberBlock, values: &[T]) -> Result<Part> {
        let Layout::Sparse { indptr, indices } = &block.layout else {
            return Err(Error::internal("genes are summed of compressed blocks"));
        };
        let (genes, count) = (block.len(), self.sizes.len());
        let len = |wanted: bool| if wanted { genes * count } else { 0 };
        let mut part = Part {
            start: block.start,
            moments: GroupSums {
                sums: vec![0.0; genes * count],
                squares: vec![0.0; len(self.squares)],
                nonzero: vec![0; len(self.nonzero)],
            },
            ranks: vec![0.0; len(self.ranks.is_some())],
            ties: vec![0.0; genes * self.tie_rows()],
        };
        let mut ranker = self.ranks.map(|(against, _)| Ranker::<T>::new(&self.sizes, against));
        for (gene, range) in indptr.windows(2).enumerate() {
            let (cells, values) = (&indices[range[0]..range[1]], &values[range[0]..range[1]]);
            let groups = || cells.iter().map(|&cell| self.groups[cell as usize]);
            let own = gene * count..(gene + 1) * count;
            let sums = &mut part.moments.sums[own.clone()];
            groups().zip(values).for_each(|(group, value)| sums[group as usize] += value.wide());
            if self.squares {
                let squares = &mut part.moments.squares[own.clone()];
                groups().zip(values).for_each(|(group, value)| squares[group as usize] += value.square());
            }
            if self.nonzero {
                let nonzero = &mut part.moments.nonzero[own.clone()];
                let stored = groups().zip(values);
                stored.for_each(|(group, value)| nonzero[group as usize] += u64::from(*value != T::default()));
            }
            if let Some(ranker) = &mut ranker {
                let ties = self.tie_rows();
                let ties = &mut part.ties[gene * ties..(gene + 1) * ties];
                ranker.rank(values, groups(), &mut GeneRanks { sums: &mut part.ranks[own], ties });
            }
        }
        Ok(part)
    }
}

impl Consumer for GenesPass {
    type Partial = Part;
    type Total = GeneSums;
    type Output = GeneSums;

    fn start(&self) -> Result<GeneSums> {
        if self.sizes.is_empty() || self.groups.iter().any(|group| *group as usize >= self.sizes.len()) {
            return Err(Error::internal("a group that was not announced"));
        }
        let len =
            |rows: usize| self.genes.checked_mul(rows).ok_or_else(|| Error::internal("sums of genes exceed memory"));
        let rows = |wanted: bool| if wanted { self.sizes.len() } else { 0 };
        Ok(GeneSums {
            moments: GroupSums {
                sums: vec![0.0; len(self.sizes.len())?],
                squares: vec![0.0; len(rows(self.squares))?],
                nonzero: vec![0; len(rows(self.nonzero))?],
            },
            ranks: vec![0.0; len(rows(self.ranks.is_some()))?],
            ties: vec![0.0; len(self.tie_rows())?],
        })
    }

    fn map(&self, block: &NumberBlock) -> Result<Part> {
        if block.width() != self.groups.len() {
            return Err(Error::internal("groups of other cells than there are"));
        }
        match &block.values {
            Numbers::F32(values) => self.part(block, values),
            Numbers::F64(values) => self.part(block, values),
        }
    }

    fn fold(&self, total: &mut GeneSums, part: Part) -> Result<()> {
        let (genes, start, count) = (self.genes, part.start, self.sizes.len());
        spread(&part.moments.sums, &mut total.moments.sums, count, genes, start);
        spread(&part.moments.squares, &mut total.moments.squares, count, genes, start);
        spread(&part.moments.nonzero, &mut total.moments.nonzero, count, genes, start);
        spread(&part.ranks, &mut total.ranks, count, genes, start);
        spread(&part.ties, &mut total.ties, self.tie_rows(), genes, start);
        Ok(())
    }

    fn finish(self, total: GeneSums) -> Result<GeneSums> {
        Ok(total)
    }

    fn partial_bytes(&self) -> u64 {
        // The keys of one gene, and what a block gives.
        (self.groups.len() as u64).saturating_mul(16).saturating_add(self.bytes(self.block))
    }
}

/// Puts rows of genes into columns, from the gene `start` on.
fn spread<T: Copy>(from: &[T], to: &mut [T], count: usize, genes: usize, start: usize) {
    for (gene, row) in from.chunks(count.max(1)).enumerate() {
        for (group, value) in row.iter().enumerate() {
            to[group * genes + start + gene] = *value;
        }
    }
}
