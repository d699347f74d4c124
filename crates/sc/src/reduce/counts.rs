//! What quality control asks of a matrix, of cells and of genes, in one pass.

use annstream_core::lazy::{Consumer, Layout, NumberBlock, Numbers, Real, Stretched};
use annstream_core::{Error, Result};

use super::rare::{Frequent, RARE, RareEntries};
use super::top::TopSums;

/// A condition on a cell that its own values decide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellRule {
    /// Positive values, at least.
    pub min_genes: Option<u64>,
    /// Positive values, at most.
    pub max_genes: Option<u64>,
    /// Total, at least.
    pub min_counts: Option<f64>,
    /// Total, at most.
    pub max_counts: Option<f64>,
    /// For each gene set its share of the total in percent, at most; a share that is not a number fails.
    pub max_percent: Vec<Option<f64>>,
}

impl CellRule {
    /// Whether it keeps a cell with so many positive values, this total and these totals of the gene sets.
    pub fn keeps(&self, positive: u64, total: f64, sets: &[f64]) -> bool {
        self.min_genes.is_none_or(|least| positive >= least)
            && self.max_genes.is_none_or(|most| positive <= most)
            && self.min_counts.is_none_or(|least| total >= least)
            && self.max_counts.is_none_or(|most| total <= most)
            && self.max_percent.iter().zip(sets).all(|(most, set)| most.is_none_or(|most| set / total * 100.0 <= most))
    }
}

/// The pass: which gene sets, which ranks, which cells will stay.
#[derive(Clone, Debug, Default)]
pub struct CountsPass {
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub width: usize,
    /// For each gene set, whether each column of the matrix belongs to it.
    pub sets: Vec<Vec<bool>>,
    /// Numbers of the highest values to add up, rising.
    pub ranks: Vec<usize>,
    /// Which cells will stay.
    pub rule: CellRule,
    /// Whether values below zero or not finite are errors: counts are neither.
    pub only_counts: bool,
    /// Genes that are known not to be rare, so that nobody remembers their entries any longer. Which ones a worker knows
    /// depends on its luck; which are remembered in the end does not.
    pub frequent: Frequent,
}

/// What the pass gives for genes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeneCounts {
    /// Values that are not zero.
    pub nonzero: Vec<u64>,
    /// Values above zero.
    pub positive: Vec<u64>,
    /// Sums.
    pub total: Vec<f64>,
}

/// What the pass gives.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Of each cell, values that are not zero.
    pub nonzero: Vec<u32>,
    /// Of each cell, values above zero.
    pub positive: Vec<u32>,
    /// Of each cell, its sum.
    pub total: Vec<f64>,
    /// Of each cell, the sums of the gene sets, set by set within a cell.
    pub sets: Vec<f64>,
    /// Of each cell, the sums of its highest values, rank by rank within a cell.
    pub top: Vec<f64>,
    /// Whether the rule keeps each cell.
    pub kept: Vec<bool>,
    /// Of each gene, over all cells.
    pub genes: GeneCounts,
    /// Of each gene, over the cells that stay.
    pub genes_kept: GeneCounts,
    /// The entries of the rarest genes in cells that stay.
    pub rare: RareEntries,
}

impl Counts {
    /// Memory of what there is of each cell.
    pub fn bytes(&self) -> u64 {
        let numbers = self.nonzero.len() + self.total.len() + self.sets.len() + self.top.len();
        (numbers * 8 + self.kept.len()) as u64
    }
}

impl GeneCounts {
    fn zeros(width: usize) -> Self {
        Self { nonzero: vec![0; width], positive: vec![0; width], total: vec![0.0; width] }
    }

    fn take(&mut self, other: &Self) {
        for (mine, other) in self.nonzero.iter_mut().zip(&other.nonzero) {
            *mine -= other;
        }
        for (mine, other) in self.positive.iter_mut().zip(&other.positive) {
            *mine -= other;
        }
        for (mine, other) in self.total.iter_mut().zip(&other.total) {
            *mine -= other;
        }
    }
}

