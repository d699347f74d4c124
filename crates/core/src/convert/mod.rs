//! Conversion: one AnnData file into another format, layout or type, in constant memory.
//!
//! [`plan`] says from metadata what becomes of every element; [`execute`] does it. The object stays the same:
//! `anndata.read_h5ad` (or `read_zarr`) gives for the output what it gives for the input, but for what was asked for.
//!
//! - `X` and the layers are *restructured*: a stored matrix is a source of rows or columns; where the other axis is
//!   asked for, an external sort transposes it; values are cast, and appended to a sink.
//! - All else is *copied*, array by array in pieces, tables column by column, in the encodings of today.
//! - A [`Compat`] says which encodings an older anndata reads; the rest is rewritten or refused.

mod cast;
mod compat;
mod copy;
mod execute;
mod expand;
mod matrix;
mod plan;
mod spec;

pub use compat::Compat;
pub use execute::{ConvertReport, MatrixReport, execute};
pub use plan::{ConvertPlan, ElementSummary, PlanSummary, plan};
pub use spec::{ConvertSpec, Layout, parse_dtype};
