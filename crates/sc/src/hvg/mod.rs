//! Highly variable genes: the mathematics, from statistics of genes that streaming passes deliver.
//!
//! Nothing here sees a matrix. A pass over the cells gives [`Moments`] for each batch; with them
//!
//! - [`by_dispersion`] makes the table for `seurat` (moments of expm1 of the logarithms) and `cell_ranger`;
//! - [`clip_limits`] says where `seurat_v3` clips counts in a second pass, whose sums [`seurat_v3`] makes a table of;
//! - [`pearson_residuals`] makes it from variances of residuals, clipped at [`residual_clip`].
//!
//! An [`HvgTable`] has the columns of `scanpy.pp.highly_variable_genes` 1.11, with its names, dtypes, order, ties and
//! special cases. It departs from scanpy in this: `n_top_genes` of 0 is refused; genes with exactly equal scores in
//! `seurat_v3` and `pearson_residuals` are ranked in their order, where scanpy's sort depends on the processor; genes with
//! equal names are each for themselves (dispersions in batches: refused); and where skmisc may crash, a curve that cannot
//! be fitted is an error.
//!
//! ```
//! use annstream_sc::hvg::{DispersionBatch, Flavor, HvgOptions, Moments, by_dispersion};
//!
//! let names: Vec<String> = (0..40).map(|gene| format!("gene{gene}")).collect();
//! let means = (0..40).map(|gene| 0.1 + f64::from(gene)).collect();
//! let variances = (0..40).map(|gene| 0.2 + f64::from(gene * gene % 17)).collect();
//! let moments = Moments { cells: 100, means, variances };
//! let options = HvgOptions { n_top_genes: Some(5), ..HvgOptions::new(Flavor::CellRanger) };
//! let batch = DispersionBatch { name: "all".to_owned(), moments, expressed: None };
//! let table = by_dispersion(&names, &[batch], &options)?;
//! // Five, and those that are equal to the fifth.
//! assert!(table.highly_variable().iter().filter(|chosen| **chosen).count() >= 5);
//! # Ok::<(), annstream_sc::Error>(())
//! ```

mod batches;
mod bins;
mod dispersion;
mod loess;
mod moments;
mod options;
mod pearson;
mod ranks;
mod seurat_v3;
mod summary;
mod table;

pub use batches::{DispersionBatch, by_dispersion};
pub use loess::fit as loess;
pub use moments::Moments;
pub use options::{Flavor, HvgOptions};
pub use pearson::{pearson_residuals, residual_clip};
pub use seurat_v3::{ClipLimits, V3Batch, clip_limits, seurat_v3};
pub use table::HvgTable;
