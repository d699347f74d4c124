//! How arrays are compressed when written, and how a name on the command line becomes a setting.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// Compression of the chunks of an array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Compression {
    /// Stored as is.
    #[default]
    None,
    /// Deflate, levels 0 to 9; `shuffle` groups bytes by significance first, which makes numbers smaller and faster
    /// (in zarr, which shuffles only within blosc, that is blosc's zlib).
    Gzip {
        /// Effort, 0 to 9.
        level: u8,
        /// Whether bytes are shuffled first.
        shuffle: bool,
    },
    /// The fast codec of the format: h5py's LZF in HDF5, blosc's LZ4 with shuffle in zarr.
    Lzf,
    /// Zstandard, levels 1 to 22, or 0 for the default: in zarr, settings that fit numbers (`codecs/zstd.rs`), in HDF5
    /// level 3. HDF5 readers need the `hdf5plugin` package for it.
    Zstd {
        /// Effort, 1 to 22, or 0.
        level: u8,
    },
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Gzip { level, shuffle: false } => write!(f, "gzip:{level}"),
            Self::Gzip { level, shuffle: true } => write!(f, "shuffle+gzip:{level}"),
            Self::Lzf => f.write_str("lzf"),
            Self::Zstd { level: 0 } => f.write_str("zstd"),
            Self::Zstd { level } => write!(f, "zstd:{level}"),
        }
    }
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::argument(format!("compression '{text}' is not known"))
                .hint("use none, gzip[:0-9], shuffle+gzip[:0-9], lzf or zstd[:1-22]")
        };
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        match (name, level) {
            ("none", None) => Ok(Self::None),
            ("lzf", None) => Ok(Self::Lzf),
            ("gzip" | "shuffle+gzip", None | Some(0..=9)) => {
                Ok(Self::Gzip { level: level.unwrap_or(4), shuffle: name != "gzip" })
            }
            ("zstd", None | Some(1..=22)) => Ok(Self::Zstd { level: level.unwrap_or(0) }),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["none", "gzip:6", "shuffle+gzip:4", "lzf", "zstd", "zstd:3"] {
            assert_eq!(name.parse::<Compression>().unwrap().to_string(), name);
        }
        for name in ["gzip:11", "zstd:0", "lzf:3", "bzip2", "gzip:x"] {
            assert!(name.parse::<Compression>().is_err(), "{name}");
        }
    }
}
