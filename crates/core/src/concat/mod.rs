//! Concatenation of AnnData files: the rules of `anndata.concat` as functions on values in memory.
//!
//! [`names`] makes the index of the axis that grows, [`align`](mod@align) that of the other axis; [`reindex`] moves what
//! stands on the other axis to its new index; [`merge`] keeps what the inputs agree on, by [`equal`](mod@equal).

pub mod align;
mod awkward;
pub mod equal;
pub mod merge;
pub mod names;
pub mod reindex;
