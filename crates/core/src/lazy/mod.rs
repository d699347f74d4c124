//! Lazy matrices: stored rows, chosen and changed on their way through one pass.
//!
//! - A [`LazyMatrix`] is a [`MatrixSource`](crate::matrix::MatrixSource), the rows kept of it, and a [`View`];
//! - a [`View`] is the columns kept and a flat list of [`RowOp`]s, each a change of values that needs one block only;
//! - a [`NumberBlock`] is some rows on their way: `f32` or `f64`, compressed or dense, with the ids that its rows and
//!   columns have *in the source*. Parameters of operators are in those ids too, whatever was selected in between;
//! - a [`Consumer`] is fed every block once: a statistic, a projection, a writer. Several share a pass as a tuple, and
//!   [`Through`] gives one of them another view;
//! - [`LazyRows`] shows a lazy matrix to whoever reads stored ones, such as the external sort;
//! - a pass falls into stretches, which other processes may take: [`Stretched`] sums are theirs, added up in their order.
//!
//! The partition is fixed by the source, results are folded in order: neither threads nor memory change a bit.

mod block;
mod consumer;
mod matrix;
mod read;
mod rows;
mod stretch;
mod view;

pub use block::{Layout, NumberBlock, Numbers, Real};
pub use consumer::{Consumer, Through};
pub use matrix::LazyMatrix;
pub use rows::LazyRows;
pub use stretch::{STRETCH, Stretched};
pub use view::{Precision, RowOp, View, Zeros};
