//! Shapes and selections.
#![expect(unsafe_code, reason = "calls into libhdf5")]

use std::ffi::c_int;

use hdf5_sys::h5s::{
    H5S_class_t, H5S_seloper_t, H5Screate, H5Screate_simple, H5Sget_simple_extent_dims, H5Sget_simple_extent_ndims,
    H5Sget_simple_extent_type, H5Sselect_hyperslab,
};

use super::ffi::{self, Id};
use crate::{Error, Region, Result};

/// The extent that says "without end".
pub(super) const UNLIMITED: u64 = hdf5_sys::h5s::H5S_UNLIMITED;

/// The shape of a dataspace; `None` for the null dataspace.
pub(super) fn shape(space: &Id) -> Result<Option<Vec<u64>>> {
    let _guard = ffi::lock();
    // SAFETY: a valid dataspace; the buffer has one place per dimension.
    unsafe {
        match H5Sget_simple_extent_type(space.raw()) {
            H5S_class_t::H5S_NULL => Ok(None),
            H5S_class_t::H5S_SCALAR => Ok(Some(vec![])),
            H5S_class_t::H5S_SIMPLE => {
                let mut dims = vec![0; ffi::count(H5Sget_simple_extent_ndims(space.raw()))?];
                ffi::count(H5Sget_simple_extent_dims(space.raw(), dims.as_mut_ptr(), std::ptr::null_mut()))?;
                Ok(Some(dims))
            }
            H5S_class_t::H5S_NO_CLASS => Err(ffi::error()),
        }
    }
}

/// A dataspace of a shape; scalar for an empty one.
pub(super) fn simple(shape: &[u64], limits: Option<&[u64]>) -> Result<Id> {
    let _guard = ffi::lock();
    let rank = c_int::try_from(shape.len()).map_err(|_| Error::invalid("too many dimensions"))?;
    // SAFETY: as many extents (and limits) as said.
    unsafe {
        if rank == 0 {
            return Id::new(H5Screate(H5S_class_t::H5S_SCALAR));
        }
        let limits = limits.filter(|limits| limits.len() == shape.len()).map_or(std::ptr::null(), <[u64]>::as_ptr);
        Id::new(H5Screate_simple(rank, shape.as_ptr(), limits))
    }
}

/// The dataspace without values.
pub(super) fn null() -> Result<Id> {
    let _guard = ffi::lock();
    // SAFETY: a valid class.
    Id::new(unsafe { H5Screate(H5S_class_t::H5S_NULL) })
}

/// Selects a box of a dataspace; a scalar needs no selection.
pub(super) fn select(space: &Id, region: &Region) -> Result<()> {
    if region.ranges().is_empty() {
        return Ok(());
    }
    let _guard = ffi::lock();
    let starts: Vec<u64> = region.ranges().iter().map(|range| range.start).collect();
    let counts: Vec<u64> = region.ranges().iter().map(|range| range.end - range.start).collect();
    // SAFETY: the callers' regions have as many dimensions as the dataspace.
    unsafe {
        ffi::ok(H5Sselect_hyperslab(
            space.raw(),
            H5S_seloper_t::H5S_SELECT_SET,
            starts.as_ptr(),
            std::ptr::null(),
            counts.as_ptr(),
            std::ptr::null(),
        ))
    }
}
