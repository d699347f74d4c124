//! Changes of values: implementations of [`RowOp`](crate::lazy::RowOp).

mod cast;
mod divide_rows;
mod divisors;
mod log1p;
mod log_normalize;
mod pearson;
mod regress;
mod scale;

pub use cast::{ToDouble, ToSingle};
pub use divide_rows::DivideRows;
pub use log_normalize::LogNormalize;
pub use log1p::Log1p;
pub use pearson::{PearsonResiduals, pearson_residual};
pub use regress::{Design, Regress};
pub use scale::{Deviations, Scale};
