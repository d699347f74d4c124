//! The bytes of a store by key, wherever they are.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::archive::Archive;
use super::folder::Folder;
use super::meta::json;
#[cfg(feature = "object-store")]
use super::server::Server;
#[cfg(feature = "object-store")]
use crate::remote::{Object, Remote};
use crate::{Error, Result};

/// Most bytes of one file of metadata.
pub(super) const METADATA: u64 = 64 << 20;

/// A store, wherever it is.
pub(super) enum Files {
    Folder(Folder),
    Archive(Archive),
    #[cfg(feature = "object-store")]
    Server(Server),
}

/// How the bytes of a key will be read, which matters where each look costs a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// All of them, of which this many are expected at most.
    Whole(u64),
    /// Here and there.
    Parts,
}

/// The bytes of one key.
pub(super) enum Blob {
    /// A part of a file.
    Part { file: Arc<File>, start: u64, len: u64 },
    /// Decompressed from an archive.
    Memory(Vec<u8>),
    /// On a server.
    #[cfg(feature = "object-store")]
    Object { remote: Arc<Remote>, object: Object },
}

impl Blob {
    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Part { len, .. } => *len,
            Self::Memory(bytes) => bytes.len() as u64,
            #[cfg(feature = "object-store")]
            Self::Object { object, .. } => object.len(),
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
            #[cfg(feature = "object-store")]
            Self::Object { remote, object } => remote.read(object, at, out),
        }
    }
}

impl Files {
    /// Where the store is.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.path(),
            Self::Archive(archive) => archive.path(),
            #[cfg(feature = "object-store")]
            Self::Server(server) => server.path(),
        }
    }

    /// Whether each look costs a request.
    pub(super) fn asks(&self) -> bool {
        match self {
            Self::Folder(_) | Self::Archive(_) => false,
            #[cfg(feature = "object-store")]
            Self::Server(_) => true,
        }
    }

    /// The bytes of a key, or `None` if there is no such key.
    pub(super) fn open(&self, key: &str, usage: Use) -> Result<Option<Blob>> {
        check_key(key)?;
        match self {
            Self::Folder(folder) => folder.open(key),
            Self::Archive(archive) => archive.open(key, if let Use::Whole(most) = usage { most } else { u64::MAX }),
            #[cfg(feature = "object-store")]
            Self::Server(server) => server.open(key, usage),
        }
    }

    /// Whether there is a key.
    pub(super) fn exists(&self, key: &str) -> Result<bool> {
        check_key(key)?;
        match self {
            Self::Folder(folder) => Ok(folder.open(key)?.is_some()),
            Self::Archive(archive) => Ok(archive.exists(key)),
            #[cfg(feature = "object-store")]
            Self::Server(server) => Ok(server.metadata(key)?.is_some()),
        }
    }

    /// A piece of metadata.
    pub(super) fn metadata(&self, key: &str) -> Result<Option<Value>> {
        check_key(key)?;
        match self {
            Self::Folder(_) | Self::Archive(_) => {
                let name = key.rsplit('/').next().unwrap_or(key);
                self.small(key)?.map(|bytes| json(&bytes, name)).transpose()
            }
            #[cfg(feature = "object-store")]
            Self::Server(server) => server.metadata(key),
        }
    }

    /// All bytes of a piece of metadata.
    fn small(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let Some(blob) = self.open(key, Use::Whole(METADATA))? else { return Ok(None) };
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
            #[cfg(feature = "object-store")]
            Self::Server(server) => server.folders(path),
        }
    }

    /// Bytes stored at and below a path; `None` where counting them would take many requests.
    pub(super) fn stored(&self, path: &str) -> Option<u64> {
        match self {
            _ if check_key(path).is_err() => Some(0),
            Self::Folder(folder) => Some(folder.stored(path)),
            Self::Archive(archive) => Some(archive.stored(path)),
            #[cfg(feature = "object-store")]
            Self::Server(_) => None,
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
