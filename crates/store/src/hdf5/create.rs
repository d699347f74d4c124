//! Creating files, groups and datasets, and storing values in them.
#![expect(unsafe_code, reason = "calls into libhdf5")]

use std::ffi::{c_int, c_uint, c_void};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use hdf5_sys::h5d::{H5D_alloc_time_t, H5D_fill_time_t, H5Dcreate2, H5Dset_extent, H5Dwrite, H5Dwrite_chunk};
use hdf5_sys::h5f::{H5F_ACC_TRUNC, H5F_libver_t, H5F_scope_t, H5Fclose, H5Fcreate, H5Fflush};
use hdf5_sys::h5g::H5Gcreate2;
use hdf5_sys::h5p::{
    H5P_CLS_DATASET_CREATE, H5P_CLS_FILE_ACCESS, H5P_CLS_FILE_CREATE, H5P_CLS_GROUP_CREATE, H5P_CLS_LINK_CREATE,
    H5Pset_alloc_time, H5Pset_char_encoding, H5Pset_chunk, H5Pset_deflate, H5Pset_file_locking, H5Pset_fill_time,
    H5Pset_filter, H5Pset_libver_bounds, H5Pset_obj_track_times, H5Pset_shuffle,
};
use hdf5_sys::h5t::H5T_cset_t;
use hdf5_sys::h5z::H5Z_FLAG_OPTIONAL;

use super::ffi::{self, Id};
use super::filters::{LZF, ZSTD};
use super::space;
use crate::{Compression, Error, Region, Result};

/// Creates an empty file. Its format is that of HDF5 1.8, which every reader of today knows and which, unlike the
/// older one, has attributes of more than 64 KiB. No times are recorded, so equal calls give equal bytes.
pub(super) fn file(path: &Path) -> Result<Id> {
    let _guard = ffi::lock();
    let access = Id::property_list(*H5P_CLS_FILE_ACCESS)?;
    let creation = Id::property_list(*H5P_CLS_FILE_CREATE)?;
    let name = ffi::c_name(&path.to_string_lossy())?;
    let version = H5F_libver_t::H5F_LIBVER_V18;
    // SAFETY: valid property lists and a null-terminated name.
    unsafe {
        ffi::ok(H5Pset_libver_bounds(access.raw(), version, version))?;
        ffi::ok(H5Pset_file_locking(access.raw(), 0, 1))?;
        ffi::ok(H5Pset_obj_track_times(creation.raw(), 0))?;
        Id::new(H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, creation.raw(), access.raw()))
    }
}

/// Writes what libhdf5 holds back, and closes the file.
pub(super) fn close(file: Id) -> Result<()> {
    let _guard = ffi::lock();
    // SAFETY: a valid file, closed once.
    unsafe {
        ffi::ok(H5Fflush(file.raw(), H5F_scope_t::H5F_SCOPE_GLOBAL))?;
        ffi::ok(H5Fclose(file.into_raw()))
    }
}

pub(super) fn link_creation() -> Result<Id> {
    let creation = Id::property_list(*H5P_CLS_LINK_CREATE)?;
    // SAFETY: a property list of our own.
    ffi::ok(unsafe { H5Pset_char_encoding(creation.raw(), H5T_cset_t::H5T_CSET_UTF8) })?;
    Ok(creation)
}

/// Creates a group; its parent exists.
pub(super) fn group(file: &Id, path: &str) -> Result<()> {
    let _guard = ffi::lock();
    let creation = Id::property_list(*H5P_CLS_GROUP_CREATE)?;
    let (link, name) = (link_creation()?, ffi::c_path(path)?);
    // SAFETY: valid handles and a null-terminated name.
    unsafe {
        ffi::ok(H5Pset_obj_track_times(creation.raw(), 0))?;
        Id::new(H5Gcreate2(file.raw(), name.as_ptr(), link.raw(), creation.raw(), ffi::DEFAULT)).map(drop)
    }
}

/// How the values of a new dataset are stored.
pub(super) enum Storage<'a> {
    /// One run of bytes, reserved now, that we write ourselves.
    Reserved,
    /// One run of bytes, written through the library.
    Run,
    /// Chunks of this shape.
    Chunks(&'a [u64]),
}

/// A dataset being filled.
pub(super) struct Dataset {
    pub(super) id: Id,
    pub(super) path: String,
    /// Bytes of a value.
    pub(super) size: usize,
    pub(super) compression: Compression,
    /// The shape; the first extent grows if `rows` is given.
    pub(super) shape: Vec<u64>,
    /// Rows so far.
    rows: Option<AtomicU64>,
}

