//! Groups, links and names inside a file.
#![expect(unsafe_code, reason = "calls into libhdf5")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use hdf5_sys::h5::{H5_index_t, H5_iter_order_t};
use hdf5_sys::h5a::{H5A_info_t, H5Aiterate2};
use hdf5_sys::h5g::H5Gget_create_plist;
use hdf5_sys::h5i::{H5Iget_name, hid_t};
use hdf5_sys::h5l::{H5L_info2_t, H5L_type_t, H5Lexists, H5Lget_info2, H5Lget_val, H5Literate2};
use hdf5_sys::h5o::{H5O_INFO_BASIC, H5O_info2_t, H5O_token_t, H5O_type_t, H5Oget_info3, H5Oopen};
use hdf5_sys::h5p::{
    H5P_CLS_LINK_ACCESS, H5P_CRT_ORDER_TRACKED, H5Pget_attr_creation_order, H5Pget_link_creation_order, H5Pset_elink_cb,
};

use super::ffi::{self, Id};
use crate::{Error, ErrorKind, NodeKind, Result};

/// An object that was found at a path.
pub(super) struct Object {
    pub(super) id: Id,
    pub(super) kind: Option<NodeKind>,
    /// The number libhdf5 gave the file it stands in.
    pub(super) file: u64,
}

/// Opens what stands at `path`, or `None` if a name on the way does not exist.
///
/// Every group on the way is visited, so that a group that contains itself is found and not walked for ever.
pub(super) fn open(file: &Id, path: &str, allow_external: bool) -> Result<Option<Object>> {
    let _guard = ffi::lock();
    let root = open_one(file, "", allow_external)?;
    let mut visited = vec![token(&root)?];
    let mut current = root;
    for (end, _) in path.match_indices('/').chain(std::iter::once((path.len(), ""))) {
        let prefix = &path[..end];
        let name = prefix.rsplit('/').next().unwrap_or(prefix);
        if path.is_empty() {
            break;
        }
        if name.is_empty() {
            return Err(Error::internal("a path contains an empty name"));
        }
        if current_kind(&current)? != Some(NodeKind::Group) || !exists(&current, name)? {
            return Ok(None);
        }
        current = open_one(&current, name, allow_external)?;
        let token = token(&current)?;
        if visited.iter().any(|seen| seen.0 == token.0 && seen.1 == token.1) {
            return Err(Error::invalid("a group contains itself").at(prefix));
        }
        visited.push(token);
    }
    let (file, _) = token(&current)?;
    Ok(Some(Object { kind: current_kind(&current)?, id: current, file }))
}

fn info(id: &Id) -> Result<H5O_info2_t> {
    let mut info = std::mem::MaybeUninit::<H5O_info2_t>::zeroed();
    // SAFETY: a valid object; the structure is filled, and all-zero is a value of it except for the kind, which is set.
    unsafe {
        ffi::ok(H5Oget_info3(id.raw(), info.as_mut_ptr(), H5O_INFO_BASIC))?;
        Ok(info.assume_init())
    }
}

/// File number and address of an object.
fn token(id: &Id) -> Result<(u64, H5O_token_t)> {
    info(id).map(|info| (info.fileno, info.token))
}

fn current_kind(id: &Id) -> Result<Option<NodeKind>> {
    Ok(match info(id)?.type_ {
        H5O_type_t::H5O_TYPE_GROUP => Some(NodeKind::Group),
        H5O_type_t::H5O_TYPE_DATASET => Some(NodeKind::Array),
        _ => None,
    })
}

fn exists(group: &Id, name: &str) -> Result<bool> {
    // SAFETY: a valid group and a null-terminated name.
    ffi::yes(unsafe { H5Lexists(group.raw(), ffi::c_name(name)?.as_ptr(), ffi::DEFAULT) })
}

/// The external link met on the way, if any.
type Outside = Option<(String, String)>;

extern "C" fn refuse(
    _: *const c_char,
    _: *const c_char,
    file: *const c_char,
    object: *const c_char,
    _: *mut c_uint,
    _: hid_t,
    outside: *mut c_void,
) -> c_int {
    // SAFETY: libhdf5 passes null-terminated names, and back the pointer that was set together with this function.
    unsafe { *outside.cast::<Outside>() = Some((ffi::text(file), ffi::text(object))) };
    -1
}

/// Opens a direct child of a group (or the root, for an empty name), without leaving the file unless allowed.
fn open_one(group: &Id, name: &str, allow_external: bool) -> Result<Id> {
    let access = Id::property_list(*H5P_CLS_LINK_ACCESS)?;
    let mut outside: Outside = None;
    let c_name = if name.is_empty() { ffi::c_name("/")? } else { ffi::c_name(name)? };
    // SAFETY: `outside` outlives the call, and nothing uses the property list after it.
    let opened = unsafe {
        if !allow_external {
            ffi::ok(H5Pset_elink_cb(access.raw(), Some(refuse), (&raw mut outside).cast::<c_void>()))?;
        }
        Id::new(H5Oopen(group.raw(), c_name.as_ptr(), access.raw()))
    };
    match (opened, outside) {
        (Ok(id), _) => Ok(id),
        (Err(_), Some((file, object))) => Err(external(&format!("is an external link to {object} in '{file}'"))),
        (Err(error), None) => match soft_target(group, name) {
            Some(target) if !error.message().contains("circle") => {
                Err(Error::not_found(format!("is a soft link to '{target}', where nothing stands")))
            }
            _ => Err(error),
        },
    }
}

