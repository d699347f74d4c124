//! A store as a folder.

use std::fs::{self, File};
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::Blob;
use crate::{Error, ErrorKind, Result};

/// Deepest folders that are looked into for sizes.
const DEEPEST: usize = 64;

/// A folder of keys.
pub(super) struct Folder {
    /// As it was given.
    path: PathBuf,
    /// Without links.
    root: PathBuf,
    allow_external: bool,
}

impl Folder {
    /// Opens a folder.
    pub(super) fn open_root(path: &Path, allow_external: bool) -> Result<Self> {
        let root = fs::canonicalize(path).map_err(|error| Error::io(error, path))?;
        Ok(Self { path: path.to_owned(), root, allow_external })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a key leads; an error if that is outside of the store.
    fn resolve(&self, key: &str) -> Result<Option<PathBuf>> {
        let path = if key.is_empty() { self.root.clone() } else { self.root.join(key) };
        match fs::canonicalize(&path) {
            Ok(real) if self.allow_external || real.starts_with(&self.root) => Ok(Some(real)),
            Ok(_) => Err(Error::new(ErrorKind::External, format!("'{key}' is a link out of the store"))
                .hint("--allow-external follows it")),
            Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => Ok(None),
            Err(error) => Err(Error::io(error, path)),
        }
    }

    pub(super) fn open(&self, key: &str) -> Result<Option<Blob>> {
        let Some(path) = self.resolve(key)? else { return Ok(None) };
        let metadata = fs::metadata(&path).map_err(|error| Error::io(error, &path))?;
        if metadata.is_dir() {
            return Ok(None);
        }
        if !metadata.is_file() {
            // Opening a pipe would wait for somebody to write to it.
            return Err(Error::invalid(format!("'{key}' is not a regular file")));
        }
        let file = File::open(&path).map_err(|error| Error::io(error, &path))?;
        Ok(Some(Blob::Part { file: Arc::new(file), start: 0, len: metadata.len() }))
    }

    pub(super) fn folders(&self, key: &str) -> Result<Vec<String>> {
        let Some(path) = self.resolve(key)? else { return Ok(vec![]) };
        let io = |error: std::io::Error| Error::io(error, &path);
        let mut names = vec![];
        for entry in fs::read_dir(&path).map_err(io)? {
            let entry = entry.map_err(io)?;
            let kind = entry.file_type().map_err(io)?;
            if !kind.is_dir() && !kind.is_symlink() {
                continue;
            }
            let name = entry.file_name().into_string();
            names.push(name.map_err(|name| Error::invalid(format!("the name {} is not UTF-8", name.display())))?);
        }
        Ok(names)
    }

    pub(super) fn stored(&self, key: &str) -> u64 {
        self.resolve(key).ok().flatten().map_or(0, |path| total(&path, 0))
    }
}

fn total(path: &Path, depth: usize) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let sizes = entries.filter_map(std::result::Result::ok).map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(metadata) if metadata.is_dir() && depth < DEEPEST => total(&entry.path(), depth + 1),
        _ => 0,
    });
    sizes.fold(0, u64::saturating_add)
}
