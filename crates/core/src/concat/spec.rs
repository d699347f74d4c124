//! What the user asks of a concatenation.

use std::str::FromStr;

use annstream_store::Compression;

use super::align::Join;
use super::merge::MergeStrategy;
use crate::{Error, Result};

/// The axis along which inputs are joined; the other one is aligned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Axis {
    /// Cells are appended, genes aligned.
    #[default]
    Obs,
    /// Genes are appended, cells aligned.
    Var,
}

/// The value that stands where an input has none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FillValue {
    /// A whole number: integer matrices stay integers where it fits.
    Int(i64),
    /// Any number, NaN included: integer matrices become floats.
    Float(f64),
}

/// Options of a concatenation; the names and defaults of `anndata.concat`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConcatSpec {
    /// Axis to append along.
    pub axis: Axis,
    /// How the other axis is aligned.
    pub join: Join,
    /// Which elements of the other axis are kept.
    pub merge: MergeStrategy,
    /// Which entries of `uns` are kept.
    pub uns_merge: MergeStrategy,
    /// Name of a new column that tells the inputs apart.
    pub label: Option<String>,
    /// One name per input; `0`, `1`, … by default.
    pub keys: Option<Vec<String>>,
    /// Separator between an index label and the key of its input; labels stay as they are by default.
    pub index_unique: Option<String>,
    /// Value of what an outer join leaves open: 0 for sparse and NaN for dense matrices by default.
    pub fill_value: Option<FillValue>,
    /// Whether pairwise elements of the appended axis are kept, as block diagonals.
    pub pairwise: bool,
    /// Compression of the output; what the inputs use by default.
    pub compression: Option<Compression>,
    /// Copy no matrix, but show those of the inputs as virtual arrays, and refuse where that is impossible. The value is
    /// the format of stores that the output can show ([`annstream_store::virtual_sources`]).
    pub virtual_from: Option<&'static str>,
}

impl Axis {
    /// `obs` or `var`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Obs => "obs",
            Self::Var => "var",
        }
    }

    /// The other axis.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Obs => Self::Var,
            Self::Var => Self::Obs,
        }
    }

    /// Position in a shape: 0 for `obs`, 1 for `var`.
    pub fn position(self) -> usize {
        match self {
            Self::Obs => 0,
            Self::Var => 1,
        }
    }
}

impl FromStr for FillValue {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(value) = text.parse() {
            return Ok(Self::Int(value));
        }
        text.parse().map(Self::Float).map_err(|_| Error::argument(format!("'{text}' is not a number")))
    }
}

impl FillValue {
    /// The value as a double.
    pub fn value(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}
