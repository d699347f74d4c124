//! Parts of AnnData files: some of the cells and genes, or one file for each value of a column.
//!
//! [`subset`] writes what `adata[cells, genes].copy()` is in memory; [`split`] writes `adata[adata.obs[by] == key].copy()`
//! for each key. Both find out first what will be done ([`plan_subset`], [`plan_split`]), from headers and the columns that
//! a condition names, and then stream:
//!
//! - [`Selection`] is the rows of an axis that a result has, in its order;
//! - a *target* is a file being written, with a selection for either axis. A subset has one target, a split many;
//! - matrices are read once, in blocks of rows (columns, for CSC), whatever the axis that is chosen from;
//! - tables (those in `obsm` and `varm` too, but not the variables of `raw`) lose the categories that no row has, and
//!   colours in `uns` follow those of `obs` and `var`, as in anndata 0.12;
//! - matrices of which nothing is left out are copied as they are stored, chunk by chunk, where the output has the format and
//!   the compression of the input: structure is checked, values are not decoded;
//! - everything else that is aligned with an axis is read whole, one element at a time.

mod choose;
mod colors;
mod deal;
mod execute;
mod files;
mod groups;
mod index;
mod matrices;
mod plan;
mod selection;
mod split;
mod tables;
mod whole;

pub use choose::{AxisChoice, SubsetSpec};
pub use execute::MatrixReport;
pub(crate) use execute::{Target, write as write_targets};
pub use files::file_names;
pub use index::{IndexList, IndexPart};
pub use plan::{SubsetPlan, SubsetSummary, plan_selection, plan_subset, subset};
pub use selection::Selection;
pub use split::{Missing, SplitGroup, SplitPlan, SplitSpec, SplitSummary, plan_split, split};
