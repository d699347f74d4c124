//! The codecs of chunks, run in the calling thread without libhdf5.
#![expect(unsafe_code, reason = "calls into liblzf")]

use std::ffi::{c_char, c_int, c_uint};

use hdf5_sys::h5p::{H5Pget_filter2, H5Pget_nfilters};

use super::ffi::{self, Id};
use crate::codecs::blosc::blosc;
use crate::codecs::shuffle::unshuffle;
use crate::{Compression, Error, Result};

pub(super) const LZF: c_int = 32000;
pub(super) const BLOSC: c_int = 32001;
pub(super) const ZSTD: c_int = 32015;

/// One codec of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    Deflate(u32),
    Shuffle(usize),
    Fletcher32,
    Lzf,
    Zstd(u32),
    Blosc,
    Other(c_int, String),
}

/// The codecs of a dataset, in the order in which they are applied when writing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pipeline(pub(super) Vec<Filter>);

/// Memory that decoding needs, used again for every chunk.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) raw: Vec<u8>,
    pub(super) whole: Vec<u8>,
    steps: [Vec<u8>; 2],
    inflate: Option<libdeflater::Decompressor>,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl Scratch {
    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        [&self.raw, &self.whole, &self.steps[0], &self.steps[1]].iter().map(|part| part.capacity()).sum()
    }
}

impl Pipeline {
    /// The codecs in a dataset creation property list.
    pub(super) fn of(creation: &Id, item: usize) -> Result<Self> {
        let _guard = ffi::lock();
        // SAFETY: `creation` is a valid property list.
        let filters = ffi::count(unsafe { H5Pget_nfilters(creation.raw()) })?;
        let mut out = Vec::with_capacity(filters);
        for i in 0..filters {
            let (mut values, mut values_len) = ([0 as c_uint; 16], 16);
            let mut name = [0 as c_char; 64];
            let (mut flags, mut config) = (0, 0);
            // SAFETY: all buffers are as long as said; the name gets its terminating null within 63 characters.
            let id = unsafe {
                H5Pget_filter2(
                    creation.raw(),
                    c_uint::try_from(i).unwrap_or(c_uint::MAX),
                    &raw mut flags,
                    &raw mut values_len,
                    values.as_mut_ptr(),
                    name.len() - 1,
                    name.as_mut_ptr(),
                    &raw mut config,
                )
            };
            out.push(match id {
                1 => Filter::Deflate(values[0]),
                2 => Filter::Shuffle(if values_len > 0 && values[0] > 0 { values[0] as usize } else { item }),
                3 => Filter::Fletcher32,
                LZF => Filter::Lzf,
                ZSTD => Filter::Zstd(if values_len > 0 { values[0] } else { 3 }),
                BLOSC => Filter::Blosc,
                // SAFETY: the last character was never written and is null.
                id if id >= 0 => Filter::Other(id, known_name(id, unsafe { ffi::text(name.as_ptr()) })),
                _ => return Err(ffi::error()),
            });
        }
        Ok(Self(out))
    }

    /// Whether [`decode`](Self::decode) can undo it: codecs that keep the length, and at most one that does not, last.
    pub(super) fn is_native(&self) -> bool {
        let mut compressed = false;
        self.0.iter().all(|filter| match filter {
            Filter::Shuffle(_) => !compressed,
            Filter::Fletcher32 => true,
            Filter::Other(..) => false,
            _ => !std::mem::replace(&mut compressed, true),
        })
    }

    /// The first codec that neither we nor libhdf5 can undo.
    pub(super) fn unavailable(&self) -> Option<(c_int, &str)> {
        self.0.iter().find_map(|filter| match filter {
            Filter::Other(id, name) if !super::dataset::filter_available(*id) => Some((*id, name.as_str())),
            _ => None,
        })
    }

