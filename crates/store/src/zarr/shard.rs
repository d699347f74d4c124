//! Shards: many chunks in one file, with an index.

use super::codec::verify;
use super::files::Blob;
use super::meta::Sharding;
use crate::{Error, Result};

/// Bytes of one entry of an index.
pub(super) const ENTRY: usize = 16;
/// What an entry holds where there is no chunk.
pub(super) const ABSENT: u64 = u64::MAX;
/// Most bytes of an index.
const LARGEST_INDEX: u64 = 1 << 28;

/// An open shard.
pub(super) struct Shard {
    blob: Blob,
    /// Start and length of each chunk.
    index: Vec<(u64, u64)>,
}

impl Shard {
    /// Reads the index of a shard of `chunks` chunks.
    pub(super) fn open(blob: Blob, sharding: &Sharding, chunks: u64) -> Result<Self> {
        let bytes = chunks.checked_mul(ENTRY as u64).and_then(|n| n.checked_add(if sharding.checksum { 4 } else { 0 }));
        let bytes = bytes.filter(|&bytes| bytes <= LARGEST_INDEX);
        let bytes = bytes.ok_or_else(|| Error::invalid(format!("an index of {chunks} chunks is too large")))?;
        let Some(start) = blob.len().checked_sub(bytes) else {
            return Err(Error::invalid(format!("shard of {} bytes is truncated: its index has {bytes}", blob.len())));
        };
        let mut stored = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
        blob.read(if sharding.at_end { start } else { 0 }, &mut stored)?;
        let entries = if sharding.checksum {
            verify(&stored).map_err(|error| Error::invalid(format!("index of the shard: {}", error.message())))?
        } else {
            &stored
        };
        let (words, _) = entries.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let index = words.as_chunks::<2>().0.iter().map(|[start, length]| (*start, *length)).collect();
        Ok(Self { blob, index })
    }

    /// All of its bytes.
    pub(super) fn blob(&self) -> &Blob {
        &self.blob
    }

    /// Where a chunk is, by its number within the shard; `None` if it was never written.
    pub(super) fn find(&self, number: u64) -> Result<Option<(&Blob, u64, u64)>> {
        let entry = usize::try_from(number).ok().and_then(|number| self.index.get(number));
        let &(start, length) = entry.ok_or_else(|| Error::internal("no such chunk in the shard"))?;
        if (start, length) == (ABSENT, ABSENT) {
            return Ok(None);
        }
        if start.checked_add(length).is_none_or(|end| end > self.blob.len()) {
            let end = u128::from(start) + u128::from(length);
            return Err(Error::invalid(format!("ends at byte {end} of a shard of {} bytes", self.blob.len())));
        }
        Ok(Some((&self.blob, start, length)))
    }
}
