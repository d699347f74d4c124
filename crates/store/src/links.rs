//! The names by which one file refers to another, as HDF5 resolves them.

use std::path::{Component, Path, PathBuf};

use crate::{Error, Result};

/// The name by which `file` refers to `other`: relative to the folder of `file` where both stand below a folder other
/// than the root, so that they can be moved together; absolute otherwise. Neither `file` nor `other` need be the final
/// component of a link: folders are resolved, the last names stay as they are.
///
/// # Errors
/// If a folder does not exist, or the name is not UTF-8, which the format cannot store.
pub fn link_name(file: &Path, other: &Path) -> Result<String> {
    let (file, other) = (real(file)?, real(other)?);
    let folder = file.parent().unwrap_or(Path::new("/"));
    let common = folder.components().zip(other.components()).take_while(|(a, b)| a == b).count();
    let named = |component: &Component<'_>| matches!(component, Component::Normal(_));
    let name = if folder.components().take(common).any(|component| named(&component)) {
        let up = folder.components().skip(common).map(|_| Component::ParentDir);
        up.chain(other.components().skip(common)).collect()
    } else {
        other.clone()
    };
    let text = name.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::unsupported("is not UTF-8, so another file cannot refer to it").in_file(other))
}

/// The file that `file` means by a name, if it is there: the name itself, if absolute, else in the folder of `file`.
/// An absolute name that leads nowhere is also looked for by its last part in that folder, as HDF5 does.
pub fn find_linked(file: &Path, name: &str) -> Option<PathBuf> {
    let name = Path::new(name);
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut candidates = vec![folder.join(name)];
    if name.is_absolute() {
        candidates.extend(name.file_name().map(|last| folder.join(last)));
    } else if let Some(real) = std::fs::canonicalize(file).ok().as_deref().and_then(Path::parent) {
        candidates.push(real.join(name));
    }
    candidates.into_iter().find(|path| path.exists())
}

/// The path with its folder resolved.
fn real(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|error| Error::io(error, path))?;
    let (Some(folder), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(Error::argument("is not a file name").in_file(path));
    };
    Ok(std::fs::canonicalize(folder).map_err(|error| Error::io(error, path))?.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_and_lead_back() {
        let root = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(root.path()).unwrap();
        for folder in ["out", "in/deep"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let (file, other) = (root.join("out/all.h5ad"), root.join("in/deep/a.h5ad"));
        std::fs::write(&other, "").unwrap();
        let name = link_name(&file, &other).unwrap();
        assert_eq!(name, "../in/deep/a.h5ad");
        assert!(std::fs::canonicalize(find_linked(&file, &name).unwrap()).unwrap() == other);
        assert_eq!(link_name(&other, &root.join("in/deep/b.h5ad")).unwrap(), "b.h5ad");
        std::fs::remove_file(&other).unwrap();
        assert_eq!(find_linked(&file, &name), None);
        assert_eq!(link_name(&file, Path::new("/absent")).unwrap(), "/absent");
    }

    #[test]
    fn an_absolute_name_is_also_looked_for_beside_the_file() {
        let root = tempfile::tempdir().unwrap();
        let beside = root.path().join("a.h5ad");
        std::fs::write(&beside, "").unwrap();
        let file = root.path().join("all.h5ad");
        assert_eq!(find_linked(&file, "/no/such/folder/a.h5ad"), Some(beside));
        assert_eq!(find_linked(&file, "/no/such/folder/b.h5ad"), None);
    }
}