/// What a block gives.
pub struct Partial {
    cells: Counts,
    columns: Vec<Column>,
    /// Entries of cells that go.
    lost: Vec<(u32, f64)>,
}

/// What blocks are folded into. Sums of genes are those of stretches, all else is exact.
pub struct Total {
    counts: Counts,
    sums: Stretched<Vec<f64>>,
}

#[expect(clippy::ptr_arg, reason = "what joins totals takes and gives them whole")]
fn add(all: &mut Vec<f64>, later: Vec<f64>) {
    all.iter_mut().zip(later).for_each(|(all, own)| *all += own);
}

/// What is counted of a column, side by side: each value touches one place in memory and not three.
#[derive(Clone, Copy, Default)]
struct Column {
    sum: f64,
    nonzero: u32,
    positive: u32,
}

impl CountsPass {
    fn look<T: Real>(&self, block: &NumberBlock, indptr: &[usize], indices: &[u32], values: &[T]) -> Result<Partial> {
        let width = self.width;
        let mut out = Partial { cells: Counts::default(), columns: vec![Column::default(); width], lost: Vec::new() };
        // The sets of a column as bits; more than 32 sets are looked up one by one.
        let mut member = vec![0_u32; if self.sets.is_empty() { 0 } else { width }];
        for (bit, set) in self.sets.iter().take(32).enumerate() {
            member.iter_mut().zip(set).for_each(|(bits, &is_in)| *bits |= u32::from(is_in) << bit);
        }
        let mut top = TopSums::new(&self.ranks);
        for (row, range) in indptr.windows(2).enumerate() {
            let (indices, values) = (&indices[range[0]..range[1]], &values[range[0]..range[1]]);
            let (mut nonzero, mut positive, mut total) = (0_u32, 0_u32, 0.0);
            for (&column, &value) in indices.iter().zip(values) {
                let is = u32::from(value != T::default());
                let above = u32::from(value > T::default());
                let value = value.wide();
                let own = &mut out.columns[column as usize];
                own.nonzero += is;
                own.positive += above;
                own.sum += value;
                nonzero += is;
                positive += above;
                total += value;
            }
            if self.only_counts && !(total.is_finite() && nonzero == positive) {
                let wrong = values.iter().map(|value| value.wide()).find(|value| !(value.is_finite() && *value >= 0.0));
                return Err(not_a_count(wrong.unwrap_or(total), block.rows[row]));
            }
            let first = out.cells.sets.len();
            out.cells.sets.resize(first + self.sets.len(), 0.0);
            if !self.sets.is_empty() {
                let sums = &mut out.cells.sets[first..];
                for (&column, &value) in indices.iter().zip(values) {
                    let mut bits = member[column as usize];
                    while bits != 0 {
                        sums[bits.trailing_zeros() as usize] += value.wide();
                        bits &= bits - 1;
                    }
                }
                for (set, sum) in self.sets.iter().zip(sums).skip(32) {
                    *sum = indices.iter().zip(values).filter(|(c, _)| set[**c as usize]).map(|(_, v)| v.wide()).sum();
                }
            }
            top.add(values, width, &mut out.cells.top);
            let kept = self.rule.keeps(u64::from(positive), total, &out.cells.sets[first..]);
            if !kept {
                out.lost.extend(indices.iter().zip(values).map(|(&column, value)| (column, value.wide())));
            }
            out.cells.nonzero.push(nonzero);
            out.cells.positive.push(positive);
            out.cells.total.push(total);
            out.cells.kept.push(kept);
        }
        let rare: Vec<bool> = out
            .columns
            .iter()
            .enumerate()
            .map(|(gene, own)| own.nonzero > 0 && own.nonzero <= RARE && !self.frequent.has(gene))
            .collect();
        for (row, range) in indptr.windows(2).enumerate().filter(|(row, _)| out.cells.kept[*row]) {
            let cell = u32::try_from(block.start + row).map_err(|_| Error::unsupported("more than 2^32 cells"))?;
            for (&column, value) in indices[range[0]..range[1]].iter().zip(&values[range[0]..range[1]]) {
                if rare[column as usize] && *value != T::default() {
                    out.cells.rare.push((column, cell, value.wide()));
                }
            }
        }
        Ok(out)
    }
}

