//! Values that libhdf5 reads and writes itself: text, and numbers in unusual forms.
#![expect(unsafe_code, reason = "memory filled and owned by libhdf5")]

use std::ffi::{CStr, c_char, c_int, c_void};

use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5t::H5Treclaim;

use super::ffi::{self, Id};
use super::types::{Cell, Form, Padding};
use crate::{Buffer, DType, Error, Result, Strings};

/// Where values stand, for messages.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// Row of the first value.
    pub(super) first: u64,
    /// Values per row.
    pub(super) width: u64,
}

impl Rows {
    fn of(self, i: usize) -> u64 {
        self.first + i as u64 / self.width.max(1)
    }
}

/// Appends `count` values to `out`. `read` is told a memory datatype and where to put that many values of it.
///
/// # Safety
/// `read` must write exactly `count` values of type `memory`, laid out as `space` says, or report an error.
/// `memory` is the datatype that [`super::types::memory`] gives for `cell`, repeated as its array datatype or field.
pub(super) unsafe fn read(
    cell: &Cell,
    count: usize,
    memory: &Id,
    space: &Id,
    rows: Rows,
    out: &mut Buffer,
    read: impl FnOnce(hid_t, *mut c_void) -> c_int,
) -> Result<()> {
    let _guard = ffi::lock();
    let start = out.len();
    if let Buffer::Str(strings) = out {
        let size = if cell.form == Form::Pointers { size_of::<*const c_char>() } else { cell.size };
        let bytes = size.checked_mul(count).filter(|&bytes| bytes <= 1 << 30);
        let bytes = bytes.ok_or_else(|| Error::invalid(format!("text of {} bytes each is too long", cell.size)))?;
        // Words, so that pointers are aligned.
        let mut memory_words = vec![0_u64; bytes.div_ceil(8)];
        let pointer = memory_words.as_mut_ptr().cast::<c_void>();
        ffi::ok(read(memory.raw(), pointer))?;
        return match cell.form {
            Form::Pointers => {
                // SAFETY: libhdf5 has filled `count` pointers, each null or to a null-terminated text.
                let result = unsafe { pointers(std::slice::from_raw_parts(pointer.cast(), count), rows, strings) };
                // SAFETY: the same memory, type and space as were read; reclaimed once.
                ffi::ok(unsafe { H5Treclaim(memory.raw(), space.raw(), ffi::DEFAULT, pointer) })?;
                result
            }
            Form::Padded(padding) => {
                let bytes = &bytemuck::cast_slice::<u64, u8>(&memory_words)[..bytes];
                bytes
                    .chunks_exact(cell.size)
                    .enumerate()
                    .try_for_each(|(i, text)| push(trim(text, padding), rows.of(i), strings))
            }
            _ => Err(Error::internal("text has a numeric form")),
        };
    }
    out.resize(start + count);
    let size = out.dtype().size();
    let bytes = out.as_bytes_mut().ok_or_else(|| Error::internal("text where numbers were expected"))?;
    let Some(target) = bytes.get_mut(start * size..) else { return Err(Error::internal("buffer is too short")) };
    ffi::ok(read(memory.raw(), target.as_mut_ptr().cast::<c_void>()))?;
    if cell.dtype == DType::Bool {
        crate::raw::normalise(target);
    }
    Ok(())
}

/// # Safety
/// Every pointer must be null or point to a null-terminated text.
unsafe fn pointers(pointers: &[*const c_char], rows: Rows, out: &mut Strings) -> Result<()> {
    pointers.iter().enumerate().try_for_each(|(i, &pointer)| {
        if pointer.is_null() {
            out.push("");
            return Ok(());
        }
        // SAFETY: required by this function.
        push(unsafe { CStr::from_ptr(pointer) }.to_bytes(), rows.of(i), out)
    })
}

fn push(bytes: &[u8], row: u64, out: &mut Strings) -> Result<()> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Error::invalid(format!("text {:?} is not UTF-8", String::from_utf8_lossy(bytes))).row(row))?;
    out.push(text);
    Ok(())
}

fn trim(bytes: &[u8], padding: Padding) -> &[u8] {
    let last = |pad: u8| bytes.iter().rposition(|&byte| byte != pad).map_or(0, |i| i + 1);
    let end = match padding {
        Padding::Terminated => bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len()),
        Padding::Nulls => last(0),
        Padding::Spaces => last(b' '),
    };
    &bytes[..end]
}

/// Texts as C wants them.
pub(super) struct CTexts {
    pointers: Vec<*const c_char>,
    arena: Vec<u8>,
}

impl CTexts {
    /// Copies some texts.
    pub(super) fn new<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> Result<Self> {
        let mut arena = Vec::new();
        let mut starts = Vec::with_capacity(texts.len());
        for text in texts {
            if text.as_bytes().contains(&0) {
                return Err(Error::unsupported(format!("text {text:?} contains a null character")));
            }
            starts.push(arena.len());
            arena.extend_from_slice(text.as_bytes());
            arena.push(0);
        }
        let pointers = starts.iter().map(|&start| arena[start..].as_ptr().cast()).collect();
        Ok(Self { pointers, arena })
    }

    /// What the pointers point to, which they do as long as this lives.
    pub(super) fn into_arena(self) -> Vec<u8> {
        self.arena
    }

    /// The bytes of the pointer to a text.
    pub(super) fn pointer(&self, text: usize) -> [u8; size_of::<usize>()] {
        self.pointers[text].addr().to_ne_bytes()
    }

    /// The pointers, valid while `self` lives.
    pub(super) fn as_ptr(&self) -> *const c_void {
        self.pointers.as_ptr().cast()
    }
}
