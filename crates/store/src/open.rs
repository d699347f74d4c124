//! From a path to a backend: the only file that names them.

use std::path::Path;
use std::sync::Arc;

use rayon::ThreadPool;

use crate::{Error, Result, Store, StoreWriter};

/// How to open a store for reading.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    /// Follow external links, external raw storage and virtual datasets; refused otherwise.
    pub allow_external: bool,
}

/// How to create a store.
#[derive(Clone, Default)]
pub struct CreateOptions {
    /// Replace what stands at the target.
    pub overwrite: bool,
    /// Threads that compress chunks; without one the calling thread does.
    pub pool: Option<Arc<ThreadPool>>,
    /// Most chunks waiting to be compressed or written; 0 means twice the threads.
    pub queue: usize,
}

/// Opens a store for reading; its bytes are never changed.
///
/// # Errors
/// If the path does not exist, is not a known format, is truncated or locked.
pub fn open(path: impl AsRef<Path>, options: OpenOptions) -> Result<Box<dyn Store>> {
    let path = path.as_ref();
    Ok(Box::new(crate::hdf5::Hdf5Store::open(path, options)?))
}

/// Starts a new store that will stand at `path` once committed.
///
/// # Errors
/// If the folder does not exist or cannot be written, or something stands at `path` and `overwrite` is off.
pub fn create(path: impl AsRef<Path>, options: CreateOptions) -> Result<Box<dyn StoreWriter>> {
    let path = path.as_ref();
    if path.extension().is_some_and(|extension| extension == "zarr") {
        return Err(Error::unsupported("writing zarr is not supported yet").in_file(path).hint("write .h5ad"));
    }
    Ok(Box::new(crate::hdf5::Hdf5Writer::create(path, options)?))
}
