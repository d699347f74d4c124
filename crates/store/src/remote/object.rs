//! The objects below one URL.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt;
use object_store::path::Path as Key;
use object_store::{Error as Cause, GetOptions, GetResult, ObjectStoreExt};

use super::connect::{Client, client};
use super::failure::failure;
use super::runtime::wait;
use crate::url::{Scheme, Url};
use crate::{Error, ErrorKind, Result};

/// How often an object is asked for whose bytes do not arrive.
const ATTEMPTS: usize = 3;
/// Most room that is set aside because a server says so, before the bytes are there.
const ROOM: u64 = 8 << 20;

/// The objects below one URL.
pub(crate) struct Remote {
    /// The URL, for messages.
    name: PathBuf,
    client: Client,
    prefix: Key,
    lists: bool,
}

/// An object that parts are read of.
pub(crate) struct Object {
    key: String,
    len: u64,
    /// What tells this version of it, where the server has such a thing.
    tag: Option<String>,
}

impl Object {
    /// Its bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }
}

/// What ends an attempt.
enum Trouble {
    /// Something that stays so.
    Final(Error),
    /// Bytes that did not arrive.
    Broken(Error),
}

impl Remote {
    /// Gets ready to ask; only credentials are asked for now.
    ///
    /// # Errors
    /// If the URL is wrong or there are no credentials.
    pub(crate) fn open(name: &Path) -> Result<Self> {
        let url = Url::parse(name)?;
        let place = |error: Error| error.in_file(name);
        let prefix = Key::parse(&url.key).map_err(|error| place(Error::argument(error.to_string())))?;
        let lists = matches!(url.scheme, Scheme::S3 | Scheme::Gs);
        Ok(Self { name: name.to_owned(), client: client(&url).map_err(place)?, prefix, lists })
    }

    #[cfg(test)]
    pub(crate) fn with_client(name: &str, client: Client, lists: bool) -> Self {
        Self { name: name.into(), client, prefix: Key::default(), lists }
    }

    /// The URL.
    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    /// Whether the server tells what there is.
    pub(crate) fn lists(&self) -> bool {
        self.lists
    }

    fn key(&self, key: &str) -> Result<Key> {
        let full =
            [self.prefix.as_ref(), key].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        Key::parse(full).map_err(|error| Error::invalid(format!("'{key}': {error}")))
    }

    /// All bytes of an object, of which there are at most `most`; `None` if it is not there.
    ///
    /// # Errors
    /// If there are more, or the server does not give them.
    pub(crate) fn get(&self, key: &str, most: u64) -> Result<Option<Vec<u8>>> {
        let full = self.key(key)?;
        try_again(key, || async {
            let got = match self.client.get(&full).await {
                Ok(got) => got,
                Err(error) => return absent(&error).map(|()| None),
            };
            let len = got.meta.size;
            if len > most {
                let message = format!("{len} bytes are stored, at most {most} expected");
                return Err(Trouble::Final(Error::invalid(message)));
            }
            let mut bytes = Vec::with_capacity(usize::try_from(len.min(ROOM)).unwrap_or(0));
            collect(got, |part| {
                bytes.extend_from_slice(part);
                true
            })
            .await?;
            complete(bytes.len() as u64, len).map(|()| Some(bytes))
        })
    }

    /// Looks for an object that parts will be read of; `None` if it is not there.
    ///
    /// # Errors
    /// If the server does not tell.
    pub(crate) fn find(&self, key: &str) -> Result<Option<Object>> {
        let full = self.key(key)?;
        match wait(self.client.head(&full))? {
            Ok(meta) => Ok(Some(Object { key: key.to_owned(), len: meta.size, tag: meta.e_tag })),
            Err(Cause::NotFound { .. }) => Ok(None),
            Err(error) => Err(named(key, failure(&error))),
        }
    }

    /// Fills `out` with the bytes of an object from a position on.
    ///
    /// # Errors
    /// If the object changed meanwhile, or the server does not give them.
    pub(crate) fn read(&self, object: &Object, at: u64, out: &mut [u8]) -> Result<()> {
        let end = at.checked_add(out.len() as u64).filter(|&end| end <= object.len);
        let end = end.ok_or_else(|| Error::internal("a part is outside of its object"))?;
        if out.is_empty() {
            return Ok(());
        }
        let full = self.key(&object.key)?;
        let out = Mutex::new(out);
        try_again(&object.key, || {
            let (full, out) = (full.clone(), &out);
            // All of it needs no server that gives parts.
            let range = (at > 0 || end < object.len).then_some(at..end);
            let options = GetOptions::new().with_range(range).with_if_match(object.tag.clone());
            async move {
                let got =
                    self.client.get_opts(&full, options).await.map_err(|error| Trouble::Final(failure(&error)))?;
                let mut filled = 0;
                collect(got, |part| {
                    let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
                    let Some(target) = out.get_mut(filled..filled + part.len()) else { return false };
                    target.copy_from_slice(part);
                    filled += part.len();
                    true
                })
                .await?;
                complete(filled as u64, end - at)
            }
        })
    }

