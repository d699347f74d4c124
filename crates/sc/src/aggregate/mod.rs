//! Pseudobulk: the cells of each group added up, as `scanpy.get.aggregate(adata, by, func)`.
//!
//! ```text
//! options ─► plan: the groups, from columns of obs ─► sums: one pass ─► write: a file of groups x genes
//! ```
//!
//! Memory is groups x genes x 8 bytes for each of the sums, the sums of squares and the counts that the functions need,
//! charged to the budget before the matrix is read.

mod keys;
mod plan;
mod write;

use std::fmt;
use std::str::FromStr;

use annstream_core::query::Expr;
use serde::Serialize;

use crate::{Error, Result};

pub use plan::{AggregatePlan, plan};
pub use write::write;

/// What is computed of a group, for each gene: `func` of `scanpy.get.aggregate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// The sum.
    Sum,
    /// The mean.
    Mean,
    /// The variance.
    Var,
    /// How many cells have a value that is not zero.
    CountNonzero,
}

impl Function {
    /// All, in the order of the layers that scanpy makes.
    pub const ALL: [Self; 4] = [Self::Sum, Self::CountNonzero, Self::Var, Self::Mean];

    /// The name of the layer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Var => "var",
            Self::CountNonzero => "count_nonzero",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Function {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|function| function.name() == text)
            .ok_or_else(|| Error::argument(format!("'{text}' is not one of sum, mean, var and count_nonzero")))
    }
}

/// The parameters of `scanpy.get.aggregate` on `axis="obs"`.
#[derive(Clone, Debug)]
pub struct AggregateOptions {
    /// Columns of `obs`; a group for each combination of values that occurs.
    pub by: Vec<String>,
    /// What is computed.
    pub functions: Vec<Function>,
    /// The layer that is read; `X` if none is named.
    pub layer: Option<String>,
    /// The cells that are looked at: those of which this is true. Python's `adata[condition]` beforehand; not `mask=`,
    /// which divides by the number of all cells.
    pub cells: Option<Expr>,
    /// Degrees of freedom that the variance takes off.
    pub dof: u32,
}
