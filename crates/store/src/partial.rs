//! Names of what is not complete yet, beside the target.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::{Error, ErrorKind};

/// The name under which a target of this name is built.
pub(crate) fn partial_name(name: &OsStr, attempt: u32) -> OsString {
    let mut partial = OsString::from(".");
    // The name of the target may be as long as a name can be.
    partial.push(if name.len() > 200 { OsStr::new("output") } else { name });
    partial.push(format!(".partial-{}", std::process::id()));
    if attempt > 0 {
        partial.push(format!("-{attempt}"));
    }
    partial
}

/// What stands at the target may not be replaced.
pub(crate) fn exists(target: &Path) -> Error {
    Error::new(ErrorKind::Exists, "exists already").in_file(target).hint("choose another name, or allow overwriting")
}