impl Dataset {
    /// Creates a dataset; its parent exists. `shape` is `None` for the null dataspace.
    pub(super) fn create(
        file: &Id,
        path: &str,
        (datatype, size): (&Id, usize),
        shape: Option<&[u64]>,
        growable: bool,
        storage: &Storage<'_>,
        compression: Compression,
    ) -> Result<Self> {
        let _guard = ffi::lock();
        let creation = Id::property_list(*H5P_CLS_DATASET_CREATE)?;
        let (link, name) = (link_creation()?, ffi::c_path(path)?);
        let mut extents = shape.unwrap_or(&[]).to_vec();
        let limits = growable.then(|| {
            let mut limits = extents.clone();
            limits[0] = space::UNLIMITED;
            extents[0] = 0;
            limits
        });
        let dataspace = if shape.is_some() { space::simple(&extents, limits.as_deref())? } else { space::null()? };
        let raw = creation.raw();
        // SAFETY: valid handles; all buffers are as long as said.
        let id = unsafe {
            ffi::ok(H5Pset_obj_track_times(raw, 0))?;
            match storage {
                Storage::Run => {}
                Storage::Reserved => {
                    ffi::ok(H5Pset_alloc_time(raw, H5D_alloc_time_t::H5D_ALLOC_TIME_EARLY))?;
                    ffi::ok(H5Pset_fill_time(raw, H5D_fill_time_t::H5D_FILL_TIME_NEVER))?;
                }
                Storage::Chunks(chunk) => {
                    let rank = c_int::try_from(chunk.len()).map_err(|_| Error::invalid("too many dimensions"))?;
                    ffi::ok(H5Pset_chunk(raw, rank, chunk.as_ptr()))?;
                    filters(&creation, compression)?;
                }
            }
            let (name, access) = (name.as_ptr(), ffi::DEFAULT);
            Id::new(H5Dcreate2(file.raw(), name, datatype.raw(), dataspace.raw(), link.raw(), raw, access))?
        };
        let rows = growable.then(|| AtomicU64::new(0));
        Ok(Self { id, path: path.to_owned(), size, compression, shape: extents, rows })
    }

    fn error(&self, error: Error) -> Error {
        ffi::writing(error).at(&self.path)
    }

    /// Makes a growing dataset at least this long.
    pub(super) fn reach(&self, rows: u64) -> Result<()> {
        let Some(current) = &self.rows else { return Ok(()) };
        if current.fetch_max(rows, Ordering::Relaxed) >= rows {
            return Ok(());
        }
        let _guard = ffi::lock();
        let mut shape = self.shape.clone();
        shape[0] = rows;
        // SAFETY: a valid dataset of as many dimensions.
        ffi::ok(unsafe { H5Dset_extent(self.id.raw(), shape.as_ptr()) }).map_err(|error| self.error(error))
    }

    /// Stores an encoded chunk.
    pub(super) fn store(&self, position: &[u64], mask: u32, bytes: &[u8]) -> Result<()> {
        let _guard = ffi::lock();
        let (data, length) = (bytes.as_ptr().cast::<c_void>(), bytes.len());
        // SAFETY: a valid dataset, one position per dimension, and as many bytes as said.
        ffi::ok(unsafe { H5Dwrite_chunk(self.id.raw(), ffi::DEFAULT, mask, position.as_ptr(), length, data) })
            .map_err(|error| self.error(error))
    }

    /// Writes values of the datatype `memory` to a region, or to everything.
    ///
    /// # Safety
    /// `values` must point to as many values of `memory` as the region has.
    pub(super) unsafe fn write(&self, memory: &Id, region: Option<&Region>, values: *const c_void) -> Result<()> {
        let _guard = ffi::lock();
        let write = || {
            let (mut to, mut from) = (None, None);
            if let Some(region) = region {
                let counts: Vec<u64> = region.ranges().iter().map(|range| range.end - range.start).collect();
                from = Some(space::simple(&counts, None)?);
                let target = super::dataset::dataspace(&self.id)?;
                space::select(&target, region)?;
                to = Some(target);
            }
            let raw = |space: &Option<Id>| space.as_ref().map_or(hdf5_sys::h5s::H5S_ALL, Id::raw);
            let (id, memory) = (self.id.raw(), memory.raw());
            // SAFETY: valid handles; required by this function.
            ffi::ok(unsafe { H5Dwrite(id, memory, raw(&from), raw(&to), ffi::DEFAULT, values) })
        };
        write().map_err(|error| self.error(error))
    }
}

fn filters(creation: &Id, compression: Compression) -> Result<()> {
    let raw = creation.raw();
    // SAFETY: a valid property list; parameter lists are as long as said.
    unsafe {
        match compression {
            Compression::None => Ok(()),
            Compression::Gzip { level, shuffle } => {
                if shuffle {
                    ffi::ok(H5Pset_shuffle(raw))?;
                }
                ffi::ok(H5Pset_deflate(raw, c_uint::from(level)))
            }
            Compression::Lzf => ffi::ok(H5Pset_filter(raw, LZF, H5Z_FLAG_OPTIONAL, 0, std::ptr::null())),
            Compression::Zstd { level } => {
                let level = c_uint::from(level);
                ffi::ok(H5Pset_filter(raw, ZSTD, H5Z_FLAG_OPTIONAL, 1, &raw const level))
            }
        }
    }
}