/// The error for something that lies outside the file.
pub(super) fn external(what: &str) -> Error {
    Error::new(ErrorKind::External, what).hint("--allow-external reads it; allow that only to files that you trust")
}

/// Where a soft link points.
fn soft_target(group: &Id, name: &str) -> Option<String> {
    let name = ffi::c_name(name).ok()?;
    let mut info = std::mem::MaybeUninit::<H5L_info2_t>::zeroed();
    // SAFETY: a valid group and name; the buffer is as long as the link says. The kind of a link is read as a number,
    // since it may be one that the enumeration does not have.
    unsafe {
        let info = info.as_mut_ptr();
        ffi::ok(H5Lget_info2(group.raw(), name.as_ptr(), info, ffi::DEFAULT)).ok()?;
        if (&raw const (*info).type_).cast::<c_int>().read() != H5L_type_t::H5L_TYPE_SOFT as c_int {
            return None;
        }
        let length = (&raw const (*info).u).cast::<usize>().read();
        let mut bytes = vec![0_u8; length.min(1 << 16)];
        let pointer = bytes.as_mut_ptr().cast::<c_void>();
        ffi::ok(H5Lget_val(group.raw(), name.as_ptr(), pointer, bytes.len(), ffi::DEFAULT)).ok()?;
        let text = CStr::from_bytes_until_nul(&bytes).ok()?;
        Some(text.to_string_lossy().into_owned())
    }
}

/// Names gathered by an iteration; `None` if one is not UTF-8.
type Names = Option<Vec<String>>;

unsafe fn gather(name: *const c_char, names: *mut c_void) -> c_int {
    // SAFETY: libhdf5 passes a null-terminated name, and back the pointer given to the iteration.
    let (name, names) = unsafe { (CStr::from_ptr(name), &mut *names.cast::<Names>()) };
    match (name.to_str(), names.as_mut()) {
        (Ok(name), Some(names)) => names.push(name.to_owned()),
        _ => *names = None,
    }
    0
}

fn utf8(names: Names) -> Result<Vec<String>> {
    names.ok_or_else(|| Error::invalid("a name is not UTF-8"))
}

/// The names in a group, as h5py iterates them: sorted, or in order of creation where that is recorded.
pub(super) fn children(group: &Id) -> Result<Vec<String>> {
    unsafe extern "C" fn each(_: hid_t, name: *const c_char, _: *const H5L_info2_t, names: *mut c_void) -> c_int {
        // SAFETY: as for `gather`.
        unsafe { gather(name, names) }
    }
    let _guard = ffi::lock();
    let mut order: c_uint = 0;
    let mut names: Names = Some(vec![]);
    // SAFETY: a valid group; `names` outlives the iteration.
    unsafe {
        let creation = Id::new(H5Gget_create_plist(group.raw()))?;
        ffi::ok(H5Pget_link_creation_order(creation.raw(), &raw mut order))?;
        let names = (&raw mut names).cast::<c_void>();
        let (by, ascending) = (index_of(order), H5_iter_order_t::H5_ITER_INC);
        ffi::ok(H5Literate2(group.raw(), by, ascending, std::ptr::null_mut(), Some(each), names))?;
    }
    utf8(names)
}

fn index_of(order: c_uint) -> H5_index_t {
    if order & H5P_CRT_ORDER_TRACKED != 0 { H5_index_t::H5_INDEX_CRT_ORDER } else { H5_index_t::H5_INDEX_NAME }
}

/// The names of the attributes of an object whose creation properties are `creation`, as h5py iterates them.
pub(super) fn attr_names(object: &Id, creation: &Id) -> Result<Vec<String>> {
    unsafe extern "C" fn each(_: hid_t, name: *const c_char, _: *const H5A_info_t, names: *mut c_void) -> c_int {
        // SAFETY: as for `gather`.
        unsafe { gather(name, names) }
    }
    let _guard = ffi::lock();
    let mut order: c_uint = 0;
    let mut names: Names = Some(vec![]);
    // SAFETY: a valid object; `names` outlives the iteration.
    unsafe {
        ffi::ok(H5Pget_attr_creation_order(creation.raw(), &raw mut order))?;
        let names = (&raw mut names).cast::<c_void>();
        let (by, ascending) = (index_of(order), H5_iter_order_t::H5_ITER_INC);
        ffi::ok(H5Aiterate2(object.raw(), by, ascending, std::ptr::null_mut(), Some(each), names))?;
    }
    utf8(names)
}

/// The creation properties of a group.
pub(super) fn group_creation(group: &Id) -> Result<Id> {
    let _guard = ffi::lock();
    // SAFETY: a valid group.
    Id::new(unsafe { H5Gget_create_plist(group.raw()) })
}

/// The path of an open object, without the leading slash.
pub(super) fn name(object: &Id) -> Result<String> {
    let _guard = ffi::lock();
    // SAFETY: a valid object; the second call gets a buffer of the length the first one asked for.
    unsafe {
        let length = ffi::count(H5Iget_name(object.raw(), std::ptr::null_mut(), 0))?;
        let mut bytes = vec![0_u8; length + 1];
        ffi::count(H5Iget_name(object.raw(), bytes.as_mut_ptr().cast::<c_char>(), bytes.len()))?;
        bytes.truncate(length);
        let name = String::from_utf8(bytes).map_err(|_| Error::invalid("a name is not UTF-8"))?;
        Ok(name.trim_start_matches('/').to_owned())
    }
}
