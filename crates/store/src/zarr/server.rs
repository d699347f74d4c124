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

#[cfg(test)]
mod tests {
    use std::fs;

    use object_store::memory::InMemory;
    use object_store::path::Path as Key;
    use object_store::{ObjectStoreExt, PutPayload};

    use super::super::reader::ZarrStore;
    use super::*;
    use crate::contract::{self, Backend};
    use crate::{CreateOptions, OpenOptions, Store, StoreWriter, ZarrFormat, ZarrOptions, create, open};

    /// What a server has of a store: all its files, each an object.
    fn served(folder: &Path, consolidated: bool) -> Remote {
        let client = InMemory::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                    continue;
                }
                let key = entry.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                let mut bytes = fs::read(&entry).unwrap();
                if !consolidated && key == ".zmetadata" {
                    continue;
                }
                if !consolidated && key == "zarr.json" {
                    bytes = without_block(&serde_json::from_slice(&bytes).unwrap()).to_string().into_bytes();
                }
                put(&client, &key, bytes);
            }
        }
        // A server without consolidated metadata is asked for lists; one with it may be unable to make them.
        Remote::with_client("memory://test", Arc::new(client), !consolidated)
    }

    fn put(client: &InMemory, key: &str, bytes: Vec<u8>) {
        let key = Key::parse(key).unwrap();
        crate::remote::wait(client.put(&key, PutPayload::from(bytes))).unwrap().unwrap();
    }

    /// What the contract says of reading holds on a server too. Written is here, since nobody writes there.
    fn read_remotely(zarr: ZarrOptions, consolidated: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.zarr");
        let options = CreateOptions { overwrite: true, zarr, ..CreateOptions::default() };
        let new = || -> Box<dyn StoreWriter> { create(&path, options.clone()).unwrap() };
        let reopen = || -> Box<dyn Store> {
            Box::new(ZarrStore::with_server(Server::open_root(served(&path, consolidated)).unwrap()).unwrap())
        };
        contract::all(&Backend { create: &new, reopen: &reopen, json: true }).unwrap();
        // That it is the server that was read: what is changed there is found there only.
        let writer = new();
        writer.group("here").unwrap();
        writer.commit().unwrap();
        let there = reopen();
        fs::remove_dir_all(&path).unwrap();
        assert_eq!(there.children("").unwrap(), ["here"]);
        assert!(open(&path, OpenOptions::default()).is_err());
    }

    #[test]
    fn format_2_passes_the_contract_on_a_server() {
        read_remotely(ZarrOptions { format: ZarrFormat::V2, shard: 0 }, true);
    }

    #[test]
    fn format_3_passes_the_contract_on_a_server_that_lists() {
        read_remotely(ZarrOptions { format: ZarrFormat::V3, shard: 0 }, false);
    }

    #[test]
    fn shards_pass_the_contract_on_a_server() {
        let options = ZarrOptions { format: ZarrFormat::V3, shard: 3000 };
        for consolidated in [true, false] {
            read_remotely(options, consolidated);
        }
    }
}
