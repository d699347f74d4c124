//! Encoding of chunks, by any thread, and the names that zarr has for it.

use libdeflater::{CompressionLvl, Compressor};
use serde_json::{Value, json};

use super::meta::LARGEST_CHUNK;
use crate::codecs::{blosc, zstd};
use crate::{Compression, DType, Error, Result};

/// Most bytes of a value whose bytes blosc can shuffle.
const LARGEST_TYPE: usize = 255;

/// What a compression is in zarr.
enum Method {
    Plain,
    Gzip(u8),
    Zstd(u8),
    Blosc { inner: &'static str, level: u8 },
}

/// LZF is not among zarr's codecs, and shuffling is one only as a part of blosc.
fn method(compression: Compression) -> Method {
    match compression {
        Compression::None => Method::Plain,
        Compression::Gzip { level, shuffle: false } => Method::Gzip(level),
        Compression::Gzip { level, shuffle: true } => Method::Blosc { inner: "zlib", level },
        Compression::Lzf => Method::Blosc { inner: "lz4", level: 5 },
        Compression::Zstd { level } => Method::Zstd(level),
    }
}

/// The codec behind `bytes` in format 3, if there is one. Values have `size` bytes; 1 for text.
pub(super) fn codec_v3(compression: Compression, size: usize) -> Option<Value> {
    Some(match method(compression) {
        Method::Plain => return None,
        Method::Gzip(level) => json!({"name": "gzip", "configuration": {"level": level}}),
        Method::Zstd(level) => json!({"name": "zstd", "configuration": {"level": level, "checksum": false}}),
        Method::Blosc { inner, level } => {
            let (size, shuffle) = if shuffles(size) { (size, "shuffle") } else { (1, "noshuffle") };
            json!({"name": "blosc", "configuration":
                {"typesize": size, "cname": inner, "clevel": level, "shuffle": shuffle, "blocksize": 0}})
        }
    })
}

/// The compressor in format 2.
pub(super) fn compressor_v2(compression: Compression, size: usize) -> Value {
    match method(compression) {
        Method::Plain => Value::Null,
        Method::Gzip(level) => json!({"id": "gzip", "level": level}),
        Method::Zstd(level) => json!({"id": "zstd", "level": level}),
        Method::Blosc { inner, level } => {
            json!({"id": "blosc", "cname": inner, "clevel": level, "shuffle": u8::from(shuffles(size)), "blocksize": 0})
        }
    }
}

fn shuffles(size: usize) -> bool {
    (2..=LARGEST_TYPE).contains(&size)
}

/// Encodes a chunk of numbers of a type, or of other bytes. The result depends on the arguments only.
pub(super) fn encode(raw: Vec<u8>, of: Option<DType>, compression: Compression) -> Result<Vec<u8>> {
    if raw.len() as u64 > LARGEST_CHUNK {
        return Err(Error::unsupported(format!("a chunk of {} bytes is larger than 1 GiB", raw.len())));
    }
    match method(compression) {
        Method::Plain => Ok(raw),
        Method::Gzip(level) => gzip(&raw, level),
        Method::Zstd(level) => zstd::compress(&raw, of, level),
        Method::Blosc { inner, level } => {
            let size = of.map_or(1, DType::size);
            let size = if shuffles(size) { size } else { 1 };
            blosc::compress(&raw, size, inner, level)
        }
    }
}

fn gzip(raw: &[u8], level: u8) -> Result<Vec<u8>> {
    let level = CompressionLvl::new(i32::from(level))
        .map_err(|_| Error::argument(format!("gzip level {level} is not between 0 and 9")))?;
    let mut compressor = Compressor::new(level);
    let mut bytes = vec![0; compressor.gzip_compress_bound(raw.len())];
    let length =
        compressor.gzip_compress(raw, &mut bytes).map_err(|error| Error::internal(format!("deflate: {error}")))?;
    bytes.truncate(length);
    Ok(bytes)
}
