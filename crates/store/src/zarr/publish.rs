//! Folders that appear under their name only when they are complete.

use std::fs::{self, File};
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use super::reader::is_zarr;
use crate::partial::{exists, partial_name};
use crate::{Error, ErrorKind, Result};

/// A folder beside its target, removed unless it is published.
pub(super) struct Draft {
    target: PathBuf,
    temporary: PathBuf,
    /// Where the target that is replaced goes meanwhile.
    aside: PathBuf,
    overwrite: bool,
}

impl Draft {
    /// Starts a folder that only this user can read.
    pub(super) fn create(target: &Path, overwrite: bool) -> Result<Self> {
        let (Some(name), Some(parent)) = (target.file_name(), target.parent()) else {
            return Err(Error::argument("is not a name of a folder").in_file(target));
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        if !parent.is_dir() {
            return Err(Error::not_found("no such folder").in_file(parent));
        }
        check_target(target, overwrite)?;
        for attempt in 0..100_u32 {
            let temporary = parent.join(partial_name(name, 2 * attempt));
            match create_private(&temporary) {
                Ok(()) => {
                    let aside = parent.join(partial_name(name, 2 * attempt + 1));
                    return Ok(Self { target: target.to_owned(), temporary, aside, overwrite });
                }
                Err(error) if error.kind() == Io::AlreadyExists => {}
                Err(error) => return Err(Error::io(error, parent)),
            }
        }
        Err(Error::new(ErrorKind::Exists, "too many unfinished stores of this name").in_file(target))
    }

    /// Where it stands meanwhile.
    pub(super) fn folder(&self) -> &Path {
        &self.temporary
    }

    /// Gives the complete folder its name.
    pub(super) fn publish(self) -> Result<()> {
        let io = |error: std::io::Error| Error::io(error, &self.target);
        synchronise(&self.temporary).map_err(io)?;
        open_up(&self.temporary).map_err(io)?;
        check_target(&self.target, self.overwrite)?;
        let replaces = fs::symlink_metadata(&self.target).is_ok();
        if replaces {
            fs::rename(&self.target, &self.aside).map_err(io)?;
        }
        if let Err(error) = fs::rename(&self.temporary, &self.target) {
            if replaces {
                let _ = fs::rename(&self.aside, &self.target);
            }
            return Err(io(error));
        }
        let parent = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
        // The name itself is made durable where folders can be synchronised.
        if let Ok(folder) = File::open(parent.unwrap_or(Path::new("."))) {
            let _ = folder.sync_all();
        }
        if replaces {
            // A link is removed, not what it leads to.
            let link = fs::symlink_metadata(&self.aside).is_ok_and(|metadata| metadata.is_symlink());
            let removed = if link { fs::remove_file(&self.aside) } else { fs::remove_dir_all(&self.aside) };
            removed.map_err(|error| Error::io(error, &self.aside))?;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already if it was published.
        let _ = fs::remove_dir_all(&self.temporary);
    }
}

/// Only a zarr store, or an empty folder, is ever replaced.
fn check_target(target: &Path, overwrite: bool) -> Result<()> {
    if fs::symlink_metadata(target).is_err() {
        return Ok(());
    }
    if !overwrite {
        return Err(exists(target));
    }
    let empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    if target.is_dir() && (is_zarr(target) || empty()) {
        return Ok(());
    }
    let message = "exists already and is not a folder with a zarr store, so it is not replaced";
    Err(Error::new(ErrorKind::Exists, message).in_file(target).hint("choose another name"))
}

#[cfg(unix)]
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> std::io::Result<()> {
    fs::create_dir(path)
}

/// Lets those read the folder who may read a new folder of this user.
#[cfg(unix)]
fn open_up(path: &Path) -> std::io::Result<()> {
    // A folder made in the usual way shows what is usual.
    let probe = path.join(".mode");
    fs::create_dir(&probe)?;
    let mode = fs::metadata(&probe)?.permissions();
    fs::remove_dir(&probe)?;
    fs::set_permissions(path, mode)
}

#[cfg(not(unix))]
fn open_up(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Makes the content durable: one call for thousands of files, where the system has it.
#[cfg(target_os = "linux")]
fn synchronise(path: &Path) -> std::io::Result<()> {
    rustix::fs::syncfs(File::open(path)?).map_err(Into::into)
}

#[cfg(not(target_os = "linux"))]
fn synchronise(path: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { synchronise(&entry.path())? } else { File::open(entry.path())?.sync_all()? }
    }
    File::open(path)?.sync_all()
}
