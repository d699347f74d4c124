//! Virtual datasets: which box of which other dataset shows where.
#![expect(unsafe_code, reason = "calls into libhdf5")]

use std::ffi::{c_char, c_int};
use std::ops::Range;

use hdf5_sys::h5d::H5Dcreate2;
use hdf5_sys::h5f::H5F_libver_t;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::{
    H5P_CLS_DATASET_CREATE, H5Pget_virtual_count, H5Pget_virtual_dsetname, H5Pget_virtual_filename,
    H5Pget_virtual_srcspace, H5Pget_virtual_vspace, H5Pset_obj_track_times, H5Pset_virtual,
};
use hdf5_sys::h5s::{H5S_sel_type, H5Sget_regular_hyperslab, H5Sget_select_type, H5Sis_regular_hyperslab};

use super::create::link_creation;
use super::ffi::{self, Id};
use super::space::{self, UNLIMITED};
use crate::{Region, Result};

unsafe extern "C" {
    fn H5Fset_libver_bounds(file: hid_t, low: H5F_libver_t, high: H5F_libver_t) -> c_int;
}

/// A selection of a dataspace.
#[derive(Debug, PartialEq)]
pub(super) enum Selection {
    /// Everything.
    All,
    /// One box.
    Box(Vec<Range<u64>>),
    /// Anything else.
    Other,
}

/// A part of a virtual dataset.
#[derive(Debug, PartialEq)]
pub(super) struct Mapping {
    /// The file, as named in this one; `.` is this file.
    pub(super) file: String,
    /// The dataset in that file.
    pub(super) dataset: String,
    pub(super) from: Selection,
    pub(super) to: Selection,
}

/// Creates a virtual dataset; its parent exists. Files with one need HDF5 1.10 to be read.
pub(super) fn create(
    file: &Id,
    path: &str,
    datatype: &Id,
    shape: &[u64],
    parts: &[(&str, &str, &Region, &Region)],
) -> Result<()> {
    let _guard = ffi::lock();
    let creation = Id::property_list(*H5P_CLS_DATASET_CREATE)?;
    let (link, name, whole) = (link_creation()?, ffi::c_path(path)?, space::simple(shape, None)?);
    let (raw, low, high) = (creation.raw(), H5F_libver_t::H5F_LIBVER_V18, H5F_libver_t::H5F_LIBVER_V110);
    // SAFETY: valid handles and null-terminated names.
    unsafe {
        ffi::ok(H5Fset_libver_bounds(file.raw(), low, high))?;
        ffi::ok(H5Pset_obj_track_times(raw, 0))?;
        for (source, dataset, from, to) in parts {
            let extents: Vec<u64> = from.ranges().iter().map(|range| range.end).collect();
            let (source_space, target_space) = (space::simple(&extents, None)?, space::simple(shape, None)?);
            space::select(&source_space, from)?;
            space::select(&target_space, to)?;
            let (source, dataset) = (ffi::c_name(&escape(source))?, ffi::c_path(&escape(dataset))?);
            let (target, source_space) = (target_space.raw(), source_space.raw());
            ffi::ok(H5Pset_virtual(raw, target, source.as_ptr(), dataset.as_ptr(), source_space))?;
        }
        let (name, access) = (name.as_ptr(), ffi::DEFAULT);
        Id::new(H5Dcreate2(file.raw(), name, datatype.raw(), whole.raw(), link.raw(), raw, access)).map(drop)
    }
}

/// The parts of a virtual dataset.
pub(super) fn list(creation: &Id) -> Result<Vec<Mapping>> {
    let _guard = ffi::lock();
    let raw = creation.raw();
    let mut count = 0;
    // SAFETY: the property list of a virtual dataset, here and below.
    ffi::ok(unsafe { H5Pget_virtual_count(raw, &raw mut count) })?;
    let mut mappings = Vec::new();
    for i in 0..count {
        // SAFETY: see above; the buffers are as long as said.
        let (file, dataset, from, to) = unsafe {
            (
                name(|buffer, size| H5Pget_virtual_filename(raw, i, buffer, size))?,
                name(|buffer, size| H5Pget_virtual_dsetname(raw, i, buffer, size))?,
                Id::new(H5Pget_virtual_srcspace(raw, i))?,
                Id::new(H5Pget_virtual_vspace(raw, i))?,
            )
        };
        mappings.push(Mapping { file, dataset, from: selection(&from)?, to: selection(&to)? });
    }
    Ok(mappings)
}

/// A name of any length.
fn name(get: impl Fn(*mut c_char, usize) -> isize) -> Result<String> {
    let length = ffi::count(get(std::ptr::null_mut(), 0))?;
    let mut buffer: Vec<c_char> = vec![0; length + 1];
    ffi::count(get(buffer.as_mut_ptr(), buffer.len()))?;
    // SAFETY: libhdf5 ends what it writes with a null character, and the last one is.
    Ok(unsafe { ffi::text(buffer.as_ptr()) })
}

fn selection(space: &Id) -> Result<Selection> {
    let rank = space::shape(space)?.map_or(0, |shape| shape.len());
    let (mut start, mut stride, mut count, mut block) = (vec![0; rank], vec![0; rank], vec![0; rank], vec![0; rank]);
    // SAFETY: a valid dataspace; the buffers have one place per dimension.
    unsafe {
        match H5Sget_select_type(space.raw()) {
            H5S_sel_type::H5S_SEL_ALL => return Ok(Selection::All),
            H5S_sel_type::H5S_SEL_HYPERSLABS if ffi::yes(H5Sis_regular_hyperslab(space.raw()))? => {
                let (start, stride) = (start.as_mut_ptr(), stride.as_mut_ptr());
                let (count, block) = (count.as_mut_ptr(), block.as_mut_ptr());
                ffi::yes(H5Sget_regular_hyperslab(space.raw(), start, stride, count, block))?;
            }
            _ => return Ok(Selection::Other),
        }
    }
    let mut ranges = Vec::with_capacity(rank);
    for i in 0..rank {
        let whole = count[i] == 1 || stride[i] == block[i];
        if !whole || count[i] == UNLIMITED || block[i] == UNLIMITED {
            return Ok(Selection::Other);
        }
        ranges.push(start[i]..start[i].saturating_add(count[i].saturating_mul(block[i])));
    }
    Ok(Selection::Box(ranges))
}

/// A name in which `%` stands for itself, and not for the number of a block.
fn escape(name: &str) -> String {
    name.replace('%', "%%")
}

/// The name that is meant; `None` for a pattern of names.
pub(super) fn unescape(name: &str) -> Option<String> {
    let plain = name.replace("%%", "");
    (!plain.contains('%')).then(|| name.replace("%%", "%"))
}
