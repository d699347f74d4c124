//! Encoding of chunks, by any thread.
#![expect(unsafe_code, reason = "calls into liblzf")]

use std::ffi::c_uint;

use libdeflater::{CompressionLvl, Compressor};

use crate::codecs::shuffle::shuffle;
use crate::codecs::zstd;
use crate::{Compression, Error, Result};

/// An encoded chunk and the codecs that were left out, one bit each.
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    pub(super) mask: u32,
}

/// Encodes a chunk of values of `size` bytes. The result depends on the arguments only.
pub(super) fn encode(raw: &[u8], size: usize, compression: Compression) -> Result<Encoded> {
    match compression {
        Compression::None => Ok(Encoded { bytes: raw.to_vec(), mask: 0 }),
        Compression::Gzip { level, shuffle: false } => deflate(raw, level),
        Compression::Gzip { level, shuffle: true } => {
            let mut mixed = vec![0; raw.len()];
            shuffle(size, raw, &mut mixed);
            deflate(&mixed, level)
        }
        Compression::Lzf => Ok(lzf(raw)),
        Compression::Zstd { level } => zstd::compress(raw, None, level).map(|bytes| Encoded { bytes, mask: 0 }),
    }
}

fn deflate(raw: &[u8], level: u8) -> Result<Encoded> {
    let level = CompressionLvl::new(i32::from(level))
        .map_err(|_| Error::argument(format!("gzip level {level} is not between 0 and 9")))?;
    let mut compressor = Compressor::new(level);
    let mut bytes = vec![0; compressor.zlib_compress_bound(raw.len())];
    let length =
        compressor.zlib_compress(raw, &mut bytes).map_err(|error| Error::internal(format!("deflate: {error}")))?;
    bytes.truncate(length);
    Ok(Encoded { bytes, mask: 0 })
}

/// LZF cannot grow data; what it cannot shrink is stored as it is, and the mask says so.
fn lzf(raw: &[u8]) -> Encoded {
    let mut bytes = vec![0; raw.len().saturating_sub(1)];
    let length = match (c_uint::try_from(raw.len()), c_uint::try_from(bytes.len())) {
        (Ok(from), Ok(to)) if to > 0 => {
            // SAFETY: both lengths are those of the slices.
            unsafe { lzf_sys::lzf_compress(raw.as_ptr().cast(), from, bytes.as_mut_ptr().cast(), to) as usize }
        }
        _ => 0,
    };
    if length == 0 {
        return Encoded { bytes: raw.to_vec(), mask: 1 };
    }
    bytes.truncate(length);
    Encoded { bytes, mask: 0 }
}
