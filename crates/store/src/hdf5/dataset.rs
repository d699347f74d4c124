//! Datasets: their storage, their chunks, and reads through the library.
#![expect(unsafe_code, reason = "calls into libhdf5")]

use std::ffi::{c_char, c_int, c_uint, c_void};

use hdf5_sys::h5d::{
    H5D_fill_value_t, H5D_layout_t, H5Dchunk_iter, H5Dget_create_plist, H5Dget_offset, H5Dget_space,
    H5Dget_storage_size, H5Dget_type, H5Dread,
};
use hdf5_sys::h5p::{
    H5Pfill_value_defined, H5Pget_chunk, H5Pget_chunk_opts, H5Pget_external, H5Pget_external_count, H5Pget_fill_value,
    H5Pget_layout,
};
use hdf5_sys::h5z::H5Zfilter_avail;

use super::ffi::{self, Id};
use super::mapping::{self, Mapping};
use super::types::{self, Cell};
use super::values::{self, Rows};
use super::{chunks, space};
use crate::{Buffer, DType, Region, Result};

/// Where the values of a dataset are.
#[derive(Debug, PartialEq)]
pub(super) enum Layout {
    /// In its header.
    Compact,
    /// In one run of bytes, from this position of the file; nowhere yet if `None`.
    Contiguous(Option<u64>),
    /// In chunks of this shape.
    Chunked(Vec<u64>),
    /// In another file, described in words.
    Outside(String),
    /// In other datasets.
    Virtual(Vec<Mapping>),
}

pub(super) fn creation(dataset: &Id) -> Result<Id> {
    let _guard = ffi::lock();
    // SAFETY: a valid dataset, here and in the next three functions.
    Id::new(unsafe { H5Dget_create_plist(dataset.raw()) })
}

pub(super) fn datatype(dataset: &Id) -> Result<Id> {
    let _guard = ffi::lock();
    // SAFETY: see above.
    Id::new(unsafe { H5Dget_type(dataset.raw()) })
}

pub(super) fn dataspace(dataset: &Id) -> Result<Id> {
    let _guard = ffi::lock();
    // SAFETY: see above.
    Id::new(unsafe { H5Dget_space(dataset.raw()) })
}

pub(super) fn stored_bytes(dataset: &Id) -> u64 {
    let _guard = ffi::lock();
    // SAFETY: see above.
    unsafe { H5Dget_storage_size(dataset.raw()) }
}

/// Where a contiguous dataset starts in the file; `None` if nothing was written yet.
pub(super) fn offset(dataset: &Id) -> Option<u64> {
    let _guard = ffi::lock();
    // SAFETY: a valid dataset.
    let offset = unsafe { H5Dget_offset(dataset.raw()) };
    (offset != u64::MAX).then_some(offset)
}

/// Whether codecs are left out for chunks that reach over the end of the array.
pub(super) fn has_plain_edges(creation: &Id) -> Result<bool> {
    /// `H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS`.
    const PLAIN_EDGES: c_uint = 2;
    let _guard = ffi::lock();
    let mut options = 0;
    // SAFETY: a valid property list of chunks.
    ffi::ok(unsafe { H5Pget_chunk_opts(creation.raw(), &raw mut options) })?;
    Ok(options & PLAIN_EDGES != 0)
}

/// Where the values are.
pub(super) fn layout(dataset: &Id, creation: &Id, rank: usize) -> Result<Layout> {
    let _guard = ffi::lock();
    // SAFETY: valid handles; all buffers are as long as said.
    unsafe {
        Ok(match H5Pget_layout(creation.raw()) {
            H5D_layout_t::H5D_COMPACT => Layout::Compact,
            H5D_layout_t::H5D_CONTIGUOUS if H5Pget_external_count(creation.raw()) > 0 => {
                let mut name = [0 as c_char; 512];
                let (mut at, mut size) = (0, 0);
                ffi::ok(H5Pget_external(creation.raw(), 0, 511, name.as_mut_ptr(), &raw mut at, &raw mut size))?;
                Layout::Outside(format!("its values lie in the file '{}'", ffi::text(name.as_ptr())))
            }
            H5D_layout_t::H5D_CONTIGUOUS => Layout::Contiguous(offset(dataset)),
            H5D_layout_t::H5D_CHUNKED => {
                let mut shape = vec![0; rank];
                let wanted = c_int::try_from(rank).unwrap_or(0);
                ffi::count(H5Pget_chunk(creation.raw(), wanted, shape.as_mut_ptr()))?;
                Layout::Chunked(shape)
            }
            H5D_layout_t::H5D_VIRTUAL => Layout::Virtual(mapping::list(creation)?),
            _ => return Err(ffi::error()),
        })
    }
}

