//! Genes ranked within batches, and the ranks of several batches combined.

use annstream_core::{Error, Result};

use super::moments::same_genes;
use super::table::{ascending, to_f32};
use super::{summary, table};

/// Ranks over all batches.
#[derive(Clone, Debug)]
pub(super) struct Ranking {
    /// Median of the ranks in the batches where the gene is among the top, from 0; NaN where it is in none.
    pub(super) ranks: Vec<f32>,
    /// The number of batches where the gene is among the top.
    pub(super) batches: Vec<i64>,
    /// Means of the scores over batches.
    pub(super) scores: Vec<f64>,
}

/// What decides first which genes are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Rank,
    Batches,
}

/// Ranks genes by score, the highest first, and combines the batches, as scanpy does for `seurat_v3` and
/// `pearson_residuals`.
///
/// Genes with equal scores are ranked in their order. (In scanpy that is left to a sort that is not stable and differs
/// from processor to processor.)
pub(super) fn rank(genes: usize, scores: &[&[f64]], top: usize) -> Result<Ranking> {
    if scores.is_empty() {
        return Err(Error::argument("no batches to choose genes from"));
    }
    let mut ranks = Vec::with_capacity(scores.len());
    for scores in scores {
        same_genes(genes, scores.len(), "scores")?;
        let mut order: Vec<usize> = (0..genes).collect();
        order.sort_by(|&a, &b| ascending(-scores[a], -scores[b]));
        let mut of_gene = vec![f64::NAN; genes];
        for (rank, gene) in order.into_iter().take(top).enumerate() {
            of_gene[gene] = rank as f64;
        }
        ranks.push(of_gene);
    }
    let count = scores.len() as f64;
    let per_gene = 0..genes;
    Ok(Ranking {
        ranks: to_f32(
            &per_gene.clone().map(|gene| summary::median(ranks.iter().map(|ranks| ranks[gene]))).collect::<Vec<_>>(),
        ),
        batches: per_gene
            .clone()
            .map(|gene| ranks.iter().filter(|ranks| !ranks[gene].is_nan()).count() as i64)
            .collect(),
        scores: per_gene.map(|gene| scores.iter().map(|scores| scores[gene]).sum::<f64>() / count).collect(),
    })
}

impl Ranking {
    /// The `top` genes by rank and number of batches, in the order that is asked for; equal ones in their order.
    pub(super) fn choose(&self, top: usize, first: First) -> Vec<bool> {
        let mut order: Vec<usize> = (0..self.ranks.len()).collect();
        order.sort_by(|&a, &b| {
            let by_rank = ascending(f64::from(self.ranks[a]), f64::from(self.ranks[b]));
            let by_batches = self.batches[b].cmp(&self.batches[a]);
            match first {
                First::Rank => by_rank.then(by_batches),
                First::Batches => by_batches.then(by_rank),
            }
        });
        table::first(&order, top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_look_only_at_batches_where_a_gene_is_among_the_top() {
        let ranking = rank(4, &[&[9.0, 8.0, 7.0, 6.0], &[1.0, 4.0, 3.0, 2.0]], 2).unwrap();
        assert_eq!(ranking.batches, [1, 2, 1, 0]);
        assert_eq!(ranking.ranks[..3], [0.0, 0.5, 1.0]);
        assert!(ranking.ranks[3].is_nan());
        assert_eq!(ranking.choose(1, First::Rank), [true, false, false, false]);
        assert_eq!(ranking.choose(1, First::Batches), [false, true, false, false]);
    }

    #[test]
    fn scores_that_are_no_numbers_come_last() {
        let ranking = rank(3, &[&[f64::NAN, -1.0, 0.0]], 2).unwrap();
        assert_eq!(ranking.batches, [0, 1, 1]);
        assert!(rank(3, &[], 2).is_err());
        assert!(rank(3, &[&[1.0]], 2).is_err());
    }
}
