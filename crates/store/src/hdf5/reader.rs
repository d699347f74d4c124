//! A file as a readable tree.

use std::path::Path;
use std::sync::Arc;

use super::array::Hdf5Array;
use super::container::Container;
use super::object::{self, Object};
use super::shown::Scope;
use super::{attrs, dataset};
use crate::{ArrayReader, Attrs, Error, ErrorKind, NodeKind, OpenOptions, Result, Store};

/// An HDF5 file, open for reading.
pub(crate) struct Hdf5Store {
    file: Arc<Container>,
    scope: Scope,
}

impl Hdf5Store {
    /// Opens a file; its bytes and times are never changed.
    ///
    /// # Errors
    /// If it does not exist, is not HDF5, is truncated, or is being written.
    pub(crate) fn open(path: &Path, options: OpenOptions) -> Result<Self> {
        let file = Container::open(path)?;
        let root = object::open(&file.id, "", false).map_err(|error| error.in_file(path))?;
        let number = root.map_or(0, |root| root.file);
        let scope = Scope { allow: options.allow_external, home: number, sources: Arc::default(), depth: 0 };
        Ok(Self { file: Arc::new(file), scope })
    }

    fn place(&self, path: &str, error: Error) -> Error {
        error.at(path).in_file(&self.file.path)
    }

    fn find(&self, path: &str) -> Result<Object> {
        object::open(&self.file.id, path, self.scope.allow)?.ok_or_else(|| Error::not_found("nothing stands there"))
    }

    fn find_children(&self, path: &str) -> Result<Vec<String>> {
        let found = self.find(path)?;
        match found.kind {
            Some(NodeKind::Group) => object::children(&found.id),
            _ => Err(Error::invalid("is an array, not a group")),
        }
    }

    fn find_attrs(&self, path: &str) -> Result<Attrs> {
        let found = self.find(path)?;
        let creation = match found.kind {
            Some(NodeKind::Array) => dataset::creation(&found.id)?,
            Some(NodeKind::Group) => object::group_creation(&found.id)?,
            None => return Ok(Attrs::new()),
        };
        attrs::read(&found.id, &creation)
    }

    fn find_array(&self, path: &str) -> Result<Hdf5Array> {
        let found = self.find(path)?;
        match found.kind {
            Some(NodeKind::Array) => Hdf5Array::open(&self.file, path, found, &self.scope),
            Some(NodeKind::Group) => Err(Error::invalid("is a group, not an array")),
            None => Err(Error::unsupported("is a stored datatype, not an array")),
        }
    }
}

impl Store for Hdf5Store {
    fn location(&self) -> &Path {
        &self.file.path
    }

    fn format(&self) -> &'static str {
        "hdf5"
    }

    fn node(&self, path: &str) -> Result<Option<NodeKind>> {
        match object::open(&self.file.id, path, self.scope.allow) {
            Ok(found) => Ok(found.and_then(|found| found.kind)),
            // A soft link to nothing.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.place(path, error)),
        }
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