/// Whether libhdf5 can undo a codec.
pub(super) fn filter_available(id: c_int) -> bool {
    let _guard = ffi::lock();
    // SAFETY: any number may be asked for.
    unsafe { H5Zfilter_avail(id) > 0 }
}

/// The value of positions never written, as bytes in memory.
pub(super) fn fill_value(creation: &Id, datatype: &Id, cell: &Cell) -> Result<Vec<u8>> {
    let _guard = ffi::lock();
    let mut value = Buffer::zeros(cell.dtype, 1);
    let Some(bytes) = value.as_bytes_mut() else { return Ok(vec![]) };
    let mut status = H5D_fill_value_t::H5D_FILL_VALUE_UNDEFINED;
    let memory = types::memory(datatype, cell)?;
    // SAFETY: `memory` describes one value of the length of `bytes`.
    unsafe {
        ffi::ok(H5Pfill_value_defined(creation.raw(), &raw mut status))?;
        if status == H5D_fill_value_t::H5D_FILL_VALUE_USER_DEFINED {
            ffi::ok(H5Pget_fill_value(creation.raw(), memory.raw(), bytes.as_mut_ptr().cast::<c_void>()))?;
        }
    }
    if cell.dtype == DType::Bool {
        crate::raw::normalise(bytes);
    }
    Ok(bytes.to_vec())
}

/// Whether positions never written have a value that somebody chose.
pub(super) fn is_filled(creation: &Id) -> Result<bool> {
    let _guard = ffi::lock();
    let mut status = H5D_fill_value_t::H5D_FILL_VALUE_UNDEFINED;
    // SAFETY: a valid property list.
    ffi::ok(unsafe { H5Pfill_value_defined(creation.raw(), &raw mut status) })?;
    Ok(status == H5D_fill_value_t::H5D_FILL_VALUE_USER_DEFINED)
}

/// Lists the stored chunks: position of the first value, and where the bytes are.
pub(super) fn chunks(dataset: &Id, rank: usize) -> Result<Vec<(Vec<u64>, chunks::Stored)>> {
    struct Gathered(usize, Vec<(Vec<u64>, chunks::Stored)>);
    unsafe extern "C" fn each(
        position: *const u64,
        mask: c_uint,
        address: u64,
        size: u64,
        gathered: *mut c_void,
    ) -> c_int {
        // SAFETY: libhdf5 passes one number per dimension, and back the pointer given to the iteration.
        let (position, gathered) = unsafe {
            let gathered = &mut *gathered.cast::<Gathered>();
            (std::slice::from_raw_parts(position, gathered.0), gathered)
        };
        gathered.1.push((position.to_vec(), chunks::Stored { address, size, mask }));
        0
    }
    let _guard = ffi::lock();
    let mut gathered = Gathered(rank, vec![]);
    // SAFETY: a valid dataset of that rank; `gathered` outlives the iteration.
    unsafe {
        let gathered = (&raw mut gathered).cast::<c_void>();
        ffi::ok(H5Dchunk_iter(dataset.raw(), ffi::DEFAULT, Some(each), gathered))?;
    }
    Ok(gathered.1)
}

/// Appends the values of a region, read through the library. With `field`, the values of that field of records.
pub(super) fn read(
    dataset: &Id,
    cell: &Cell,
    field: Option<(usize, &str, &[u64])>,
    region: &Region,
    out: &mut Buffer,
) -> Result<()> {
    let _guard = ffi::lock();
    let stored = datatype(dataset)?;
    let memory = match field {
        None => types::memory(&stored, cell)?,
        Some((i, name, shape)) => {
            let mut member = types::member(&stored, i)?;
            if !shape.is_empty() {
                member = types::base(&member)?;
            }
            let member = types::array_of(types::memory(&member, cell)?, shape)?;
            types::record(types::size(&member)?, &[(name, 0, &member)])?
        }
    };
    let width = field.map_or(1, |(_, _, shape)| shape.iter().product::<u64>());
    let count = usize::try_from(region.len().saturating_mul(width)).unwrap_or(usize::MAX);
    let from = dataspace(dataset)?;
    space::select(&from, region)?;
    let counts: Vec<u64> = region.ranges().iter().map(|range| range.end - range.start).collect();
    let to = space::simple(&counts, None)?;
    let rows = Rows {
        first: region.ranges().first().map_or(0, |range| range.start),
        width: width * counts.iter().skip(1).product::<u64>(),
    };
    // SAFETY: `to` selects as many values of `memory` as the region has, which is `count` values of the cell.
    unsafe {
        values::read(cell, count, &memory, &to, rows, out, |memory, pointer| {
            H5Dread(dataset.raw(), memory, to.raw(), from.raw(), ffi::DEFAULT, pointer)
        })
    }
}
