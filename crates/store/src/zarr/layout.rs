//! How an array that is written is cut into chunks and shards.

use super::meta::LARGEST_CHUNK;
use crate::{ArraySpec, DType, ZarrFormat, ZarrOptions};

/// Bytes of a chunk, roughly, when nobody chose.
const CHUNK: u64 = 1 << 19;
/// Values of a chunk of a growing vector when nobody chose.
const GROWING: u64 = 1 << 17;
/// An array of fewer bytes is one chunk.
const SMALL: u64 = 1 << 20;
/// Most bytes that wait for their band of chunks to be complete; larger chunk shapes are not taken over.
const BAND: u64 = 1 << 26;
/// Most bands of chunks in a shard, so that its index is small.
const MOST_CHUNKS: u64 = 1 << 12;
/// Bytes of a chunk that is a file of its own, in an array of many.
const FILE: u64 = 1 << 22;

/// Extents of chunks, and of shards if there are any.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) chunk: Vec<u64>,
    pub(super) shard: Option<Vec<u64>>,
}

/// Lays out an array of values of `size` bytes, with shards of about `shard` bytes, or none. A shard is as wide as the
/// array, so that only one of them is open at a time.
pub(super) fn layout(spec: &ArraySpec, size: u64, shard: Option<u64>) -> Layout {
    let mut chunk = chunk(spec, size.max(1));
    let Some((first, rest)) = spec.shape.split_first() else { return Layout { chunk, shard: None } };
    let growable = spec.growable;
    let band = |rows: u64| {
        let widths = rest.iter().zip(&chunk[1..]).map(|(extent, chunk)| extent.max(&1).div_ceil(*chunk) * chunk);
        widths.fold(rows.saturating_mul(size.max(1)), u64::saturating_mul)
    };
    if !growable && band(chunk[0]) >= band(*first) {
        return Layout { chunk, shard: None };
    }
    if let Some(bytes) = shard {
        let mut many = (bytes / band(chunk[0]).max(1)).max(1);
        many = many.min(MOST_CHUNKS);
        // The hint of a growing array may be missing, or too small: then there are more shards.
        if *first > 0 || !growable {
            many = many.min(first.div_ceil(chunk[0]).max(1));
        }
        let mut shard: Vec<u64> = vec![chunk[0].saturating_mul(many)];
        shard.extend(rest.iter().zip(&chunk[1..]).map(|(extent, chunk)| extent.max(&1).div_ceil(*chunk) * chunk));
        let shard = (shard != chunk).then_some(shard);
        return Layout { chunk, shard };
    }
    // Fewer and larger files.
    let own = chunk.iter().fold(size.max(1), |all, &extent| all.saturating_mul(extent));
    let rows = chunk[0].saturating_mul((FILE.min(BAND) / own.max(1)).max(1));
    if band(rows) <= BAND {
        chunk[0] = if growable { rows } else { rows.min(*first).max(1) };
    }
    Layout { chunk, shard: None }
}

/// How many values of a vector of numbers stand in one file of a zarr store that is written with these options. Files of
/// so many values, and the last one, can be written by different processes, see
/// [`ArrayWriter::skip`](crate::ArrayWriter::skip).
pub fn values_per_file(spec: &ArraySpec, options: ZarrOptions) -> u64 {
    let size = spec.dtype.plain().map_or(1, DType::size);
    let shards = (options.format == ZarrFormat::V3 && options.shard > 0).then_some(options.shard);
    let Layout { chunk, shard } = layout(spec, size as u64, shards);
    shard.unwrap_or(chunk).first().copied().unwrap_or(1)
}

fn chunk(spec: &ArraySpec, size: u64) -> Vec<u64> {
    let Some((first, rest)) = spec.shape.split_first() else { return vec![] };
    let row = rest.iter().fold(size, |all, &extent| all.saturating_mul(extent.max(1)));
    let longest = if spec.growable { u64::MAX } else { (*first).max(1) };
    if let Some(wanted) = spec.chunk.as_ref().filter(|chunk| chunk.len() == spec.shape.len()) {
        let mut chunk: Vec<u64> = wanted.iter().zip(&spec.shape).map(|(chunk, n)| (*chunk).min(*n).max(1)).collect();
        chunk[0] = wanted[0].clamp(1, longest);
        if chunk[0].saturating_mul(row) <= BAND {
            return chunk;
        }
    }
    let all = row.saturating_mul(*first);
    let rows = match rest {
        _ if !spec.growable && all <= SMALL => *first,
        [] if spec.growable => GROWING,
        _ => CHUNK / row.max(1),
    };
    let mut chunk = vec![rows.clamp(1, longest)];
    chunk.extend(rest.iter().map(|&extent| extent.max(1)));
    // A single row that is too long for a chunk is cut.
    let mut bytes = chunk.iter().fold(size, |all, &extent| all.saturating_mul(extent));
    for extent in &mut chunk[1..] {
        if bytes > BAND.min(LARGEST_CHUNK) {
            let fewer = (*extent / bytes.div_ceil(BAND)).max(1);
            bytes = bytes / *extent * fewer;
            *extent = fewer;
        }
    }
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_arrays_have_few_files_and_small_ones_have_one() {
        let small = ArraySpec::new(DType::F32, vec![1000]);
        assert_eq!(layout(&small, 4, Some(1 << 25)), Layout { chunk: vec![1000], shard: None });
        let growing = ArraySpec::new(DType::F32, vec![0]).growable().chunk(vec![1 << 17]);
        let found = layout(&growing, 4, Some(1 << 25));
        assert_eq!(found, Layout { chunk: vec![1 << 17], shard: Some(vec![1 << 23]) });
        assert_eq!(layout(&growing, 4, None), Layout { chunk: vec![1 << 20], shard: None });
        let short = ArraySpec::new(DType::F32, vec![10]).growable().chunk(vec![10]);
        assert_eq!(layout(&short, 4, Some(1 << 25)), Layout { chunk: vec![10], shard: None });
        let dense = ArraySpec::new(DType::F32, vec![100_000, 3000]);
        let found = layout(&dense, 4, Some(1 << 25));
        assert_eq!((found.chunk, found.shard), (vec![43, 3000], Some(vec![43 * 65, 3000])));
        let odd = ArraySpec::new(DType::F32, vec![50, 20]).chunk(vec![8, 6]);
        assert_eq!(layout(&odd, 4, Some(1 << 25)), Layout { chunk: vec![8, 6], shard: Some(vec![56, 24]) });
        let empty = ArraySpec::new(DType::F32, vec![0, 5]);
        assert_eq!(layout(&empty, 4, Some(1 << 25)), Layout { chunk: vec![1, 5], shard: None });
        let scalar = ArraySpec::new(DType::F32, vec![]);
        assert_eq!(layout(&scalar, 4, Some(1 << 25)), Layout { chunk: vec![], shard: None });
    }
}
