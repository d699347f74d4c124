//! Names of the places in an AnnData file.

use std::fmt;

/// A table of an AnnData file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableName {
    /// `obs`.
    Obs,
    /// `var`.
    Var,
    /// `raw/var`.
    RawVar,
}

/// A place for a matrix (or, under `uns`, for anything).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot<'a> {
    /// The matrix `X`.
    X,
    /// An entry of `layers`.
    Layer(&'a str),
    /// An entry of `obsm`.
    Obsm(&'a str),
    /// An entry of `varm`.
    Varm(&'a str),
    /// An entry of `obsp`.
    Obsp(&'a str),
    /// An entry of `varp`.
    Varp(&'a str),
    /// The matrix of `raw`.
    RawX,
    /// An entry of `varm` of `raw`.
    RawVarm(&'a str),
    /// An entry of `uns`.
    Uns(&'a str),
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Obs => "obs",
            Self::Var => "var",
            Self::RawVar => "raw/var",
        })
    }
}

impl fmt::Display for Slot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X => f.write_str("X"),
            Self::Layer(name) => write!(f, "layers/{name}"),
            Self::Obsm(name) => write!(f, "obsm/{name}"),
            Self::Varm(name) => write!(f, "varm/{name}"),
            Self::Obsp(name) => write!(f, "obsp/{name}"),
            Self::Varp(name) => write!(f, "varp/{name}"),
            Self::RawX => f.write_str("raw/X"),
            Self::RawVarm(name) => write!(f, "raw/varm/{name}"),
            Self::Uns(name) => write!(f, "uns/{name}"),
        }
    }
}
