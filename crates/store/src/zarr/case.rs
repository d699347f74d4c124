//! Names that differ only in the case of letters, which some disks do not tell apart.
//!
//! A zarr store is a folder of folders, so that on such a disk two elements would share their files. HDF5 has no such
//! trouble, and neither has a disk that knows the difference.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;

use crate::{Error, Result};

/// The names of nodes as a disk sees them that ignores case.
#[derive(Default)]
pub(super) struct Names {
    /// The first name of each spelling.
    known: Option<HashMap<String, String>>,
}

impl Names {
    /// For a folder on some disk, which is asked.
    pub(super) fn below(folder: &Path) -> Self {
        Self { known: ignores_case(folder).then(HashMap::new) }
    }

    /// A node is made, or exists already.
    ///
    /// # Errors
    /// If the disk takes it for another one.
    pub(super) fn take(&mut self, path: &str) -> Result<()> {
        let Some(known) = &mut self.known else { return Ok(()) };
        let first = known.entry(path.to_lowercase()).or_insert_with(|| path.to_owned());
        if first == path {
            return Ok(());
        }
        let message = format!("'{first}' and '{path}' differ only in case, which this disk does not tell apart");
        Err(Error::unsupported(message).hint("rename one of them, or write an .h5ad file"))
    }
}

/// Whether a folder finds a file under another spelling of its name. If that cannot be found out, it does not.
fn ignores_case(folder: &Path) -> bool {
    let probe = folder.join(".Case");
    if File::create_new(&probe).is_err() {
        return false;
    }
    let found = fs::symlink_metadata(folder.join(".cASE")).is_ok();
    // What is left is reported when the store is written.
    drop(fs::remove_file(&probe));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_refused_where_they_are_one() {
        let mut names = Names { known: Some(HashMap::new()) };
        for path in ["", "obs", "obs/Größe", "obs/größer", "Obs2", "obs"] {
            names.take(path).unwrap();
        }
        let error = names.take("obs/GRÖSSE").map_or_else(|error| error.to_string(), |()| "taken".to_owned());
        assert_eq!(error, "taken", "two letters are not one");
        let error = names.take("obs/GRöße").unwrap_err().to_string();
        assert!(error.contains("'obs/Größe' and 'obs/GRöße' differ only in case"), "{error}");
        assert!(names.take("OBS").is_err());
    }

    #[test]
    fn a_disk_that_knows_the_difference_takes_both() {
        let folder = tempfile::tempdir().unwrap();
        let mut names = Names::below(folder.path());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "the probe is gone");
        // Of the disk that runs this test: whether two files can stand there.
        fs::write(folder.path().join("a"), "").unwrap();
        let two = File::create_new(folder.path().join("A")).is_ok();
        names.take("x/a").unwrap();
        assert_eq!(names.take("x/A").is_ok(), two);
    }
}
