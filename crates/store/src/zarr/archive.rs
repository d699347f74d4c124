//! A store as a zip archive, read where it stands.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zip::{CompressionMethod, ZipArchive};

use super::files::{Blob, check_key};
use crate::{Error, Result};

/// Most entries of an archive.
const ENTRIES: usize = 10_000_000;

/// Where an entry is.
#[derive(Clone, Copy)]
struct Entry {
    start: u64,
    stored: u64,
    size: u64,
    /// Deflated, rather than stored as it is.
    deflated: bool,
}

/// An archive of keys.
pub(super) struct Archive {
    path: PathBuf,
    file: Arc<File>,
    entries: BTreeMap<String, Entry>,
}

impl Archive {
    /// Reads the table of contents.
    pub(super) fn open_file(path: &Path) -> Result<Self> {
        let io = |error: std::io::Error| Error::io(error, path);
        let file = File::open(path).map_err(io)?;
        let len = file.metadata().map_err(io)?.len();
        let wrong = |error: zip::result::ZipError| Error::invalid(format!("is not a sound zip archive: {error}"));
        let mut archive = ZipArchive::new(BufReader::new(file.try_clone().map_err(io)?)).map_err(wrong)?;
        if archive.len() > ENTRIES {
            return Err(Error::invalid(format!("has {} entries, more than {ENTRIES}", archive.len())));
        }
        let mut entries = BTreeMap::new();
        for i in 0..archive.len() {
            let entry = archive.by_index_raw(i).map_err(wrong)?;
            let name = entry.name().map_err(wrong)?.into_owned();
            if entry.is_dir() {
                continue;
            }
            check_key(&name)?;
            let method = entry.compression();
            let deflated = method == CompressionMethod::DEFLATE;
            if !deflated && method != CompressionMethod::STORE {
                return Err(Error::unsupported(format!("'{name}' is compressed by {method}, not deflate")));
            }
            if entry.encrypted() {
                return Err(Error::unsupported(format!("'{name}' is encrypted")));
            }
            let start = entry.data_start().ok_or_else(|| Error::invalid(format!("'{name}' has no data")))?;
            let (stored, size) = (entry.compressed_size(), entry.size());
            if start.checked_add(stored).is_none_or(|end| end > len) || (!deflated && stored != size) {
                return Err(Error::invalid(format!("'{name}' ends outside of the archive")));
            }
            // Of several entries of a name the last one counts.
            entries.insert(name, Entry { start, stored, size, deflated });
        }
        Ok(Self { path: path.to_owned(), file: Arc::new(file), entries: below_single_folder(entries) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn exists(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn open(&self, key: &str, most: u64) -> Result<Option<Blob>> {
        let Some(entry) = self.entries.get(key) else { return Ok(None) };
        let part = Blob::Part { file: self.file.clone(), start: entry.start, len: entry.stored };
        if !entry.deflated {
            return Ok(Some(part));
        }
        // Deflate makes nothing smaller than a thousandth.
        if entry.size > most || entry.size / 1100 > entry.stored {
            return Err(Error::invalid(format!("'{key}' declares {} bytes, {most} expected at most", entry.size)));
        }
        let far = || Error::invalid(format!("'{key}' exceeds memory"));
        let mut stored = vec![0; usize::try_from(entry.stored).map_err(|_| far())?];
        part.read(0, &mut stored)?;
        let mut bytes = vec![0; usize::try_from(entry.size).map_err(|_| far())?];
        match libdeflater::Decompressor::new().deflate_decompress(&stored, &mut bytes) {
            Ok(length) if length == bytes.len() => Ok(Some(Blob::Memory(bytes))),
            _ => Err(Error::invalid(format!("'{key}' is damaged in the archive"))),
        }
    }

    fn below(&self, path: &str) -> impl Iterator<Item = (&str, &Entry)> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let found = self.entries.range(prefix.clone()..);
        found.map_while(move |(key, entry)| key.strip_prefix(prefix.as_str()).map(|rest| (rest, entry)))
    }

    pub(super) fn folders(&self, path: &str) -> Vec<String> {
        let mut names: Vec<String> = vec![];
        for (rest, _) in self.below(path) {
            if let Some((name, _)) = rest.split_once('/')
                && names.last().is_none_or(|last| last != name)
            {
                names.push(name.to_owned());
            }
        }
        names
    }

    pub(super) fn stored(&self, path: &str) -> u64 {
        self.below(path).map(|(_, entry)| entry.stored).fold(0, u64::saturating_add)
    }
}

/// If everything stands in one folder, as zipping a folder makes it, that folder is the store.
fn below_single_folder(entries: BTreeMap<String, Entry>) -> BTreeMap<String, Entry> {
    let Some(first) = entries.keys().next().and_then(|key| key.split_once('/')).map(|(first, _)| format!("{first}/"))
    else {
        return entries;
    };
    let root = [".zgroup", ".zarray", "zarr.json"].iter().any(|name| entries.contains_key(&format!("{first}{name}")));
    if !root || !entries.keys().all(|key| key.starts_with(&first)) {
        return entries;
    }
    entries.into_iter().map(|(key, entry)| (key[first.len()..].to_owned(), entry)).collect()
}

/// Whether a file begins like a zip archive.
pub(super) fn is_zip(path: &Path) -> bool {
    let mut head = [0; 4];
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && (head == *b"PK\x03\x04" || head == *b"PK\x05\x06")
}
