//! The bytes of a store by key, wherever they are.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::archive::Archive;
use super::folder::Folder;
use crate::{Error, Result};

/// Most bytes of one file of metadata.
const METADATA: u64 = 64 << 20;

/// A store on disk.
pub(super) enum Files {
    Folder(Folder),
    Archive(Archive),
}

/// The bytes of one key.
pub(super) enum Blob {
    /// A part of a file.
    Part { file: Arc<File>, start: u64, len: u64 },
    /// Decompressed from an archive.
    Memory(Vec<u8>),
}

impl Blob {
    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Part { len, .. } => *len,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Reads bytes; an end before `out` is full is an error.
    pub(super) fn read(&self, at: u64, out: &mut [u8]) -> Result<()> {
        let end = at.checked_add(out.len() as u64).filter(|&end| end <= self.len());
        let Some(end) = end else {
            return Err(Error::invalid(format!("is truncated: {} bytes at {at}, {} stored", out.len(), self.len())));
        };
        match self {
            Self::Part { file, start, .. } => file.read_exact_at(out, start + at).map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => Error::invalid("became shorter while it was read"),
                _ => Error::os(crate::ErrorKind::Io, &error.to_string()),
            }),
            Self::Memory(bytes) => {
                let far = || Error::internal("position exceeds memory");
                let start = usize::try_from(at).map_err(|_| far())?;
                let end = usize::try_from(end).map_err(|_| far())?;
                out.copy_from_slice(bytes.get(start..end).ok_or_else(far)?);
                Ok(())
            }
        }
    }
}

impl Files {
    /// Where the store is.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.path(),
            Self::Archive(archive) => archive.path(),
        }
    }

    /// The bytes of a key of which at most `most` are expected, or `None` if there is no such key.
    pub(super) fn open(&self, key: &str, most: u64) -> Result<Option<Blob>> {
        check_key(key)?;
        match self {
            Self::Folder(folder) => folder.open(key),
            Self::Archive(archive) => archive.open(key, most),
        }
    }

    /// Whether there is a key.
    pub(super) fn exists(&self, key: &str) -> Result<bool> {
        check_key(key)?;
        match self {
            Self::Folder(folder) => Ok(folder.open(key)?.is_some()),
            Self::Archive(archive) => Ok(archive.exists(key)),
        }
    }

    /// All bytes of a piece of metadata.
    pub(super) fn metadata(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let Some(blob) = self.open(key, METADATA)? else { return Ok(None) };
        if blob.len() > METADATA {
            return Err(Error::invalid(format!("{key} has {} bytes, more than metadata may have", blob.len())));
        }
        let mut bytes = vec![0; usize::try_from(blob.len()).unwrap_or(usize::MAX)];
        blob.read(0, &mut bytes)?;
        Ok(Some(bytes))
    }

    /// The names of folders below a path.
    pub(super) fn folders(&self, path: &str) -> Result<Vec<String>> {
        check_key(path)?;
        match self {
            Self::Folder(folder) => folder.folders(path),
            Self::Archive(archive) => Ok(archive.folders(path)),
        }
    }

    /// Bytes stored at and below a path.
    pub(super) fn stored(&self, path: &str) -> u64 {
        match self {
            _ if check_key(path).is_err() => 0,
            Self::Folder(folder) => folder.stored(path),
            Self::Archive(archive) => archive.stored(path),
        }
    }
}

/// Joins two parts of a key.
pub(super) fn join(parent: &str, name: &str) -> String {
    crate::copy::join(parent, name)
}

/// Refuses keys that could lead anywhere else.
pub(super) fn check_key(key: &str) -> Result<()> {
    let wrong = |part: &str| matches!(part, "" | "." | "..") || part.contains(['\0', '\\']);
    if !key.is_empty() && key.split('/').any(wrong) {
        return Err(Error::invalid(format!("'{}' cannot be a path inside a store", key.escape_debug())));
    }
    Ok(())
}
