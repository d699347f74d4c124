//! Blosc frames.
#![expect(unsafe_code, reason = "calls into blosc")]

use std::ffi::{CString, c_int};

use blosc_src::{blosc_cbuffer_validate, blosc_compress_ctx, blosc_decompress_ctx};

use crate::{Error, Result};

/// The decoded size of a blosc frame, if the frame is sound.
pub(crate) fn blosc_size(source: &[u8]) -> Option<usize> {
    let mut size = 0;
    // SAFETY: blosc reads at most `source.len()` bytes of the frame.
    let status = unsafe { blosc_cbuffer_validate(source.as_ptr().cast(), source.len(), &raw mut size) };
    (status == 0 && source.len() >= 16).then_some(size)
}

/// Decodes a blosc frame that holds exactly `out.len()` bytes.
pub(crate) fn blosc(source: &[u8], out: &mut [u8]) -> Result<()> {
    if blosc_size(source) != Some(out.len()) {
        return Err(Error::invalid("blosc data is damaged"));
    }
    // SAFETY: the frame was validated against the length of `source`, and writes at most `out.len()` bytes.
    let written = unsafe { blosc_decompress_ctx(source.as_ptr().cast(), out.as_mut_ptr().cast(), out.len(), 1) };
    if usize::try_from(written) == Ok(out.len()) { Ok(()) } else { Err(Error::invalid("blosc data is damaged")) }
}

/// Bytes a frame has besides its data.
const OVERHEAD: usize = 16;

/// Makes a frame of values of `size` bytes, shuffled if that is more than one.
pub(crate) fn compress(source: &[u8], size: usize, inner: &str, level: u8) -> Result<Vec<u8>> {
    let wrong = || Error::internal(format!("blosc {inner} cannot compress {} bytes", source.len()));
    let name = CString::new(inner).map_err(|_| wrong())?;
    let mut out = vec![0; source.len() + OVERHEAD];
    let shuffle = c_int::from(size > 1);
    // SAFETY: both lengths are those of the slices, and the name is null-terminated.
    let written = unsafe {
        let (from, to) = (source.as_ptr().cast(), out.as_mut_ptr().cast());
        let level = c_int::from(level);
        blosc_compress_ctx(level, shuffle, size, source.len(), from, to, out.len(), name.as_ptr(), 0, 1)
    };
    let written = usize::try_from(written).ok().filter(|&written| written >= OVERHEAD).ok_or_else(wrong)?;
    out.truncate(written);
    Ok(out)
}
