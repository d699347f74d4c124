//! Filters taught to libhdf5, so that what must go through the library (text) can be compressed with zstd and blosc.
#![expect(unsafe_code, reason = "callbacks called by libhdf5, with its memory")]

use std::ffi::{c_int, c_uint, c_void};
use std::slice;

use hdf5_sys::h5::{H5allocate_memory, H5free_memory};
use hdf5_sys::h5z::{H5Z_CLASS_T_VERS, H5Z_FLAG_REVERSE, H5Z_class2_t, H5Zregister};

use super::filters::{BLOSC, ZSTD};
use crate::codecs::blosc::{blosc, blosc_size};

/// Largest output a filter may produce: chunks are smaller than 4 GiB.
const LIMIT: usize = u32::MAX as usize;

/// Registers the filters; called once, under the lock.
pub(super) fn register() {
    let zstd = H5Z_class2_t {
        version: H5Z_CLASS_T_VERS.cast_signed(),
        id: ZSTD,
        encoder_present: 1,
        decoder_present: 1,
        name: c"zstd".as_ptr(),
        can_apply: None,
        set_local: None,
        filter: Some(zstd_filter),
    };
    let blosc =
        H5Z_class2_t { id: BLOSC, encoder_present: 0, name: c"blosc".as_ptr(), filter: Some(blosc_filter), ..zstd };
    for class in [&zstd, &blosc] {
        // SAFETY: libhdf5 copies the description; the name and the functions are static.
        unsafe { H5Zregister(std::ptr::from_ref(class).cast::<c_void>()) };
    }
}

unsafe extern "C" fn zstd_filter(
    flags: c_uint,
    values_len: usize,
    values: *const c_uint,
    used: usize,
    size: *mut usize,
    buffer: *mut *mut c_void,
) -> usize {
    // SAFETY: libhdf5 passes `used` readable bytes and `values_len` parameters.
    let (input, level) = unsafe {
        let level = if values_len > 0 { *values } else { 3 };
        (slice::from_raw_parts((*buffer).cast::<u8>(), used), level)
    };
    let output = if flags & H5Z_FLAG_REVERSE == 0 {
        zstd::bulk::compress(input, c_int::try_from(level).unwrap_or(3))
    } else {
        match zstd::zstd_safe::get_frame_content_size(input) {
            Ok(Some(size)) if size <= LIMIT as u64 => {
                zstd::bulk::decompress(input, usize::try_from(size).unwrap_or(LIMIT))
            }
            _ => return 0,
        }
    };
    // SAFETY: `size` and `buffer` are the pointers libhdf5 gave.
    output.map_or(0, |output| unsafe { replace(&output, size, buffer) })
}

unsafe extern "C" fn blosc_filter(
    flags: c_uint,
    _: usize,
    _: *const c_uint,
    used: usize,
    size: *mut usize,
    buffer: *mut *mut c_void,
) -> usize {
    if flags & H5Z_FLAG_REVERSE == 0 {
        return 0;
    }
    // SAFETY: libhdf5 passes `used` readable bytes.
    let input = unsafe { slice::from_raw_parts((*buffer).cast::<u8>(), used) };
    let Some(length) = blosc_size(input).filter(|&length| length <= LIMIT) else { return 0 };
    let mut output = vec![0; length];
    if blosc(input, &mut output).is_err() {
        return 0;
    }
    // SAFETY: `size` and `buffer` are the pointers libhdf5 gave.
    unsafe { replace(&output, size, buffer) }
}

/// Replaces the buffer of a filter by a copy of `output` in memory that libhdf5 can free.
///
/// # Safety
/// `size` and `buffer` must be those that libhdf5 passed to the filter.
unsafe fn replace(output: &[u8], size: *mut usize, buffer: *mut *mut c_void) -> usize {
    // SAFETY: the new memory holds `output.len()` bytes; the old one came from the same allocator.
    unsafe {
        let memory = H5allocate_memory(output.len(), 0);
        if memory.is_null() {
            return 0;
        }
        std::ptr::copy_nonoverlapping(output.as_ptr(), memory.cast::<u8>(), output.len());
        H5free_memory(*buffer);
        *buffer = memory;
        *size = output.len();
    }
    output.len()
}
