//! The codecs of chunks, undone in the calling thread.

use std::io::Read;

use serde_json::Value;

use super::encode::codec_v3;
use crate::codecs::blosc::{blosc, blosc_size};
use crate::codecs::shuffle::unshuffle;
use crate::{Compression, Error, Result};

/// One codec from bytes to bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Codec {
    Blosc { inner: String, level: u64, shuffle: bool },
    Zstd(i64),
    Gzip(u64),
    Zlib(u64),
    Lz4,
    Crc32c,
    Shuffle(usize),
    Other(String),
}

/// How many bytes a codec gives back.
#[derive(Clone, Copy)]
enum Size {
    Exactly(usize),
    AtMost(usize),
}

impl Codec {
    /// A codec by its name in either format, and its settings.
    pub(super) fn named(name: &str, settings: &Value) -> Self {
        let number = |key: &str| settings.get(key).and_then(Value::as_u64);
        match name.strip_prefix("numcodecs.").unwrap_or(name) {
            "blosc" => Self::Blosc {
                inner: settings.get("cname").and_then(Value::as_str).unwrap_or("lz4").to_owned(),
                level: number("clevel").unwrap_or(5),
                shuffle: settings.get("shuffle").is_none_or(|value| *value != 0 && *value != "noshuffle"),
            },
            "zstd" => Self::Zstd(settings.get("level").and_then(Value::as_i64).unwrap_or(0)),
            "gzip" => Self::Gzip(number("level").unwrap_or(1)),
            "zlib" => Self::Zlib(number("level").unwrap_or(1)),
            "lz4" => Self::Lz4,
            "crc32c" if name == "crc32c" => Self::Crc32c,
            "shuffle" => Self::Shuffle(number("elementsize").and_then(|n| usize::try_from(n).ok()).unwrap_or(4)),
            other => Self::Other(other.to_owned()),
        }
    }

    fn word(&self) -> String {
        match self {
            Self::Blosc { inner, level, shuffle: true } => format!("blosc {inner} {level} shuffle"),
            Self::Blosc { inner, level, shuffle: false } => format!("blosc {inner} {level}"),
            Self::Zstd(level) => format!("zstd {level}"),
            Self::Gzip(level) => format!("gzip {level}"),
            Self::Zlib(level) => format!("zlib {level}"),
            Self::Lz4 => "lz4".into(),
            Self::Crc32c => "crc32c".into(),
            Self::Shuffle(_) => "shuffle".into(),
            Self::Other(name) => name.clone(),
        }
    }

    fn undo(&self, source: &[u8], out: &mut [u8]) -> Result<()> {
        let length = out.len();
        let damaged = |what: &str| Error::invalid(format!("{what} data is damaged, or not of {length} bytes"));
        let inflate = libdeflater::Decompressor::new;
        let written = match self {
            Self::Blosc { .. } => {
                return if source.is_empty() && out.is_empty() { Ok(()) } else { blosc(source, out) };
            }
            Self::Zstd(_) => zstd::bulk::decompress_to_buffer(source, out).map_err(|_| damaged("zstd"))?,
            Self::Gzip(_) => inflate().gzip_decompress(source, out).map_err(|_| damaged("gzip"))?,
            Self::Zlib(_) => inflate().zlib_decompress(source, out).map_err(|_| damaged("zlib"))?,
            Self::Lz4 => {
                let (_, block) = lz4_parts(source)?;
                lz4_flex::block::decompress_into(block, out).map_err(|_| damaged("lz4"))?
            }
            Self::Crc32c => {
                let data = verify(source)?;
                if data.len() == out.len() {
                    out.copy_from_slice(data);
                }
                data.len()
            }
            Self::Shuffle(size) => {
                if source.len() == out.len() {
                    unshuffle(*size, source, out);
                }
                source.len()
            }
            Self::Other(name) => return Err(unknown(name)),
        };
        if written == out.len() {
            Ok(())
        } else {
            Err(Error::invalid(format!("decodes to {written} bytes, {} expected", out.len())))
        }
    }

