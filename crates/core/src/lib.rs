//! The engine of annstream: AnnData files as typed elements, matrices in blocks, one executor, concatenation.

pub mod anndata;
pub mod concat;
pub mod element;
pub mod table;

pub use annstream_store::{Error, ErrorKind, Result};
