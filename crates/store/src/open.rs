//! From a path to a backend: the only file that names them.

use std::path::Path;
use std::sync::Arc;

use rayon::ThreadPool;

use crate::url::{Url, is_url, local_name};
use crate::{Error, Result, Store, StoreWriter, hdf5, zarr};

/// How to open a store for reading.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    /// Follow external links, external raw storage and virtual datasets; refused otherwise.
    pub allow_external: bool,
}

/// The version of the zarr format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZarrFormat {
    /// Format 2, which old readers know.
    V2,
    /// Format 3, with shards.
    #[default]
    V3,
}

/// How to write zarr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZarrOptions {
    /// The version of the format.
    pub format: ZarrFormat,
    /// Bytes of a shard before compression, roughly: many chunks share a file. 0 gives each chunk a file, as in
    /// format 2.
    pub shard: u64,
}

impl Default for ZarrOptions {
    fn default() -> Self {
        Self { format: ZarrFormat::default(), shard: 32 << 20 }
    }
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
    /// How to write zarr, if that is what is written.
    pub zarr: ZarrOptions,
}

/// Opens a store for reading; its bytes are never changed. Folders and zip archives are zarr, files are HDF5, and URLs of
/// servers (`s3://`, `gs://`, `https://`) are zarr.
///
/// # Errors
/// If the path does not exist, is not a known format, is truncated or locked; for a URL also if the server does not give
/// what is asked for.
pub fn open(path: impl AsRef<Path>, options: OpenOptions) -> Result<Box<dyn Store>> {
    let path = &*local_name(path)?;
    if is_url(path) {
        return open_url(path);
    }
    if zarr::is_zarr(path) {
        return Ok(Box::new(zarr::ZarrStore::open(path, options)?));
    }
    if path.is_dir() {
        return Err(Error::invalid("is a folder without zarr metadata, and not a file").in_file(path));
    }
    Ok(Box::new(hdf5::Hdf5Store::open(path, options)?))
}

/// Opens what stands on a server.
fn open_url(name: &Path) -> Result<Box<dyn Store>> {
    let url = Url::parse(name)?;
    let ends = |ends: &[&str]| ends.iter().any(|end| url.key.to_ascii_lowercase().ends_with(end));
    if ends(&[".h5ad", ".h5", ".hdf5"]) {
        return Err(Error::unsupported("HDF5 files are read from this machine only, zarr stores from servers too")
            .in_file(name)
            .hint("copy the file here; `annstream convert` makes a .zarr of it, which can be uploaded"));
    }
    if ends(&[".zip"]) {
        return Err(Error::unsupported("archives are read from this machine only, zarr stores from servers too")
            .in_file(name)
            .hint("copy the archive here, or upload it unpacked"));
    }
    #[cfg(feature = "object-store")]
    return Ok(Box::new(zarr::ZarrStore::open_remote(name)?));
    #[cfg(not(feature = "object-store"))]
    Err(Error::unsupported("this annstream was built without access to servers (feature object-store)").in_file(name))
}

/// The format, as [`Store::format`] tells it, of the stores whose arrays a new store at `path` can show as virtual ones;
/// `None` if it has no virtual arrays.
pub fn virtual_sources(path: impl AsRef<Path>) -> Option<&'static str> {
    let zarr = path.as_ref().as_os_str().as_encoded_bytes();
    (!zarr.ends_with(b".zarr") && !zarr.ends_with(b".zarr.zip")).then_some("hdf5")
}

/// Refuses names at which nothing can be written: URLs.
///
/// # Errors
/// If the name is a URL.
pub fn check_writable(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    if !is_url(path) {
        return Ok(());
    }
    let hint = match local_name(path) {
        Ok(local) if local != path => format!("give the path: {}", local.display()),
        _ => "write a .zarr here, and upload it with the tools of the server".to_owned(),
    };
    let shown = Url::parse(path).map_or_else(|error| error.file().map(Path::to_owned), |_| Some(path.to_owned()));
    Err(Error::argument("outputs are written to this machine, not to URLs")
        .in_file(shown.unwrap_or_default())
        .hint(hint))
}

/// Starts a new store that will stand at `path` once committed: zarr if the name ends with `.zarr`, else HDF5.
///
/// # Errors
/// If the folder does not exist or cannot be written, `path` is a URL, or something stands there and `overwrite` is off.
pub fn create(path: impl AsRef<Path>, options: CreateOptions) -> Result<Box<dyn StoreWriter>> {
    let path = path.as_ref();
    check_writable(path)?;
    if path.extension().is_some_and(|extension| extension == "zarr") {
        return Ok(Box::new(zarr::ZarrWriter::create(path, options)?));
    }
    if path.as_os_str().as_encoded_bytes().ends_with(b".zarr.zip") {
        return Err(Error::unsupported("zarr in a zip archive is read, not written").in_file(path).hint("write .zarr"));
    }
    Ok(Box::new(hdf5::Hdf5Writer::create(path, options)?))
}
