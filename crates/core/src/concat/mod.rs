//! Concatenation: many AnnData files into one, with the result that `anndata.concat` gives in memory.
//!
//! [`plan`] finds out what will happen from metadata and indexes; [`execute`] does it. Nothing else knows the rules:
//! the shape of the result, the type of every matrix and what is dropped stand in the [`ConcatPlan`].
//!
//! - [`align`](align::align) joins the labels of the other axis,
//! - matrices are planned one by one and streamed, stacked or zipped,
//! - or, if asked, shown where they are, as virtual arrays over the inputs ([`ConcatSpec::virtual_from`]),
//! - or their values are written in shares, by several processes ([`shared`]),
//! - or `X` is left where it is and its rows are read from there ([`apart`]),
//! - tables are stacked column by column ([`crate::table::stack_columns`]),
//! - what belongs to the other axis, and `uns`, is merged by strategy ([`merge`]).

pub mod align;
mod apart;
mod clashes;
pub mod equal;
mod execute;
mod fill;
mod inputs;
mod matrices;
pub mod merge;
pub mod names;
mod notes;
mod plan;
pub mod reindex;
mod shares;
mod shown;
mod spec;
mod stack_whole;
mod stream;
mod tables;

pub use align::Join;
pub use apart::{Apart, apart};
pub use execute::{ConcatReport, execute};
pub use inputs::Input;
pub use merge::MergeStrategy;
pub use plan::{ConcatPlan, ElementSummary, InputSummary, PlanSummary, plan};
pub(crate) use reindex::reindex_axis;
pub use shares::{Share, Shared, execute_around, shared, write_share};
pub use shown::ShownMatrix;
pub use spec::{Axis, ConcatSpec, FillValue};
pub use stream::Tally;
pub(crate) use stream::{Part, stack};
