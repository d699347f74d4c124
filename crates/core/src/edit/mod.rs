//! A file with changes: some of its cells and genes, and what was computed from them.
//!
//! [`write_edited`] writes what python has after `adata = adata[cells, genes].copy()` and assignments to `adata.obs[…]`,
//! `adata.obsm[…]`, `adata.uns[…]` and so on:
//!
//! - [`Additions`] are the assignments: columns, entries of mappings, entries of `uns`; plain data, made by whoever
//!   computes them, and merged in order;
//! - [`EditSpec`] says which cells and genes are kept, and which matrices come from elsewhere: [`XSource`] of `X`, and the
//!   layers that the caller streams into the same writer, before or after;
//! - everything else comes from the input exactly as [`subset`](crate::subset) writes it.
//!
//! What is replaced is not read from the input.
//!
//! ```
//! use annstream_core::edit::Additions;
//! use annstream_core::element::Element;
//! use annstream_core::table::Column;
//! use annstream_store::Buffer;
//!
//! let mut additions = Additions::default();
//! additions.obs.insert("n_genes".to_owned(), Column::Plain(Buffer::I64(vec![3, 5])));
//! additions.set_uns(["log1p", "base"], Element::Null);
//! let mut later = Additions::default();
//! later.obs.insert("n_genes".to_owned(), Column::Plain(Buffer::I64(vec![4, 6])));
//! additions.merge(later);
//! assert_eq!(additions.obs["n_genes"], Column::Plain(Buffer::I64(vec![4, 6])));
//! ```

mod additions;
mod check;
mod edits;
mod uns;
mod write;

pub use additions::{Additions, UnsEntry};
pub(crate) use edits::Edits;
pub use write::{EditSpec, XSource, write_edited};