/// The error for a value of a row that is below zero or not finite.
pub(crate) fn not_a_count(value: f64, row: u64) -> Error {
    Error::invalid(format!("has {value} among its values, expected counts: finite and not below 0")).row(row)
}

impl Consumer for CountsPass {
    type Partial = Partial;
    type Total = Total;
    type Output = Counts;

    fn start(&self) -> Result<Total> {
        let (genes, lost) = (GeneCounts::zeros(self.width), GeneCounts::zeros(self.width));
        // At once: lists that grow take twice the room.
        let (rows, sets, ranks) = (self.rows, self.sets.len(), self.ranks.len());
        let counts = Counts {
            nonzero: Vec::with_capacity(rows),
            positive: Vec::with_capacity(rows),
            total: Vec::with_capacity(rows),
            sets: Vec::with_capacity(rows * sets),
            top: Vec::with_capacity(rows * ranks),
            kept: Vec::with_capacity(rows),
            genes,
            genes_kept: lost,
            rare: RareEntries::default(),
        };
        Ok(Total { counts, sums: Stretched::default() })
    }

    fn map(&self, block: &NumberBlock) -> Result<Partial> {
        let Layout::Sparse { indptr, indices } = &block.layout else {
            return Err(Error::internal("counts are taken of compressed blocks"));
        };
        match &block.values {
            Numbers::F32(values) => self.look(block, indptr, indices, values),
            Numbers::F64(values) => self.look(block, indptr, indices, values),
        }
    }

    fn fold(&self, total: &mut Total, block: Partial) -> Result<()> {
        let Partial { cells, columns, lost } = block;
        let Total { counts: all, sums } = total;
        all.nonzero.extend(cells.nonzero);
        all.positive.extend(cells.positive);
        all.total.extend(cells.total);
        all.sets.extend(cells.sets);
        all.top.extend(cells.top);
        all.kept.extend(cells.kept);
        all.genes.nonzero.iter_mut().zip(&columns).for_each(|(all, own)| *all += u64::from(own.nonzero));
        all.genes.positive.iter_mut().zip(&columns).for_each(|(all, own)| *all += u64::from(own.positive));
        let open = sums.open(|| vec![0.0; self.width]);
        open.iter_mut().zip(&columns).for_each(|(all, own)| *all += own.sum);
        sums.count(add);
        for (column, value) in lost {
            let column = column as usize;
            // Until the end, what the cells that go hold.
            all.genes_kept.nonzero[column] += u64::from(value != 0.0);
            all.genes_kept.positive[column] += u64::from(value > 0.0);
            all.genes_kept.total[column] += value;
        }
        let (genes, lost) = (&all.genes.nonzero, &all.genes_kept.nonzero);
        for (gene, (all, lost)) in genes.iter().zip(lost).enumerate() {
            if !RareEntries::covers(all - lost) {
                self.frequent.add(gene);
            }
        }
        let still = |gene: u32| RareEntries::covers(genes[gene as usize] - lost[gene as usize]);
        all.rare.extend(cells.rare, still, self.width);
        Ok(())
    }

    fn finish(self, total: Total) -> Result<Counts> {
        let Total { counts: mut all, sums } = total;
        if let Some(sums) = sums.finish(add) {
            all.genes.total = sums;
        }
        let lost = std::mem::replace(&mut all.genes_kept, all.genes.clone());
        all.genes_kept.take(&lost);
        let kept = &all.genes_kept.nonzero;
        all.rare.retain(|gene| RareEntries::covers(kept[gene as usize]));
        Ok(all)
    }

    fn partial_bytes(&self) -> u64 {
        self.width as u64 * (16 + 16 * u64::from(RARE))
    }

    fn total_bytes(&self) -> u64 {
        let row = 17 + 8 * (self.sets.len() + self.ranks.len()) as u64;
        self.width as u64 * (96 + 64 * u64::from(RARE)) + self.rows as u64 * row
    }
}
