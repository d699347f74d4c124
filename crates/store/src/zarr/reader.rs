//! A store as a readable tree.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::archive::{Archive, is_zip};
use super::array::ZarrArray;
use super::files::{Files, join};
use super::folder::Folder;
#[cfg(feature = "object-store")]
use super::server::Server;
use super::{attrs, meta_v2, meta_v3};
use crate::{ArrayReader, Attrs, Error, NodeKind, OpenOptions, Result, Store};

/// What tells a store.
const MARKS: [&str; 4] = ["zarr.json", ".zgroup", ".zarray", ".zmetadata"];

/// Whether something looks like a zarr store: a folder with metadata, or a zip archive.
pub(crate) fn is_zarr(path: &Path) -> bool {
    if path.is_dir() { MARKS.iter().any(|name| path.join(name).is_file()) } else { is_zip(path) }
}

/// The metadata of a node.
enum Node {
    /// Format 3: everything is in `zarr.json`.
    Three(NodeKind, Value),
    /// Format 2: the array, if it is one.
    Two(Option<Value>),
}

impl Node {
    fn kind(&self) -> NodeKind {
        match self {
            Self::Three(kind, _) => *kind,
            Self::Two(Some(_)) => NodeKind::Array,
            Self::Two(None) => NodeKind::Group,
        }
    }
}

/// A zarr store, open for reading. The metadata of each node is read where it stands; consolidated metadata is not
/// looked at, since it may be out of date and saves nothing on a local disk. On a server, where each look is a request, it
/// is.
pub(crate) struct ZarrStore {
    files: Arc<Files>,
    format: &'static str,
    /// Bytes stored below the arrays that were asked for: counting them means listing their folders.
    stored: Mutex<HashMap<String, u64>>,
}

impl ZarrStore {
    /// Opens a folder or an archive; its bytes are never changed.
    ///
    /// # Errors
    /// If it does not exist, or its root is not a zarr group.
    pub(crate) fn open(path: &Path, options: OpenOptions) -> Result<Self> {
        let files = if path.is_dir() {
            Folder::open_root(path, options.allow_external).map(Files::Folder)
        } else {
            Archive::open_file(path).map(Files::Archive)
        };
        Self::with_files(files.map_err(|error| error.in_file(path))?)
    }

    /// Opens what stands on a server.
    ///
    /// # Errors
    /// If it does not, is not a zarr group, or cannot be asked for.
    #[cfg(feature = "object-store")]
    pub(crate) fn open_remote(name: &Path) -> Result<Self> {
        let remote = crate::remote::Remote::open(name)?;
        let server = Server::open_root(remote).map_err(|error| error.in_file(name))?;
        Self::with_server(server)
    }

    /// Reads what a server has.
    #[cfg(feature = "object-store")]
    pub(super) fn with_server(server: Server) -> Result<Self> {
        Self::with_files(Files::Server(server))
    }

    fn with_files(files: Files) -> Result<Self> {
        let path = files.path().to_owned();
        let mut this = Self { files: Arc::new(files), format: "zarr 2", stored: Mutex::default() };
        match this.find("").map_err(|error| error.in_file(&path))? {
            Some(Node::Three(..)) => this.format = "zarr 3",
            Some(Node::Two(_)) => {}
            None => return Err(Error::invalid("is not a zarr store: its root has no metadata").in_file(path)),
        }
        Ok(this)
    }

    fn place(&self, path: &str, error: Error) -> Error {
        error.at(path).in_file(self.files.path())
    }

    fn read_json(&self, path: &str, name: &str) -> Result<Option<Value>> {
        let key = join(path, name);
        self.files.metadata(&key)
    }

    fn find(&self, path: &str) -> Result<Option<Node>> {
        if let Some(value) = self.read_json(path, "zarr.json")? {
            let kind = match (value.get("zarr_format").and_then(Value::as_u64), value["node_type"].as_str()) {
                (Some(3), Some("group")) => NodeKind::Group,
                (Some(3), Some("array")) => NodeKind::Array,
                (Some(3), _) => return Err(Error::invalid("'node_type' is neither group nor array")),
                _ => return Err(Error::unsupported("'zarr_format' of zarr.json is not 3")),
            };
            return Ok(Some(Node::Three(kind, value)));
        }
        if let Some(value) = self.read_json(path, ".zarray")? {
            return Ok(Some(Node::Two(Some(value))));
        }
        Ok(self.read_json(path, ".zgroup")?.map(|_| Node::Two(None)))
    }

    fn require(&self, path: &str) -> Result<Node> {
        self.find(path)?.ok_or_else(|| Error::not_found("nothing stands there"))
    }

    fn find_children(&self, path: &str) -> Result<Vec<String>> {
        if self.require(path)?.kind() != NodeKind::Group {
            return Err(Error::invalid("is an array, not a group"));
        }
        let mut names = vec![];
        for name in self.files.folders(path)? {
            let child = join(path, &name);
            for mark in &MARKS[..3] {
                if self.files.exists(&join(&child, mark))? {
                    names.push(name);
                    break;
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn find_attrs(&self, path: &str) -> Result<Attrs> {
        match self.require(path)? {
            Node::Three(_, value) => attrs::read(value.get("attributes")),
            Node::Two(_) => attrs::read(self.read_json(path, ".zattrs")?.as_ref()),
        }
    }

    fn find_array(&self, path: &str) -> Result<ZarrArray> {
        let meta = match self.require(path)? {
            Node::Three(NodeKind::Array, value) => meta_v3::parse(&value)?,
            Node::Two(Some(value)) => meta_v2::parse(&value)?,
            _ => return Err(Error::invalid("is a group, not an array")),
        };
        let lock = || self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(path).copied();
        let stored = known.unwrap_or_else(|| {
            // Where nobody counts them, they are taken to be as many as the values have.
            let stored = self.files.stored(path).unwrap_or_else(|| meta.value_bytes());
            lock().insert(path.to_owned(), stored);
            stored
        });
        ZarrArray::new(&self.files, path, meta, stored)
    }
}

impl Store for ZarrStore {
    fn location(&self) -> &Path {
        self.files.path()
    }

    fn format(&self) -> &'static str {
        self.format
    }

    fn node(&self, path: &str) -> Result<Option<NodeKind>> {
        let found = self.find(path).map_err(|error| self.place(path, error))?;
        Ok(found.map(|node| node.kind()))
    }

    fn children(&self, path: &str) -> Result<Vec<String>> {
        self.find_children(path).map_err(|error| self.place(path, error))
    }

    fn attrs(&self, path: &str) -> Result<Attrs> {
        self.find_attrs(path).map_err(|error| self.place(path, error))
    }

    fn array(&self, path: &str) -> Result<Arc<dyn ArrayReader>> {
        let array = self.find_array(path).map_err(|error| self.place(path, error))?;
        Ok(Arc::new(array))
    }
}
