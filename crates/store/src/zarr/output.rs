//! The files of an array that is being written.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::layout::Layout;
use super::meta::Keys;
use super::shard::{ABSENT, ENTRY};
use crate::queue::Target;
use crate::{Error, ErrorKind, Result};

/// The files of one array.
pub(super) struct Output {
    /// Its folder.
    folder: PathBuf,
    keys: Keys,
    layout: Layout,
    shard: Option<OpenShard>,
}

/// A shard that is not full yet.
struct OpenShard {
    place: Vec<u64>,
    file: File,
    end: u64,
    index: Vec<(u64, u64)>,
}

impl Output {
    pub(super) fn new(folder: PathBuf, keys: Keys, layout: Layout) -> Self {
        Self { folder, keys, layout, shard: None }
    }

    /// Changes the layout, before anything is stored.
    pub(super) fn replan(&mut self, layout: Layout) {
        self.layout = layout;
    }

    /// Stores the chunk at a place of the grid.
    fn store(&mut self, place: &[u64], bytes: &[u8]) -> Result<()> {
        let Some(extents) = &self.layout.shard else {
            let mut file = create(&self.folder.join(self.keys.key(place)))?;
            return file.write_all(bytes).map_err(|error| write_error(&error));
        };
        let per: Vec<u64> = extents.iter().zip(&self.layout.chunk).map(|(outer, inner)| outer / inner).collect();
        let outer: Vec<u64> = place.iter().zip(&per).map(|(at, per)| at / per).collect();
        if self.shard.as_ref().is_some_and(|shard| shard.place != outer) {
            self.close()?;
        }
        let chunks = usize::try_from(per.iter().product::<u64>()).map_err(|_| Error::internal("huge shard"))?;
        let shard = if let Some(shard) = &mut self.shard {
            shard
        } else {
            let file = create(&self.folder.join(self.keys.key(&outer)))?;
            self.shard.insert(OpenShard { place: outer, file, end: 0, index: vec![(ABSENT, ABSENT); chunks] })
        };
        let number = place.iter().zip(&per).fold(0, |number, (at, per)| number * per + at % per);
        let entry = usize::try_from(number).ok().and_then(|number| shard.index.get_mut(number));
        *entry.ok_or_else(|| Error::internal("no such chunk in the shard"))? = (shard.end, bytes.len() as u64);
        shard.end += bytes.len() as u64;
        shard.file.write_all(bytes).map_err(|error| write_error(&error))
    }

    /// Ends the shard that is open, if there is one, with its index.
    pub(super) fn close(&mut self) -> Result<()> {
        let Some(mut shard) = self.shard.take() else { return Ok(()) };
        let mut index = Vec::with_capacity(shard.index.len() * ENTRY + 4);
        for (start, length) in shard.index {
            index.extend(start.to_le_bytes());
            index.extend(length.to_le_bytes());
        }
        let checksum = crc32c::crc32c(&index);
        index.extend(checksum.to_le_bytes());
        shard.file.write_all(&index).map_err(|error| write_error(&error))
    }
}

/// Creates a file, and the folders above it.
pub(super) fn create(path: &Path) -> Result<File> {
    let create = || File::create_new(path);
    let file = match create() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(parent).map_err(|error| write_error(&error))?;
            create()
        }
        other => other,
    };
    file.map_err(|error| write_error(&error))
}

pub(super) fn write_error(error: &std::io::Error) -> Error {
    Error::os(ErrorKind::Io, &error.to_string())
}

/// The files of one array, and its path.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) output: Arc<Mutex<Output>>,
    pub(super) path: Arc<str>,
}

/// Where a chunk goes.
pub(super) struct Place {
    /// The arrays that get it; at least one.
    pub(super) arrays: Arc<[Named]>,
    /// The place of the chunk in the grid.
    pub(super) at: Vec<u64>,
}

impl Target for Place {
    type Encoded = Vec<u8>;

    fn path(&self) -> &str {
        self.arrays.first().map_or("", |array| &array.path)
    }

    fn store(self, encoded: Vec<u8>) -> Result<()> {
        let store =
            |array: &Named| lock(&array.output).store(&self.at, &encoded).map_err(|error| error.at(&*array.path));
        self.arrays.iter().try_for_each(store)
    }
}

pub(super) fn lock(output: &Mutex<Output>) -> MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}