    /// Undoes the codec into new memory of at most `most` bytes.
    fn undo_bounded(&self, source: &[u8], most: usize) -> Result<Vec<u8>> {
        let exactly = |size: usize| {
            if size > most {
                return Err(Error::invalid(format!("declares {size} bytes, at most {most} expected")));
            }
            let mut out = vec![0; size];
            self.undo(source, &mut out).map(|()| out)
        };
        match self {
            Self::Blosc { .. } => exactly(blosc_size(source).ok_or_else(|| Error::invalid("blosc data is damaged"))?),
            Self::Lz4 => exactly(lz4_parts(source)?.0),
            Self::Shuffle(_) => exactly(source.len()),
            Self::Crc32c => verify(source).map(<[u8]>::to_vec),
            Self::Zstd(_) => {
                let mut out = vec![];
                let limit = most as u64 + 1;
                zstd::stream::read::Decoder::with_buffer(source)
                    .and_then(|decoder| decoder.take(limit).read_to_end(&mut out))
                    .map_err(|_| Error::invalid("zstd data is damaged"))?;
                if out.len() > most {
                    return Err(Error::invalid(format!("decodes to more than {most} bytes")));
                }
                Ok(out)
            }
            Self::Gzip(_) | Self::Zlib(_) => self.inflate_bounded(source, most),
            Self::Other(name) => Err(unknown(name)),
        }
    }

    fn inflate_bounded(&self, source: &[u8], most: usize) -> Result<Vec<u8>> {
        let mut out = vec![0; source.len().saturating_mul(4).clamp(1 << 12, most.max(1))];
        let mut inflate = libdeflater::Decompressor::new();
        loop {
            let result = match self {
                Self::Gzip(_) => inflate.gzip_decompress(source, &mut out),
                _ => inflate.zlib_decompress(source, &mut out),
            };
            match result {
                Ok(length) => {
                    out.truncate(length);
                    return Ok(out);
                }
                Err(libdeflater::DecompressionError::InsufficientSpace) if out.len() < most => {
                    let longer = out.len().saturating_mul(2).min(most);
                    out = vec![0; longer];
                }
                Err(_) => return Err(Error::invalid(format!("deflate data is damaged, or more than {most} bytes"))),
            }
        }
    }
}

/// The size that numcodecs' lz4 puts before the block, and the block.
fn lz4_parts(source: &[u8]) -> Result<(usize, &[u8])> {
    let (size, block) = source.split_first_chunk::<4>().ok_or_else(|| Error::invalid("lz4 data is too short"))?;
    Ok((u32::from_le_bytes(*size) as usize, block))
}

/// The data before a checksum, if it matches.
pub(super) fn verify(source: &[u8]) -> Result<&[u8]> {
    let Some((data, stored)) = source.split_last_chunk::<4>() else {
        return Err(Error::invalid("is too short for its checksum"));
    };
    let (found, stored) = (crc32c::crc32c(data), u32::from_le_bytes(*stored));
    if found == stored {
        Ok(data)
    } else {
        Err(Error::invalid(format!("checksum is {found:08x}, {stored:08x} expected")))
    }
}

fn unknown(name: &str) -> Error {
    Error::unsupported(format!("codec '{name}' is not available"))
        .hint("rewrite the store with zarr-python, compressed with zstd or blosc")
}

/// Codecs in the order in which they are applied when writing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Codecs(pub(super) Vec<Codec>);

impl Codecs {
    /// Whether chunks are stored as they are.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first codec that we cannot undo.
    pub(super) fn check(&self) -> Result<()> {
        match self.0.iter().find_map(|codec| if let Codec::Other(name) = codec { Some(name) } else { None }) {
            Some(name) => Err(unknown(name)),
            None => Ok(()),
        }
    }

    /// What a writer applies to values of `size` bytes.
    pub(super) fn written(compression: Compression, size: usize) -> Self {
        let codec = codec_v3(compression, size);
        let name = |codec: &Value| Codec::named(codec["name"].as_str().unwrap_or(""), &codec["configuration"]);
        Self(codec.iter().map(name).collect())
    }