    /// The names of what stands below a path, as folders do.
    ///
    /// # Errors
    /// If the server does not tell.
    pub(crate) fn folders(&self, path: &str) -> Result<Vec<String>> {
        let full = self.key(path)?;
        let found = wait(self.client.list_with_delimiter(Some(&full)))?;
        let found = found.map_err(|error| {
            let error = failure(&error);
            let (kind, message) = (error.kind(), format!("the objects cannot be listed: {}", error.message()));
            let hint = error.next_step().unwrap_or("grant it, or consolidate the metadata of the store").to_owned();
            Error::new(kind, message).hint(hint)
        })?;
        Ok(found.common_prefixes.iter().filter_map(|key| key.filename().map(str::to_owned)).collect())
    }
}

/// Repeats what ended because bytes did not arrive. That a request was not answered is tried again below.
fn try_again<T, F>(key: &str, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T, Trouble>>,
{
    for count in 1..=ATTEMPTS {
        match wait(attempt())? {
            Ok(value) => return Ok(value),
            Err(Trouble::Broken(_)) if count < ATTEMPTS => {}
            Err(Trouble::Broken(error) | Trouble::Final(error)) => return Err(named(key, error)),
        }
    }
    Err(Error::internal("no attempt was made"))
}

/// Hands on the bytes of an answer, until `each` has enough.
async fn collect(got: GetResult, mut each: impl FnMut(&[u8]) -> bool) -> Result<(), Trouble> {
    let mut parts = got.into_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| Trouble::Broken(failure(&error)))?;
        if !each(&part) {
            return Err(Trouble::Final(Error::invalid("the server sends more than it announced")));
        }
    }
    Ok(())
}

fn complete(found: u64, expected: u64) -> Result<(), Trouble> {
    if found == expected {
        return Ok(());
    }
    let message = format!("{found} bytes arrived, {expected} were announced");
    Err(Trouble::Broken(Error::new(ErrorKind::Io, message)))
}

/// An object that is not there is no error, a bucket is.
fn absent(error: &Cause) -> Result<(), Trouble> {
    let found = failure(error);
    if matches!(error, Cause::NotFound { .. }) && found.next_step().is_none() {
        return Ok(());
    }
    Err(Trouble::Final(found))
}

/// Names the object.
fn named(key: &str, error: Error) -> Error {
    if error.kind() == ErrorKind::NotFound {
        return error;
    }
    let named = Error::new(error.kind(), format!("'{key}': {}", error.message()));
    match error.next_step() {
        Some(hint) => named.hint(hint),
        None => named,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::PutPayload;
    use object_store::memory::InMemory;

    use super::*;

    fn remote(objects: &[(&str, &str)]) -> Remote {
        let client = InMemory::new();
        for (key, bytes) in objects {
            let payload = PutPayload::from((*bytes).to_owned());
            wait(client.put(&Key::from(*key), payload)).unwrap().unwrap();
        }
        Remote::with_client("memory://test", Arc::new(client), true)
    }

    #[test]
    fn objects_are_read_whole_and_in_parts_within_bounds() {
        let remote = remote(&[("a/b", "0123456789")]);
        assert_eq!(remote.get("a/b", 10).unwrap().unwrap(), b"0123456789");
        let error = remote.get("a/b", 9).unwrap_err();
        assert_eq!(error.to_string(), "'a/b': 10 bytes are stored, at most 9 expected");
        assert!(remote.get("a/c", 9).unwrap().is_none() && remote.find("a").unwrap().is_none());
        let object = remote.find("a/b").unwrap().unwrap();
        let mut out = [0; 3];
        for (at, expected) in [(0, b"012"), (4, b"456"), (7, b"789")] {
            remote.read(&object, at, &mut out).unwrap();
            assert_eq!(&out, expected);
        }
        assert!(remote.read(&object, 8, &mut out).is_err());
        remote.read(&object, 10, &mut []).unwrap();
        let mut all = [0; 10];
        remote.read(&object, 0, &mut all).unwrap();
        assert_eq!(&all, b"0123456789");
    }

    #[test]
    fn an_object_that_changed_is_told() {
        let remote = remote(&[("a", "0123456789")]);
        let object = remote.find("a").unwrap().unwrap();
        wait(remote.client.put(&Key::from("a"), PutPayload::from("abcdefghij"))).unwrap().unwrap();
        let error = remote.read(&object, 0, &mut [0; 4]).unwrap_err();
        assert_eq!(error.to_string(), "'a': changed while it was read");
    }

    #[test]
    fn names_are_listed_as_folders() {
        let remote = remote(&[("x", ""), ("a/zarr.json", ""), ("a/c/0", ""), ("b c/0", ""), ("ab/d/e", "")]);
        assert_eq!(remote.folders("").unwrap(), ["a", "ab", "b c"]);
        assert_eq!(remote.folders("a").unwrap(), ["c"]);
        assert!(remote.folders("none").unwrap().is_empty());
    }
}
