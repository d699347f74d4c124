//! The stored bytes of one chunk, from its own file or out of a shard.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::ahead::Wanted;
use super::codec::Codecs;
use super::files::{Blob, Files, Use, join};
use super::meta::{LARGEST_CHUNK, Meta};
use super::shard::Shard;
use crate::{Error, Result};

/// Most shards of an array that are kept open.
const OPEN_SHARDS: usize = 8;

/// Chunks that are stored as they are, and are larger than this, are read in parts.
const LARGE: usize = 8 << 20;

/// A shard by its place; `None` if it was never written.
type OpenShard = (Vec<u64>, Option<Arc<Shard>>);

/// Finds chunks of one array.
pub(super) struct Source {
    files: Arc<Files>,
    path: String,
    shards: Mutex<VecDeque<OpenShard>>,
}

/// The stored bytes of a chunk.
pub(super) enum Stored {
    Own(Blob),
    Part(Arc<Shard>, u64),
}

impl Source {
    pub(super) fn new(files: Arc<Files>, path: &str) -> Self {
        Self { files, path: path.to_owned(), shards: Mutex::default() }
    }

    /// Whether looking for a chunk costs next to nothing.
    pub(super) fn is_local(&self) -> bool {
        matches!(&*self.files, Files::Folder(_) | Files::Archive(_))
    }

    /// The chunk that starts at a position, unless it was never written.
    pub(super) fn find(&self, meta: &Meta, start: &[u64]) -> Result<Option<Stored>> {
        let place = |extents: &[u64]| start.iter().zip(extents).map(|(at, extent)| at / extent).collect::<Vec<u64>>();
        let Some(sharding) = &meta.shard else {
            let key = join(&self.path, &meta.keys.key(&place(&meta.chunk)));
            let plain = meta.codecs.is_empty() && meta.order.is_none();
            let usage = match meta.chunk_bytes() {
                Some(bytes) if plain && bytes > LARGE => Use::Parts,
                bytes => Use::Whole(bytes.map_or(LARGEST_CHUNK, Codecs::most)),
            };
            return Ok(self.files.open(&key, usage)?.map(Stored::Own));
        };
        let Some(shard) = self.shard(meta, place(&sharding.shape))? else { return Ok(None) };
        let number = start
            .iter()
            .zip(&sharding.shape)
            .zip(&meta.chunk)
            .fold(0, |number, ((at, outer), inner)| number * (outer / inner) + at % outer / inner);
        Ok(shard.find(number)?.is_some().then_some(Stored::Part(shard, number)))
    }

    /// Whether chunks should come together: they are parts of objects on a server, and needed whole.
    pub(super) fn gathers(&self, meta: &Meta) -> bool {
        self.files.asks() && meta.shard.is_some() && !meta.codecs.is_empty()
    }

    /// The chunk that starts at a position, if it is a part of a shard and not larger than `most`.
    pub(super) fn wanted(&self, meta: &Meta, start: &[u64], most: u64) -> Result<Option<Wanted>> {
        let Some(Stored::Part(shard, number)) = self.find(meta, start)? else { return Ok(None) };
        let found = shard.find(number)?.filter(|(_, _, length)| *length <= most);
        let bytes = found.map(|(_, start, length)| start..start + length);
        Ok(bytes.map(|bytes| Wanted { shard, bytes }))
    }

    fn shard(&self, meta: &Meta, place: Vec<u64>) -> Result<Option<Arc<Shard>>> {
        let lock = || self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, shard)) = lock().iter().find(|(found, _)| *found == place) {
            return Ok(shard.clone());
        }
        let Some(sharding) = &meta.shard else { return Ok(None) };
        let key = join(&self.path, &meta.keys.key(&place));
        let chunks = sharding.shape.iter().zip(&meta.chunk).try_fold(1_u64, |all, (o, i)| all.checked_mul(o / i));
        let chunks = chunks.ok_or_else(|| Error::invalid("shards of too many chunks"))?;
        let shard = match self.files.open(&key, Use::Parts)? {
            Some(blob) => Some(Arc::new(Shard::open(blob, sharding, chunks)?)),
            None => None,
        };
        let mut shards = lock();
        shards.push_back((place, shard.clone()));
        if shards.len() > OPEN_SHARDS {
            shards.pop_front();
        }
        Ok(shard)
    }
}

impl Stored {
    fn part(&self) -> Result<(&Blob, u64, u64)> {
        match self {
            Self::Own(blob) => Ok((blob, 0, blob.len())),
            Self::Part(shard, number) => shard.find(*number)?.ok_or_else(|| Error::internal("the chunk went away")),
        }
    }

    /// How many bytes are stored.
    pub(super) fn len(&self) -> Result<u64> {
        self.part().map(|(_, _, length)| length)
    }

    /// Some of the bytes.
    pub(super) fn read(&self, at: u64, out: &mut [u8]) -> Result<()> {
        let (blob, start, _) = self.part()?;
        blob.read(start.saturating_add(at), out)
    }

    /// All bytes, of which there are at most `most`.
    pub(super) fn all(self, most: u64) -> Result<Vec<u8>> {
        let length = self.len()?;
        if length > most {
            return Err(Error::invalid(format!("{length} bytes are stored, at most {most} expected")));
        }
        if let Self::Own(Blob::Memory(bytes)) = self {
            return Ok(bytes);
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.read(0, &mut bytes)?;
        Ok(bytes)
    }
}
