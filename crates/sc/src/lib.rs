//! The steps of single-cell preprocessing, each a function from options to results, on matrices larger than memory.
//!
//! A step reads a [`LazyMatrix`](annstream_core::matrix::LazyMatrix) in one or more passes and gives back plain numbers;
//! nothing of it is written to a file here. What scanpy would store, and where, is said by each result's `additions`.

pub mod hvg;
pub mod pca;

pub use annstream_core::{Error, ErrorKind, Result};
