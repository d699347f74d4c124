//! A store on a server: an object for each key.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::files::{Blob, METADATA, Use, check_key, join};
use super::meta::json;
use crate::remote::Remote;
use crate::{Error, ErrorKind, Result};

/// A server of keys.
pub(super) struct Server {
    remote: Arc<Remote>,
    metadata: Metadata,
}

/// What is known of the metadata.
enum Metadata {
    /// All of it, since it is consolidated. What is not in it does not exist.
    Consolidated(BTreeMap<String, Value>),
    /// What was asked for, of a store of this format.
    Asked { format: u8, known: Mutex<HashMap<String, Option<Value>>> },
}

impl Server {
    /// Asks for the metadata of the root.
    pub(super) fn open_root(remote: Remote) -> Result<Self> {
        let remote = Arc::new(remote);
        let metadata = find_metadata(&remote)?;
        Ok(Self { remote, metadata })
    }

    pub(super) fn path(&self) -> &Path {
        self.remote.name()
    }

    pub(super) fn open(&self, key: &str, usage: Use) -> Result<Option<Blob>> {
        match usage {
            Use::Whole(most) => Ok(self.remote.get(key, most)?.map(Blob::Memory)),
            Use::Parts => {
                let found = self.remote.find(key)?;
                Ok(found.map(|object| Blob::Object { remote: self.remote.clone(), object }))
            }
        }
    }

    pub(super) fn metadata(&self, key: &str) -> Result<Option<Value>> {
        match &self.metadata {
            Metadata::Consolidated(all) => Ok(all.get(key).cloned()),
            Metadata::Asked { format, .. } if (*format == 3) != is_three(key) => Ok(None),
            Metadata::Asked { known, .. } => {
                let lock = || known.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(found) = lock().get(key) {
                    return Ok(found.clone());
                }
                let found = ask(&self.remote, key)?;
                lock().insert(key.to_owned(), found.clone());
                Ok(found)
            }
        }
    }

    pub(super) fn folders(&self, path: &str) -> Result<Vec<String>> {
        let Metadata::Consolidated(all) = &self.metadata else { return self.remote.folders(path) };
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut names: Vec<String> = vec![];
        for (key, _) in all.range(prefix.clone()..) {
            let Some(rest) = key.strip_prefix(&prefix) else { break };
            if let Some((name, _)) = rest.split_once('/')
                && names.last().is_none_or(|last| last != name)
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }
}

fn is_three(key: &str) -> bool {
    key.rsplit('/').next() == Some("zarr.json")
}

/// One object of metadata.
fn ask(remote: &Remote, key: &str) -> Result<Option<Value>> {
    let name = key.rsplit('/').next().unwrap_or(key);
    remote.get(key, METADATA)?.map(|bytes| json(&bytes, name)).transpose()
}

fn find_metadata(remote: &Remote) -> Result<Metadata> {
    // Where nobody may list, what is not there is denied: that counts only if nothing else is found.
    let mut denied = None;
    let mut look = |key: &str| match ask(remote, key) {
        Err(error) if error.kind() == ErrorKind::Io && error.message().contains("denies") => {
            denied.get_or_insert(error);
            Ok(None)
        }
        other => other,
    };
    if let Some(root) = look("zarr.json")? {
        let known = consolidated_3(&root)?;
        return known.map_or_else(|| asked(remote, 3, "zarr.json", root), |all| Ok(Metadata::Consolidated(all)));
    }
    if let Some(Value::Object(mut members)) = look(".zmetadata")?
        && let Some(Value::Object(nodes)) = members.remove("metadata")
    {
        nodes.keys().try_for_each(|key| check_key(key))?;
        return Ok(Metadata::Consolidated(nodes.into_iter().collect()));
    }
    for key in [".zgroup", ".zarray"] {
        if let Some(root) = look(key)? {
            return asked(remote, 2, key, root);
        }
    }
    Err(denied.unwrap_or_else(|| {
        Error::not_found("no zarr store is there: neither zarr.json nor .zmetadata nor .zgroup")
            .hint("the URL is that of the store, as a folder would be: s3://bucket/name.zarr")
    }))
}

/// Metadata node by node, which takes a server that lists them.
fn asked(remote: &Remote, format: u8, key: &str, root: Value) -> Result<Metadata> {
    if !remote.lists() {
        return Err(Error::unsupported("has no consolidated metadata, and a web server does not tell what there is")
            .hint("run zarr.consolidate_metadata on the store where it can be written, or read it by s3:// or gs://"));
    }
    let known = Mutex::new(HashMap::from([(key.to_owned(), Some(root))]));
    Ok(Metadata::Asked { format, known })
}

/// The metadata of all nodes in that of the root; `None` if there is none.
fn consolidated_3(root: &Value) -> Result<Option<BTreeMap<String, Value>>> {
    let nodes = root.get("consolidated_metadata").and_then(|block| block.get("metadata")).and_then(Value::as_object);
    // An object of AnnData has members: a block that is empty was written too early.
    let Some(nodes) = nodes.filter(|nodes| !nodes.is_empty()) else { return Ok(None) };
    let mut all = BTreeMap::new();
    for (path, node) in nodes {
        check_key(path)?;
        all.insert(join(path, "zarr.json"), without_block(node));
    }
    all.insert("zarr.json".to_owned(), without_block(root));
    Ok(Some(all))
}

/// The metadata of a node alone.
fn without_block(node: &Value) -> Value {
    let Value::Object(members) = node else { return node.clone() };
    Value::Object(
        members
            .iter()
            .filter(|(name, _)| *name != "consolidated_metadata")
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
    )
}
