//! Principal components, exact and in few passes, of matrices larger than memory: what `scanpy.pp.pca` gives.
//!
//! - [`Gram`] is a consumer: the products of all pairs of columns, in one pass. It gives [`Moments`];
//! - [`decompose`] makes a [`Model`] of them: means, components, variances. No data is read;
//! - [`Project`] is a consumer too: the scores of every row, given a model; [`WriteScores`] writes them as they come;
//! - [`Spill`] is one that keeps the rows it sees, in memory or in a scratch file, so that the projection need not read
//!   the file again;
//! - where columns are too many for their products, [`krylov`] finds a model in some passes, with residuals;
//! - [`fit`] does all of it for a matrix that stands alone, and [`Pca::stored`] says what scanpy would store, and where.
//!
//! Columns are those of the blocks, that is of the view: variable genes should be chosen before. Scaled and clipped
//! data comes as [`Deviations`](annstream_core::op::Deviations): blocks stay compressed, and covariances do not see the
//! difference. The means that scores need are those of the same values, so scores do not see it either.

mod check;
mod eigen;
mod few;
mod fit;
mod gram;
pub mod krylov;
mod lanes;
mod lower;
mod moments;
mod multiply;
mod panels;
mod project;
mod reflect;
mod result;
mod sparse;
mod spill;
mod tiles;
mod written;

#[cfg(test)]
mod tests;

pub use eigen::{Model, check_n_comps, decompose, decomposition_bytes};
pub use fit::{GRAM_COLUMNS, Pca, PcaOptions, fit, n_comps};
pub use gram::{Factors, Gram, PartialGram, Products};
pub use moments::Moments;
pub use project::Project;
pub use result::Stored;
pub use spill::{Spill, SpilledRows};
pub use written::WriteScores;
