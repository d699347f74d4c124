//! Handles, the lock and the errors of libhdf5.
#![expect(unsafe_code, reason = "calls into libhdf5")]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::sync::Once;

use hdf5_sys::h5::H5set_free_list_limits;
use hdf5_sys::h5e::{H5E_DEFAULT, H5E_WALK_UPWARD, H5E_error2_t, H5Eclear2, H5Ewalk2};
use hdf5_sys::h5i::{H5Idec_ref, hid_t};
use hdf5_sys::h5p::{H5P_DEFAULT, H5Pcreate};
use hdf5_sys::h5pl::H5PLset_loading_state;

use crate::{Error, ErrorKind, Result};

/// The default property list.
pub(super) const DEFAULT: hid_t = H5P_DEFAULT;

/// A handle of libhdf5 that is released when dropped.
#[derive(Debug)]
pub(super) struct Id(hid_t);

impl Id {
    /// Takes over a handle that a call returned; a negative one is the error of that call.
    pub(super) fn new(raw: hid_t) -> Result<Self> {
        if raw < 0 { Err(error()) } else { Ok(Self(raw)) }
    }

    /// A new property list of a class.
    pub(super) fn property_list(class: hid_t) -> Result<Self> {
        let _guard = lock();
        // SAFETY: an invalid class is reported by the return value.
        Self::new(unsafe { H5Pcreate(class) })
    }

    /// Gives the handle away: the caller releases it.
    pub(super) fn into_raw(self) -> hid_t {
        std::mem::ManuallyDrop::new(self).0
    }

    /// The raw handle, valid while `self` lives.
    pub(super) fn raw(&self) -> hid_t {
        self.0
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        let _guard = lock();
        // SAFETY: `self.0` is a handle this value owns; it is given back once.
        unsafe { H5Idec_ref(self.0) };
    }
}

/// Holds libhdf5 for this thread; may be taken again by the same thread. Every call into the library is made under it.
pub(super) fn lock() -> impl Sized {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        // Opens the library, keeps it from running at exit, and registers the LZF filter.
        hdf5::silence_errors(true);
        let _guard = hdf5_sys::LOCK.lock();
        let mut none: c_int = 0;
        // SAFETY: the pointer is valid for the call. Filters are never loaded from outside, and memory that the library
        // no longer needs is given back, but for little.
        unsafe {
            H5PLset_loading_state(&raw mut none);
            H5set_free_list_limits(1 << 20, 1 << 16, 1 << 20, 1 << 16, 1 << 20, 1 << 18);
        }
        super::registered::register();
    });
    hdf5_sys::LOCK.lock()
}

/// Turns a status into a result.
pub(super) fn ok(status: c_int) -> Result<()> {
    if status < 0 { Err(error()) } else { Ok(()) }
}

/// Turns a yes-no-error answer into a result.
pub(super) fn yes(answer: c_int) -> Result<bool> {
    if answer < 0 { Err(error()) } else { Ok(answer > 0) }
}

/// A count that is negative on error.
pub(super) fn count(number: impl TryInto<usize>) -> Result<usize> {
    number.try_into().map_err(|_| error())
}

/// The error libhdf5 has just reported, which is then forgotten.
pub(super) fn error() -> Error {
    unsafe extern "C" fn collect(_: c_uint, record: *const H5E_error2_t, lines: *mut c_void) -> c_int {
        // SAFETY: libhdf5 passes a valid record, and `lines` is the vector given to the walk below.
        let (record, lines) = unsafe { (&*record, &mut *lines.cast::<Vec<String>>()) };
        if !record.desc.is_null() && lines.len() < 64 {
            // SAFETY: descriptions are null-terminated and live as long as the record.
            lines.push(unsafe { text(record.desc) });
        }
        0
    }
    let _guard = lock();
    let mut lines: Vec<String> = Vec::new();
    // SAFETY: the callback gets `lines` back for the length of the walk only.
    unsafe {
        H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, Some(collect), (&raw mut lines).cast());
        H5Eclear2(H5E_DEFAULT);
    }
    diagnose(&lines)
}

/// The same failure, seen while writing: not the input is wrong, but the device.
pub(super) fn writing(error: Error) -> Error {
    if error.kind() == ErrorKind::Invalid && error.message().starts_with("hdf5:") {
        return Error::new(ErrorKind::Io, error.message());
    }
    error
}

/// What a stack of messages, innermost first, means to a user.
fn diagnose(lines: &[String]) -> Error {
    let has = |text: &str| lines.iter().any(|line| line.contains(text));
    if has("already open for write") || has("unable to lock file") {
        return Error::new(ErrorKind::Locked, "another process is writing this file")
            .hint("wait for it to finish; if it crashed, repair the file with h5clear -s");
    }
    if has("too many links") || has("too many soft links") {
        return Error::invalid("soft links lead in a circle");
    }
    // "… errno = 28, error message = 'No space left on device' …"; a file that is not there is the input's affair.
    let system = lines.iter().find(|line| line.contains("error message = '") && !line.contains("errno = 2,"));
    if let Some(message) = system.and_then(|line| line.split("error message = '").nth(1)) {
        return Error::os(ErrorKind::Io, message.split('\'').next().unwrap_or(message));
    }
    let message = lines.first().map_or("unknown error", String::as_str);
    Error::invalid(format!("hdf5: {message}"))
}

/// A Rust copy of a C text.
///
/// # Safety
/// `text` must point to a null-terminated text.
pub(super) unsafe fn text(text: *const c_char) -> String {
    // SAFETY: required by this function.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// A C copy of a name.
pub(super) fn c_name(name: &str) -> Result<CString> {
    CString::new(name).map_err(|_| Error::invalid("a name contains a null character"))
}

/// A path inside the file as libhdf5 wants it; the root is `/`.
pub(super) fn c_path(path: &str) -> Result<CString> {
    c_name(&format!("/{path}"))
}
