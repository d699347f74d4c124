//! An open file: the handle of libhdf5, and our own for reading bytes past the library.
#![expect(unsafe_code, reason = "calls into libhdf5")]

use std::ffi::c_int;
use std::fs::{File, TryLockError};
use std::io::ErrorKind as Io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hdf5_sys::h5ac::{H5AC__CURR_CACHE_CONFIG_VERSION, H5AC_cache_config_t};
use hdf5_sys::h5c::{H5C_cache_decr_mode, H5C_cache_flash_incr_mode, H5C_cache_incr_mode};
use hdf5_sys::h5f::{H5F_ACC_RDONLY, H5Fopen};
use hdf5_sys::h5p::{H5P_CLS_FILE_ACCESS, H5Pget_mdc_config, H5Pset_file_locking, H5Pset_mdc_config};

use super::ffi::{self, Id};
use super::filters::Scratch;
use crate::{Error, ErrorKind, Result};

const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// Bytes of metadata that libhdf5 keeps of one file.
const METADATA: usize = 1 << 19;

/// Memory for decoding, one for each thread that reads at the same time, whatever the file.
static SCRATCH: Mutex<Vec<Scratch>> = Mutex::new(Vec::new());
/// Most bytes of one of them that are kept.
const SCRATCH_BYTES: usize = 8 << 20;

/// An open file.
pub(super) struct Container {
    pub(super) id: Id,
    /// Its length when it was opened.
    pub(super) len: u64,
    pub(super) path: PathBuf,
    /// Whether addresses in it are plain 64-bit positions, as in every file without a user block.
    pub(super) plain: bool,
    raw: File,
}

impl Container {
    /// Opens a file for reading, or says what is wrong with it.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|error| io(error, path))?;
        if metadata.is_dir() {
            return Err(Error::invalid("is a folder, not an HDF5 file").in_file(path));
        }
        if !metadata.is_file() {
            // Opening a pipe would wait for somebody to write to it.
            return Err(Error::invalid("is not a regular file, so it cannot be HDF5").in_file(path));
        }
        let raw = File::open(path).map_err(|error| io(error, path))?;
        share(&raw).map_err(|error| error.in_file(path))?;
        let plain = diagnose(&raw, metadata.len()).map_err(|error| error.in_file(path))?;
        let _guard = ffi::lock();
        let access = Id::property_list(*H5P_CLS_FILE_ACCESS)?;
        let name = ffi::c_name(&path.to_string_lossy())?;
        // SAFETY: a valid property list and a null-terminated name. Our own handle holds the lock.
        let id = unsafe {
            ffi::ok(H5Pset_file_locking(access.raw(), 0, 1))?;
            ffi::ok(limit_metadata(&access))?;
            Id::new(H5Fopen(name.as_ptr(), H5F_ACC_RDONLY, access.raw())).map_err(|error| error.in_file(path))?
        };
        Ok(Self { id, len: metadata.len(), path: path.to_owned(), plain, raw })
    }

    /// Reads bytes of the file; an end before `out` is full is an error.
    pub(super) fn read(&self, at: u64, out: &mut [u8]) -> Result<()> {
        let end = at.checked_add(out.len() as u64);
        if end.is_none_or(|end| end > self.len) {
            let end = end.unwrap_or(u64::MAX);
            return Err(Error::invalid(format!("bytes up to {end} are needed, the file has {}", self.len)));
        }
        self.raw.read_exact_at(out, at).map_err(|error| match error.kind() {
            Io::UnexpectedEof => Error::invalid("the file became shorter while it was read"),
            _ => Error::io(error, &self.path),
        })
    }

    /// Lends memory for decoding.
    pub(super) fn with_scratch<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
        let pool = || SCRATCH.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = pool().pop().unwrap_or_default();
        let result = work(&mut scratch);
        // What a rare large chunk needed is not kept.
        if scratch.bytes() <= SCRATCH_BYTES {
            pool().push(scratch);
        }
        result
    }
}

/// Bounds what libhdf5 keeps of the metadata and texts of a file: 32 MB of each of hundreds of files, unless told.
///
/// # Safety
/// `access` must be a file access property list.
unsafe fn limit_metadata(access: &Id) -> c_int {
    let mut cache = H5AC_cache_config_t { version: H5AC__CURR_CACHE_CONFIG_VERSION, ..H5AC_cache_config_t::default() };
    // SAFETY: a valid property list; the structure is of the version that it says.
    unsafe {
        if H5Pget_mdc_config(access.raw(), &raw mut cache) < 0 {
            return -1;
        }
        cache.set_initial_size = 1;
        (cache.initial_size, cache.min_size, cache.max_size) = (METADATA, METADATA, METADATA);
        cache.incr_mode = H5C_cache_incr_mode::H5C_incr__off;
        cache.flash_incr_mode = H5C_cache_flash_incr_mode::H5C_flash_incr__off;
        cache.decr_mode = H5C_cache_decr_mode::H5C_decr__off;
        H5Pset_mdc_config(access.raw(), &raw const cache)
    }
}

fn io(error: std::io::Error, path: &Path) -> Error {
    match error.kind() {
        Io::NotFound => Error::not_found("no such file").in_file(path),
        _ => Error::io(error, path),
    }
}

/// Takes the lock that other HDF5 programs respect. A file system without locks is no reason to stop.
fn share(file: &File) -> Result<()> {
    let off = std::env::var("HDF5_USE_FILE_LOCKING").is_ok_and(|value| matches!(value.as_str(), "FALSE" | "0"));
    match if off { Ok(()) } else { file.try_lock_shared() } {
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(ErrorKind::Locked, "another process is writing this file").hint("wait for it to finish"))
        }
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// Checks what can be told from the first bytes. Whether addresses are plain positions.
fn diagnose(file: &File, len: u64) -> Result<bool> {
    if len == 0 {
        return Err(Error::invalid("is empty"));
    }
    // The superblock may stand behind a user block, whose length is a power of two.
    let mut start = 0_u64;
    let mut head = [0; 64];
    loop {
        let read = file.read_at(&mut head, start).unwrap_or(0);
        if head[..read].starts_with(SIGNATURE) {
            return match declared_end(start, &head[..read]) {
                Some(expected) if expected > len => {
                    Err(Error::invalid(format!("is truncated: expected {expected} bytes, found {len}"))
                        .hint("copy or download the file again"))
                }
                declared => Ok(start == 0 && declared.is_some()),
            };
        }
        start = if start == 0 { 512 } else { start * 2 };
        if start >= len || read == 0 {
            return Err(Error::invalid("is not an HDF5 file"));
        }
    }
}

/// The length the superblock at `start` declares for the file, where it is in a form we know.
fn declared_end(start: u64, head: &[u8]) -> Option<u64> {
    let word = |at: usize| head.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    let (base, end) = match *head.get(8)? {
        0 if head.get(13..15)? == [8, 8] => (word(24)?, word(40)?),
        1 if head.get(13..15)? == [8, 8] => (word(28)?, word(44)?),
        2 | 3 if head.get(9..11)? == [8, 8] => (word(12)?, word(28)?),
        _ => return None,
    };
    // A user block put in front later moves everything.
    (base == start).then_some(end)
}
