//! Which cells and genes stay: `scanpy.pp.filter_cells`, `scanpy.pp.filter_genes`.

use annstream_core::table::Column;
use annstream_core::{Error, Result};
use annstream_store::{Buffer, DType};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::qc::sums;
use crate::reduce::{CellRule, Counts, GeneCounts};

/// Conditions on cells; several are one call of scanpy after the other, in this order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CellFilter {
    /// Genes with a positive value, at least.
    pub min_genes: Option<u64>,
    /// Total, at least.
    pub min_counts: Option<f64>,
    /// Genes with a positive value, at most.
    pub max_genes: Option<u64>,
    /// Total, at most.
    pub max_counts: Option<f64>,
    /// Share of a gene set in percent, at most, by the name of the set: `adata[adata.obs["pct_counts_mt"] <= 20]`.
    pub max_percent: IndexMap<String, f64>,
}

/// Conditions on genes, over the cells that stay; several are one call of scanpy after the other, in this order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeneFilter {
    /// Cells with a positive value, at least.
    pub min_cells: Option<u64>,
    /// Total, at least.
    pub min_counts: Option<f64>,
    /// Cells with a positive value, at most.
    pub max_cells: Option<u64>,
    /// Total, at most.
    pub max_counts: Option<f64>,
}

impl CellFilter {
    /// The same as a rule for one cell, given the names of the gene sets in their order.
    ///
    /// # Errors
    /// `Argument` if a set is not among them.
    pub fn rule(&self, sets: &[String]) -> Result<CellRule> {
        for name in self.max_percent.keys() {
            if !sets.contains(name) {
                let known = if sets.is_empty() { "there are none".to_owned() } else { sets.join(", ") };
                return Err(Error::argument(format!("no gene set '{name}' to filter cells by; {known}")));
            }
        }
        let max_percent = sets.iter().map(|name| self.max_percent.get(name).copied()).collect();
        let Self { min_genes, min_counts, max_genes, max_counts, .. } = *self;
        Ok(CellRule { min_genes, max_genes, min_counts, max_counts, max_percent })
    }

    /// The columns that scanpy adds to `obs`, of all cells.
    pub fn columns(&self, counts: &Counts, stored: DType) -> Vec<(String, Column)> {
        let mut out = Vec::new();
        if self.min_genes.is_some() || self.max_genes.is_some() {
            let genes = counts.positive.iter().map(|&count| i64::from(count)).collect();
            out.push(("n_genes".to_owned(), Column::Plain(Buffer::I64(genes))));
        }
        if self.min_counts.is_some() || self.max_counts.is_some() {
            out.push(("n_counts".to_owned(), sums(&counts.total, stored)));
        }
        out
    }
}

impl GeneFilter {
    /// For each gene whether it stays.
    pub fn mask(&self, genes: &GeneCounts) -> Vec<bool> {
        let keeps = |(&cells, &total): (&u64, &f64)| {
            self.min_cells.is_none_or(|least| cells >= least)
                && self.max_cells.is_none_or(|most| cells <= most)
                && self.min_counts.is_none_or(|least| total >= least)
                && self.max_counts.is_none_or(|most| total <= most)
        };
        genes.positive.iter().zip(&genes.total).map(keeps).collect()
    }

    /// The columns that scanpy adds to `var`, of all genes.
    pub fn columns(&self, genes: &GeneCounts, stored: DType) -> Vec<(String, Column)> {
        let mut out = Vec::new();
        if self.min_cells.is_some() || self.max_cells.is_some() {
            let cells = genes.positive.iter().map(|&count| i64::try_from(count).unwrap_or(i64::MAX)).collect();
            out.push(("n_cells".to_owned(), Column::Plain(Buffer::I64(cells))));
        }
        if self.min_counts.is_some() || self.max_counts.is_some() {
            out.push(("n_counts".to_owned(), sums(&genes.total, stored)));
        }
        out
    }
}
