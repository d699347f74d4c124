//! Variances of Pearson residuals, gene by gene.

use std::collections::BTreeMap;
use std::sync::Arc;

use annstream_core::lazy::{Consumer, Layout, NumberBlock, Numbers, Real};
use annstream_core::op::pearson_residual;
use annstream_core::{Error, Result};

use super::GroupMoments;
use super::membership::group_of;

/// Sums of clipped residuals and of their squares: of the entries, in one pass, less what they would be at zero; to which
/// those of a row of zeros are added at the end. A residual at zero depends on the gene and the total of the row only, so
/// rows with equal totals share the work.
#[derive(Clone, Debug)]
pub struct ResidualPass {
    width: usize,
    /// Totals of the rows.
    totals: Vec<f64>,
    groups: Option<Arc<[u32]>>,
    /// Of each group: totals of the genes, and the grand total.
    models: Vec<Model>,
    theta: f64,
    clip: f64,
}

#[derive(Clone, Debug)]
struct Model {
    genes: Vec<f64>,
    total: f64,
    rows: u64,
}

/// Sums and sums of squares.
type Pair = (Vec<f64>, Vec<f64>);

impl ResidualPass {
    /// From the sums of genes in each group and the totals of rows.
    pub fn new(
        moments: &[GroupMoments],
        totals: Vec<f64>,
        groups: Option<Arc<[u32]>>,
        count: usize,
        theta: f64,
        clip: f64,
    ) -> Self {
        let models = moments.iter().take(count);
        let models: Vec<Model> =
            models.map(|own| Model { genes: own.sums.clone(), total: own.sums.iter().sum(), rows: own.rows }).collect();
        Self { width: models.first().map_or(0, |model| model.genes.len()), totals, groups, models, theta, clip }
    }

    /// The clipped residual of a value.
    fn residual(&self, model: &Model, gene: usize, total: f64, value: f64) -> f64 {
        pearson_residual(value, model.genes[gene] * total / model.total, self.theta, self.clip)
    }

    fn look<T: Real>(
        &self,
        block: &NumberBlock,
        indptr: &[usize],
        indices: &[u32],
        values: &[T],
    ) -> Result<BTreeMap<usize, Pair>> {
        let mut out: BTreeMap<usize, Pair> = BTreeMap::new();
        for (row, range) in indptr.windows(2).enumerate() {
            let group = group_of(self.groups.as_deref(), block.start + row)?;
            let (model, total) = (&self.models[group], self.totals[block.start + row]);
            let pair = out.entry(group).or_insert_with(|| (vec![0.0; self.width], vec![0.0; self.width]));
            for (&column, &value) in indices[range[0]..range[1]].iter().zip(&values[range[0]..range[1]]) {
                let gene = column as usize;
                let there = self.residual(model, gene, total, value.wide());
                let zero = self.residual(model, gene, total, 0.0);
                pair.0[gene] += there - zero;
                pair.1[gene] += there * there - zero * zero;
            }
        }
        Ok(out)
    }
}

impl Consumer for ResidualPass {
    type Partial = BTreeMap<usize, Pair>;
    type Total = Vec<Pair>;
    type Output = Vec<Vec<f64>>;

    fn start(&self) -> Result<Vec<Pair>> {
        Ok(vec![(vec![0.0; self.width], vec![0.0; self.width]); self.models.len()])
    }

    fn map(&self, block: &NumberBlock) -> Result<BTreeMap<usize, Pair>> {
        let Layout::Sparse { indptr, indices } = &block.layout else {
            return Err(Error::internal("residuals are taken of compressed blocks"));
        };
        match &block.values {
            Numbers::F32(values) => self.look(block, indptr, indices, values),
            Numbers::F64(values) => self.look(block, indptr, indices, values),
        }
    }

    fn fold(&self, total: &mut Vec<Pair>, partial: BTreeMap<usize, Pair>) -> Result<()> {
        for (group, own) in partial {
            let all = total.get_mut(group).ok_or_else(|| Error::internal("a group that was not announced"))?;
            all.0.iter_mut().zip(own.0).for_each(|(all, own)| *all += own);
            all.1.iter_mut().zip(own.1).for_each(|(all, own)| *all += own);
        }
        Ok(())
    }

    fn finish(self, total: Vec<Pair>) -> Result<Vec<Vec<f64>>> {
        // Rows by their total, in each group.
        let mut rows: Vec<BTreeMap<u64, u64>> = vec![BTreeMap::new(); self.models.len()];
        for (row, total) in self.totals.iter().enumerate() {
            *rows[group_of(self.groups.as_deref(), row)?].entry(total.to_bits()).or_default() += 1;
        }
        let variances =
            total.into_iter().zip(&self.models).zip(&rows).map(|(((mut sums, mut squares), model), rows)| {
                for (&bits, &count) in rows {
                    let (total, count) = (f64::from_bits(bits), count as f64);
                    for gene in (0..self.width).filter(|&gene| model.genes[gene] > 0.0) {
                        let zero = self.residual(model, gene, total, 0.0);
                        sums[gene] += count * zero;
                        squares[gene] += count * zero * zero;
                    }
                }
                let n = model.rows as f64;
                let variance = |gene: usize| {
                    if model.genes[gene] > 0.0 { squares[gene] / n - (sums[gene] / n).powi(2) } else { 0.0 }
                };
                (0..self.width).map(variance).collect()
            });
        Ok(variances.collect())
    }

    fn partial_bytes(&self) -> u64 {
        self.width as u64 * 16 * (self.models.len() as u64).min(8)
    }

    fn total_bytes(&self) -> u64 {
        self.width as u64 * 32 * self.models.len() as u64
    }
}
