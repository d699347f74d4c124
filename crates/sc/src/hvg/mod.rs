//! Highly variable genes.