    /// What must be undone, in order.
    pub(super) fn code(&self) -> Vec<String> {
        let word = |codec: &Codec| match codec {
            Codec::Zstd(_) => "zstd".to_owned(),
            Codec::Gzip(_) => "gzip".to_owned(),
            Codec::Zlib(_) => "zlib".to_owned(),
            Codec::Blosc { inner, shuffle, .. } => format!("blosc {inner} {shuffle}"),
            other => format!("{other:?}"),
        };
        self.0.iter().map(word).collect()
    }

    /// The codecs in words.
    pub(super) fn words(&self) -> String {
        self.0.iter().map(Codec::word).collect::<Vec<_>>().join(", ")
    }

    /// What the writer would be told to get about the same: blosc's fast codecs count as the fast codec.
    pub(super) fn compression(&self) -> Compression {
        let shuffled = self.0.iter().any(|codec| matches!(codec, Codec::Shuffle(_)));
        let small = |level: u64, low: u8, high: u8| u8::try_from(level).unwrap_or(high).clamp(low, high);
        let one = |codec: &Codec| match codec {
            Codec::Blosc { inner, level, shuffle } => match inner.as_str() {
                "zstd" => Some(Compression::Zstd { level: small((level * 2).saturating_sub(1), 1, 22) }),
                "zlib" => Some(Compression::Gzip { level: small(*level, 0, 9), shuffle: *shuffle }),
                _ => Some(Compression::Lzf),
            },
            // Level 0 is the default.
            Codec::Zstd(level) => Some(Compression::Zstd { level: small(level.unsigned_abs(), 0, 22) }),
            Codec::Gzip(level) | Codec::Zlib(level) => {
                Some(Compression::Gzip { level: small(*level, 0, 9), shuffle: shuffled })
            }
            Codec::Lz4 => Some(Compression::Lzf),
            _ => None,
        };
        self.0.iter().find_map(one).unwrap_or_default()
    }

    /// Most bytes that a chunk of `size` bytes can reasonably be stored in.
    pub(super) fn most(size: usize) -> u64 {
        (size as u64).saturating_mul(2).saturating_add(1 << 20)
    }

    /// Decodes a chunk that has exactly the length of `out`.
    pub(super) fn decode(&self, stored: &[u8], out: &mut [u8]) -> Result<()> {
        let size = Size::Exactly(out.len());
        match self.0.as_slice() {
            [] if stored.len() == out.len() => out.copy_from_slice(stored),
            [] => return Err(Error::invalid(format!("{} bytes found, {} expected", stored.len(), out.len()))),
            [only] => return only.undo(stored, out),
            [first, rest @ ..] => return first.undo(&run(rest, stored, size)?, out),
        }
        Ok(())
    }

    /// Decodes a chunk of unknown length, of at most `most` bytes.
    pub(super) fn decode_bounded(&self, stored: Vec<u8>, most: usize) -> Result<Vec<u8>> {
        match self.0.as_slice() {
            [] => Ok(stored),
            [first, rest @ ..] => first.undo_bounded(&run(rest, &stored, Size::AtMost(most))?, most),
        }
    }
}

/// Undoes all of some codecs but the innermost one, which is not among them.
fn run<'a>(codecs: &[Codec], stored: &'a [u8], size: Size) -> Result<std::borrow::Cow<'a, [u8]>> {
    // What a codec makes of data is hardly larger than the data.
    let (Size::Exactly(most) | Size::AtMost(most)) = size;
    let most = most.saturating_add(most / 8).saturating_add(1 << 16);
    let mut data = std::borrow::Cow::Borrowed(stored);
    for codec in codecs.iter().rev() {
        if *codec == Codec::Crc32c {
            let length = verify(&data)?.len();
            match &mut data {
                std::borrow::Cow::Borrowed(bytes) => *bytes = &bytes[..length],
                std::borrow::Cow::Owned(bytes) => bytes.truncate(length),
            }
        } else {
            data = codec.undo_bounded(&data, most)?.into();
        }
    }
    Ok(data)
}
