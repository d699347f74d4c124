//! The steps of single-cell preprocessing, each a function from options to results, on matrices larger than memory.
//!
//! A step reads a [`LazyMatrix`](annstream_core::lazy::LazyMatrix) in one or more passes and gives back plain numbers;
//! nothing of it is written to a file here. Names, types and places of what scanpy would store are part of the results.

pub mod aggregate;
pub mod downsample;
pub mod filter;
pub mod gene_sets;
pub mod groups;
pub mod hvg;
pub mod markers;
pub mod normalize;
pub mod pca;
pub mod pearson;
pub mod pipeline;
pub mod qc;
pub mod recipe;
pub mod reduce;
pub mod regress;
pub mod sample;
pub mod score;
pub mod scrublet;
#[cfg(test)]
mod split_rows;

pub use annstream_core::{Error, ErrorKind, Result};
