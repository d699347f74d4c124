//! Concatenation of AnnData files: the rules of `anndata.concat` as functions on values in memory.
