//! Zstandard with settings that fit what is compressed.
//!
//! A level of the library is a choice for text and programs. Arrays of single-cell data hold other things: column
//! indices, whose upper bytes repeat, and counts, of which most are the same few values. Their default settings were
//! measured (ARCHITECTURE.md, "Compression of numbers"); any decoder reads the result. A level that is asked for is that
//! of the library.

use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, Strategy};

use crate::{DType, Error, Result};

/// What settings start from, and all there is for text and records.
const DEFAULT_LEVEL: i32 = 3;
/// Matches reach back over a whole chunk.
const WINDOW_LOG: u32 = 20;

/// Compresses numbers of a type, or other bytes; level 0 is the default. The result depends on the arguments only.
pub(crate) fn compress(raw: &[u8], of: Option<DType>, level: u8) -> Result<Vec<u8>> {
    let run = || {
        if level != 0 {
            return zstd::bulk::compress(raw, i32::from(level));
        }
        let mut compressor = Compressor::new(DEFAULT_LEVEL)?;
        for parameter in fitted(of) {
            compressor.set_parameter(parameter)?;
        }
        compressor.compress(raw)
    };
    run().map_err(|error| Error::internal(format!("zstd: {error}")))
}

/// The settings that fit numbers of a type.
fn fitted(of: Option<DType>) -> Vec<CParameter> {
    let Some(dtype) = of else { return vec![] };
    let (strategy, hash, short_hash, least) = match (dtype.size(), dtype.is_float()) {
        // Small integers and codes of categories: only long matches are worth their offsets.
        (1 | 2, _) => (Strategy::ZSTD_fast, 14, 14, 7),
        // A count repeats at once, a normalised value within its row: matches of a single value count.
        (4, true) => (Strategy::ZSTD_dfast, 15, 13, 4),
        // Column indices, and numbers of eight bytes.
        _ => (Strategy::ZSTD_fast, 15, 15, 5),
    };
    vec![
        CParameter::Strategy(strategy),
        CParameter::WindowLog(WINDOW_LOG),
        CParameter::HashLog(hash),
        CParameter::ChainLog(short_hash),
        CParameter::MinMatch(least),
        CParameter::TargetLength(0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Column indices of rows of 1,500 genes of 30,000, without a generator of random numbers.
    fn indices() -> Vec<u8> {
        let mut state = 1_u64;
        let mut out = vec![];
        for _ in 0..60 {
            let mut column = 0_u32;
            for _ in 0..1500 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                column += 1 + u32::try_from(state >> 59).unwrap();
                out.extend(column.to_le_bytes());
            }
        }
        out
    }

    #[test]
    fn every_type_and_length_comes_back() {
        let all = indices();
        for of in DType::ALL.into_iter().map(Some).chain([None]) {
            for length in [0, 1, 3, 8, 4096, all.len()] {
                for level in [0, 1, 3, 9] {
                    let packed = compress(&all[..length], of, level).unwrap();
                    assert_eq!(zstd::bulk::decompress(&packed, length).unwrap(), &all[..length], "{of:?} {length}");
                    let size = zstd::zstd_safe::get_frame_content_size(&packed).ok().flatten();
                    assert_eq!(size, Some(length as u64), "readers ask the frame for its size");
                }
            }
        }
    }

    #[test]
    fn the_default_is_not_much_larger_than_the_level_of_the_library() {
        let raw = indices();
        let (fitted, usual) = (compress(&raw, Some(DType::I32), 0).unwrap(), compress(&raw, None, 0).unwrap());
        assert!(fitted != usual && fitted.len() * 100 < usual.len() * 112, "{} {}", fitted.len(), usual.len());
        assert_eq!(usual, compress(&raw, Some(DType::I32), 3).unwrap());
    }
}
