//! Codecs that more than one format uses.

pub(crate) mod blosc;
pub(crate) mod shuffle;
pub(crate) mod zstd;
