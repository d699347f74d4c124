//! What the user asks of a conversion.

use std::fmt;
use std::str::FromStr;

use annstream_store::{Compression, DType};

use super::Compat;
use crate::element::SparseLayout;
use crate::{Error, Result};

/// How a matrix is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Compressed by rows or columns.
    Sparse(SparseLayout),
    /// Every value is stored.
    Dense,
}

/// Options of a conversion; by default everything stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConvertSpec {
    /// Layout of `X` and the layers; as stored by default.
    pub layout: Option<Layout>,
    /// Type of the values of `X` and the layers; as stored by default.
    pub dtype: Option<DType>,
    /// Compression of the output; what the input uses by default.
    pub compression: Option<Compression>,
    /// Values per chunk of sparse matrices, rows per chunk of dense ones.
    pub chunk: Option<u64>,
    /// The oldest anndata that must read the output.
    pub compat: Compat,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sparse(SparseLayout::Csr) => "csr",
            Self::Sparse(SparseLayout::Csc) => "csc",
            Self::Dense => "dense",
        })
    }
}

impl FromStr for Layout {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "csr" => Ok(Self::Sparse(SparseLayout::Csr)),
            "csc" => Ok(Self::Sparse(SparseLayout::Csc)),
            "dense" => Ok(Self::Dense),
            _ => Err(Error::argument(format!("layout '{text}' is not known")).hint("use csr, csc, dense or keep")),
        }
    }
}

/// The type of numbers with numpy's name `text`.
///
/// ```
/// use annstream_core::convert::parse_dtype;
/// assert_eq!(parse_dtype("float32").unwrap().to_string(), "float32");
/// assert!(parse_dtype("str").is_err());
/// ```
///
/// # Errors
/// If there is no such type of numbers.
pub fn parse_dtype(text: &str) -> Result<DType> {
    let numbers = || DType::ALL.into_iter().filter(|dtype| *dtype != DType::Str);
    numbers().find(|dtype| dtype.name() == text).ok_or_else(|| {
        let names: Vec<&str> = numbers().map(DType::name).collect();
        Error::argument(format!("dtype '{text}' is not a type of numbers")).hint(format!("use {}", names.join(", ")))
    })
}
