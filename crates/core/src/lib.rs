//! The engine of annstream: AnnData files as typed elements, matrices in blocks, one executor, concatenation.

pub mod anndata;
mod awkward;
pub mod budget;
pub mod concat;
pub mod convert;
pub mod edit;
pub mod element;
pub mod exec;
pub mod lazy;
pub mod limits;
pub mod matrix;
pub mod op;
pub mod progress;
pub mod query;
pub mod sink;
pub mod source;
pub mod subset;
pub mod table;
mod vector;

pub use annstream_store::{Error, ErrorKind, Result};
pub use budget::{Budget, Charge};
pub use exec::Exec;
