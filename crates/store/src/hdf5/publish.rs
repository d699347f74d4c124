//! Files that appear under their name only when they are complete.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use crate::partial::{exists, partial_name};
use crate::{Error, ErrorKind, Result};

/// A file beside its target, removed unless it is published.
pub(super) struct Draft {
    target: PathBuf,
    temporary: PathBuf,
    /// Our own handle on it.
    pub(super) raw: File,
    /// What a new file of this user may be read by.
    mode: Permissions,
    overwrite: bool,
}

impl Draft {
    /// Starts a file that only this user can read.
    pub(super) fn create(target: &Path, overwrite: bool) -> Result<Self> {
        let (Some(name), Some(parent)) = (target.file_name(), target.parent()) else {
            return Err(Error::argument("is not a file name").in_file(target));
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        if !parent.is_dir() {
            return Err(Error::not_found("no such folder").in_file(parent));
        }
        if !overwrite && fs::symlink_metadata(target).is_ok() {
            return Err(exists(target));
        }
        for attempt in 0..100_u32 {
            let temporary = parent.join(partial_name(name, attempt));
            let raw = match OpenOptions::new().read(true).write(true).create_new(true).open(&temporary) {
                Ok(raw) => raw,
                Err(error) if error.kind() == Io::AlreadyExists => continue,
                Err(error) => return Err(Error::io(error, parent)),
            };
            let mode = raw.metadata().map_err(|error| Error::io(error, &temporary))?.permissions();
            let draft = Self { target: target.to_owned(), temporary, raw, mode, overwrite };
            draft.restrict().map_err(|error| Error::io(error, target))?;
            return Ok(draft);
        }
        Err(Error::new(ErrorKind::Exists, "too many unfinished files of this name").in_file(target))
    }

    #[cfg(unix)]
    fn restrict(&self) -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        self.raw.set_permissions(Permissions::from_mode(0o600))
    }

    #[cfg(not(unix))]
    fn restrict(&self) -> std::io::Result<()> {
        Ok(())
    }

    /// Where it stands meanwhile.
    pub(super) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// The name it will have.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the complete file its name.
    pub(super) fn publish(self) -> Result<()> {
        let io = |error: std::io::Error| Error::io(error, &self.target);
        self.raw.sync_all().map_err(io)?;
        self.raw.set_permissions(self.mode.clone()).map_err(io)?;
        if self.overwrite {
            fs::rename(&self.temporary, &self.target).map_err(io)?;
        } else {
            // A link never replaces; the temporary name goes when `self` is dropped.
            match fs::hard_link(&self.temporary, &self.target) {
                Ok(()) => {}
                Err(error) if error.kind() == Io::AlreadyExists => return Err(exists(&self.target)),
                // A file system without links.
                Err(_) if fs::symlink_metadata(&self.target).is_ok() => return Err(exists(&self.target)),
                Err(_) => fs::rename(&self.temporary, &self.target).map_err(io)?,
            }
        }
        let parent = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
        // The name itself is made durable where folders can be synchronised.
        if let Ok(folder) = File::open(parent.unwrap_or(Path::new("."))) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already if it was published by renaming.
        let _ = fs::remove_file(&self.temporary);
    }
}