    /// What a writer applies to values of `size` bytes.
    pub(super) fn written(compression: Compression, size: usize) -> Self {
        Self(match compression {
            Compression::None => vec![],
            Compression::Gzip { level, shuffle: false } => vec![Filter::Deflate(level.into())],
            Compression::Gzip { level, shuffle: true } => vec![Filter::Shuffle(size), Filter::Deflate(level.into())],
            Compression::Lzf => vec![Filter::Lzf],
            Compression::Zstd { level } => vec![Filter::Zstd(level.into())],
        })
    }

    /// What must be undone, in order.
    pub(super) fn code(&self) -> Vec<String> {
        let word = |filter: &Filter| match filter {
            Filter::Deflate(_) => "deflate".to_owned(),
            Filter::Zstd(_) => "zstd".to_owned(),
            other => format!("{other:?}"),
        };
        self.0.iter().map(word).collect()
    }

    /// What the writer would be told to get the same.
    pub(super) fn compression(&self) -> Compression {
        let shuffle = self.0.iter().any(|filter| matches!(filter, Filter::Shuffle(_)));
        self.0
            .iter()
            .find_map(|filter| match filter {
                Filter::Deflate(level) => Some(Compression::Gzip { level: small(*level, 0, 9), shuffle }),
                Filter::Lzf => Some(Compression::Lzf),
                Filter::Zstd(level) => Some(Compression::Zstd { level: small(*level, 0, 22) }),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// The codecs in words.
    pub(super) fn words(&self) -> String {
        let words: Vec<String> = self
            .0
            .iter()
            .map(|filter| match filter {
                Filter::Deflate(level) => format!("deflate {level}"),
                Filter::Shuffle(_) => "shuffle".into(),
                Filter::Fletcher32 => "fletcher32".into(),
                Filter::Lzf => "lzf".into(),
                Filter::Zstd(level) => format!("zstd {level}"),
                Filter::Blosc => "blosc".into(),
                Filter::Other(id, name) => format!("filter {id} ({name})"),
            })
            .collect();
        words.join(", ")
    }

    /// Decodes `scratch.raw`, a stored chunk, into `out`, which has the length of the chunk. A set bit of `mask` says
    /// that the codec of that place was not applied.
    pub(super) fn decode(&self, scratch: &mut Scratch, mask: u32, out: &mut [u8]) -> Result<()> {
        let active: Vec<(usize, &Filter)> =
            self.0.iter().enumerate().filter(|(place, _)| mask >> (place & 31) & 1 == 0).collect();
        // Bytes that checksums added below a given place are part of what the codecs above it see.
        let length_at = |place: usize| {
            out.len() + 4 * active.iter().filter(|(p, f)| *p < place && **f == Filter::Fletcher32).count()
        };
        let lengths: Vec<usize> = active.iter().map(|(place, _)| length_at(*place)).collect();
        let transforms = active.iter().filter(|(_, filter)| **filter != Filter::Fletcher32).count();

        let Scratch { raw, steps, inflate, zstd, .. } = scratch;
        let [first, second] = steps;
        let (mut target, mut spare) = (first, second);
        let mut in_step = false;
        let mut from = 0..raw.len();
        let mut done = 0;
        for ((_, filter), &length) in active.iter().zip(&lengths).rev() {
            let source: &[u8] = if in_step { &spare[from.clone()] } else { &raw[from.clone()] };
            if **filter == Filter::Fletcher32 {
                verify(source)?;
                from.end -= 4;
                continue;
            }
            done += 1;
            if done == transforms && length == out.len() {
                return undo(filter, source, out, inflate, zstd);
            }
            target.resize(length, 0);
            undo(filter, source, target, inflate, zstd)?;
            std::mem::swap(&mut target, &mut spare);
            in_step = true;
            from = 0..length;
        }
        let source: &[u8] = if in_step { &spare[from] } else { &raw[from] };
        if source.len() != out.len() {
            return Err(Error::invalid(format!("{} bytes found, {} expected", source.len(), out.len())));
        }
        out.copy_from_slice(source);
        Ok(())
    }
}

/// Undoes one codec; its output must have exactly the length of `out`.
fn undo(
    filter: &Filter,
    source: &[u8],
    out: &mut [u8],
    inflate: &mut Option<libdeflater::Decompressor>,
    zstd: &mut Option<zstd::bulk::Decompressor<'static>>,
) -> Result<()> {
    let damaged = |what: &str| Error::invalid(format!("{what} data is damaged"));
    let written = match filter {
        Filter::Deflate(_) => inflate
            .get_or_insert_with(libdeflater::Decompressor::new)
            .zlib_decompress(source, out)
            .map_err(|_| damaged("deflate"))?,
        Filter::Shuffle(size) => {
            if source.len() == out.len() {
                unshuffle(*size, source, out);
            }
            source.len()
        }
        Filter::Lzf => lzf(source, out),
        Filter::Zstd(_) => {
            let context = match zstd {
                Some(context) => context,
                None => zstd.insert(zstd::bulk::Decompressor::new().map_err(|_| damaged("zstd"))?),
            };
            context.decompress_to_buffer(source, out).map_err(|_| damaged("zstd"))?
        }
        Filter::Blosc => return blosc(source, out),
        Filter::Fletcher32 | Filter::Other(..) => return Err(Error::internal("not a codec to undo")),
    };
    if written == out.len() {
        Ok(())
    } else {
        Err(Error::invalid(format!("decodes to {written} bytes, {} expected", out.len())))
    }
}

fn lzf(source: &[u8], out: &mut [u8]) -> usize {
    let (Ok(from), Ok(to)) = (c_uint::try_from(source.len()), c_uint::try_from(out.len())) else { return 0 };
    // SAFETY: both lengths are those of the slices; the decoder checks its bounds on both sides.
    unsafe { lzf_sys::lzf_decompress(source.as_ptr().cast(), from, out.as_mut_ptr().cast(), to) as usize }
}

/// Checks the checksum at the end of a chunk.
fn verify(source: &[u8]) -> Result<()> {
    let Some((data, stored)) = source.split_last_chunk::<4>() else {
        return Err(Error::invalid("is too short for its checksum"));
    };
    let stored = u32::from_le_bytes(*stored);
    let found = fletcher32(data);
    // Files of HDF5 1.6.2 and older have the bytes of each half swapped.
    let swapped = found.swap_bytes().rotate_left(16);
    if stored == found || stored == swapped {
        Ok(())
    } else {
        Err(Error::invalid(format!("checksum is {found:08x}, {stored:08x} expected")))
    }
}

fn fletcher32(data: &[u8]) -> u32 {
    let (mut low, mut high) = (0_u32, 0_u32);
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (words, odd) = data.as_chunks::<2>();
    // As many 16-bit words as cannot overflow 32 bits.
    for block in words.chunks(360) {
        for &word in block {
            low += u32::from(u16::from_be_bytes(word));
            high += low;
        }
        (low, high) = (fold(low), fold(high));
    }
    if let [last] = odd {
        low += u32::from(*last) << 8;
        high += low;
        (low, high) = (fold(low), fold(high));
    }
    fold(high) << 16 | fold(low)
}

fn small(value: u32, low: u8, high: u8) -> u8 {
    u8::try_from(value).unwrap_or(high).clamp(low, high)
}

/// A name for filters that libhdf5 does not know.
fn known_name(id: c_int, name: String) -> String {
    match id {
        4 => "szip".into(),
        5 => "nbit".into(),
        6 => "scale-offset".into(),
        307 => "bzip2".into(),
        32004 => "lz4".into(),
        32008 => "bitshuffle".into(),
        32013 => "zfp".into(),
        32026 => "blosc2".into(),
        _ if name.is_empty() => "unnamed".into(),
        _ => name,
    }
}
