//! Genes that mark groups of cells: `scanpy.tl.rank_genes_groups`.
//!
//! ```text
//! options ─► plan: groups, genes, matrix ─► rank: sums by cells, or sums and ranks by genes ─► uns_entry
//! ```
//!
//! A t-test needs sums and sums of squares of each group, from one pass over the rows. `wilcoxon` needs the ranks of all
//! values of a gene: rows are transposed in scratch space, within the budget, and each gene is ranked by itself. Zeros are
//! counted, never stored or sorted.
//!
//! Departures from scanpy: genes with equal scores come in their order, where numpy's sort decides; a column that is not
//! categorical need not be text; NaN is above all numbers in ranks, and equal to itself; `logreg` is not there.

mod adjust;
mod by_gene;
mod cells;
mod matrix;
mod moments;
mod normal;
mod options;
mod order;
mod plan;
mod rank;
mod ranks;
mod student_t;
mod t_test;
mod uns;
mod whole;
mod wilcoxon;

pub(crate) use cells::sizes;
pub use matrix::check_matrix;
pub(crate) use matrix::{Which, mask_of};
pub use options::{Correction, MarkerOptions, MarkersStep, Method};
pub use plan::{Compared, MarkerPlan, plan, plan_of};
pub use rank::{rank, rank_matrix};
pub use uns::uns_entry;

/// The ranked genes of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupMarkers {
    /// The name of the group.
    pub name: String,
    /// Positions of the genes among those that were looked at, by falling score.
    pub genes: Vec<u32>,
    /// The statistic of each.
    pub scores: Vec<f32>,
    /// The p-value of each, of both sides.
    pub pvals: Vec<f64>,
    /// The same, corrected for the number of genes.
    pub pvals_adj: Vec<f64>,
    /// The base-2 logarithm of the ratio of means, each taken back from its logarithm and 1e-9 more.
    pub logfoldchanges: Vec<f32>,
}

/// Fractions of cells that express each gene.
#[derive(Clone, Debug, PartialEq)]
pub struct Fractions {
    /// Names of the groups; the reference is among them.
    pub names: Vec<String>,
    /// Of the cells of each group; genes in their order.
    pub group: Vec<Vec<f64>>,
    /// Of the cells of all other groups; `None` where groups are compared with one.
    pub rest: Option<Vec<Vec<f64>>>,
}

/// What a comparison gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Markers {
    /// The groups, the reference aside.
    pub groups: Vec<GroupMarkers>,
    /// If they were asked for.
    pub fractions: Option<Fractions>,
    /// What the user should know.
    pub warnings: Vec<String>,
}
