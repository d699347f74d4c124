//! What a virtual AnnData file is made of: a record in its root, so that a source that moved, changed or is gone is
//! noticed. The format itself would show fill values in its place.

use std::path::Path;
use std::time::UNIX_EPOCH;

use annstream_store::{AttrValue, Attrs, Error, Result, StoreWriter, find_linked, link_name};
use serde::{Deserialize, Serialize};

/// Name of the attribute of the root.
const ATTRIBUTE: &str = "annstream-virtual";

/// The sources of a virtual file, in the order of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualSources {
    /// The sources.
    pub sources: Vec<VirtualSource>,
}

/// One source, as it was when the virtual file was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualSource {
    /// Its path, relative to the folder of the virtual file unless it is absolute.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Time of its last change, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Rows and columns.
    pub shape: [u64; 2],
    /// Stored values of `X`, if it is sparse.
    pub nnz: Option<u64>,
}

impl VirtualSource {
    /// Looks at a source of the virtual file that is being made.
    ///
    /// # Errors
    /// If it is not there, or its path cannot be stored.
    pub fn of(file: &Path, source: &Path, shape: [u64; 2], nnz: Option<u64>) -> Result<Self> {
        let (size, mtime_ns) = stamp(source)?;
        Ok(Self { path: link_name(file, source)?, size, mtime_ns, shape, nnz })
    }
}

impl VirtualSources {
    /// Writes the record.
    ///
    /// # Errors
    /// If writing fails.
    pub fn write(&self, writer: &dyn StoreWriter) -> Result<()> {
        let text = serde_json::to_string(self).map_err(|error| Error::internal(error.to_string()))?;
        writer.attr("", ATTRIBUTE, &AttrValue::text(text))
    }

    /// The record among the attributes of a root; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be understood.
    pub fn read(attrs: &Attrs) -> Result<Option<Self>> {
        let Some(value) = attrs.get(ATTRIBUTE) else { return Ok(None) };
        let wrong =
            |why: String| Error::invalid(format!("attribute '{ATTRIBUTE}' is not the record it should be: {why}"));
        let text = value.as_str().ok_or_else(|| wrong("not text".to_owned()))?;
        serde_json::from_str(text).map(Some).map_err(|error| wrong(error.to_string()))
    }

    /// Looks for the sources of `file`, and tells which moved or changed since it was made.
    ///
    /// # Errors
    /// If a source is not there.
    pub fn changes(&self, file: &Path) -> Result<Vec<String>> {
        let mut changes = Vec::new();
        for source in &self.sources {
            let path = &source.path;
            let found = find_linked(file, path).ok_or_else(|| {
                Error::invalid(format!("its source '{path}' is not there"))
                    .in_file(file)
                    .hint("bring that file back to its place, or make the virtual file anew")
            })?;
            if Path::new(path).is_absolute() && found != Path::new(path) {
                changes.push(format!("the source '{path}' moved: {} is shown", found.display()));
            }
            let (size, mtime_ns) = stamp(&found)?;
            let what = if size != source.size {
                format!("{size} bytes now, {} then", source.size)
            } else if mtime_ns != source.mtime_ns {
                "the same size, another time of change".to_owned()
            } else {
                continue;
            };
            changes.push(format!(
                "the source '{path}' changed after the virtual file was made ({what}); what is shown may be wrong"
            ));
        }
        Ok(changes)
    }
}

/// Length and time of change of a file.
fn stamp(path: &Path) -> Result<(u64, i64)> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::io(error, path))?;
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let mtime_ns = since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0);
    Ok((metadata.len(), mtime_ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_changed_or_is_gone_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (file, source) = (folder.path().join("all.h5ad"), folder.path().join("a.h5ad"));
        std::fs::write(&source, "abc").unwrap();
        let made = VirtualSource::of(&file, &source, [3, 2], Some(4)).unwrap();
        assert_eq!((made.path.as_str(), made.size), ("a.h5ad", 3));
        let record = VirtualSources { sources: vec![made] };
        let attrs =
            Attrs::from_iter([(ATTRIBUTE.to_owned(), AttrValue::text(serde_json::to_string(&record).unwrap()))]);
        assert_eq!(VirtualSources::read(&attrs).unwrap().as_ref(), Some(&record));
        assert_eq!(record.changes(&file).unwrap(), Vec::<String>::new());
        std::fs::write(&source, "abcd").unwrap();
        assert!(record.changes(&file).unwrap()[0].contains("4 bytes now, 3 then"));
        std::fs::remove_file(&source).unwrap();
        assert!(record.changes(&file).unwrap_err().to_string().contains("'a.h5ad' is not there"));
    }

    #[test]
    fn a_damaged_record_is_an_error() {
        let attrs = |value| Attrs::from_iter([(ATTRIBUTE.to_owned(), value)]);
        assert_eq!(VirtualSources::read(&Attrs::new()).unwrap(), None);
        assert!(VirtualSources::read(&attrs(AttrValue::text("{}"))).is_err());
        assert!(VirtualSources::read(&attrs(AttrValue::int(3))).is_err());
    }
}
