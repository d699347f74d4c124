//! Lazy matrices: stored rows, chosen and changed on their way through one pass.
//!
//! - A [`LazyMatrix`] is a [`MatrixSource`](crate::matrix::MatrixSource), the rows kept of it, and a [`View`];
//! - a [`View`] is the columns kept and a flat list of [`RowOp`]s, each a change of values that needs one block only;
//! - a [`NumberBlock`] is some rows on their way: `f32` or `f64`, compressed or dense, with the ids that its rows and
//!   columns have *in the source*. Parameters of operators are in those ids too, whatever was selected in between;
//! - a [`Consumer`] is fed every block once: a statistic, a projection, a writer. Several share a pass as a tuple, and
//!   [`Through`] gives one of them another view.
//!
//! [`ViewedRows`] is the way back: what comes out of a lazy matrix as a source of its own.
//!
//! The partition is fixed by the source, results are folded in order: neither threads nor memory change a bit.

mod block;
mod consumer;
mod matrix;
mod read;
mod view;
mod viewed;

pub use block::{Layout, NumberBlock, Numbers, Real};
pub use consumer::{Consumer, Through};
pub use matrix::LazyMatrix;
pub use view::{Precision, RowOp, View, Zeros};
pub use viewed::ViewedRows;
