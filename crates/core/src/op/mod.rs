//! Changes of values: implementations of [`RowOp`](crate::lazy::RowOp).

mod cast;
mod divide_rows;
mod log1p;
mod scale;

pub use cast::ToSingle;
pub use divide_rows::DivideRows;
pub use log1p::Log1p;
pub use scale::{Deviations, Scale};
