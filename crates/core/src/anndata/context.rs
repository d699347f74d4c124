//! What travels with every read: the store, the place for warnings, and the limits.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

use annstream_store::{Attrs, Error, NodeKind, Result, Store};

/// Deepest nesting of groups.
const MAX_DEPTH: usize = 64;

/// Most elements decoded in one read; only a cycle of links has more.
const MAX_ELEMENTS: u64 = 4_000_000;

/// Messages for the user that are not errors, in the order they came up.
#[derive(Debug, Default)]
pub struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    /// No warnings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, unless the same was said before.
    pub fn push(&self, message: impl Into<String>) {
        let message = message.into();
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !list.contains(&message) {
            list.push(message);
        }
    }

    /// A copy of all of them.
    pub fn list(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What every reading function gets.
pub struct ReadContext<'a> {
    /// The store that is read.
    pub store: &'a dyn Store,
    /// Where warnings go.
    pub warnings: &'a Warnings,
    elements: Cell<u64>,
}

impl<'a> ReadContext<'a> {
    /// Reading `store`, with warnings collected in `warnings`.
    pub fn new(store: &'a dyn Store, warnings: &'a Warnings) -> Self {
        Self { store, warnings, elements: Cell::new(0) }
    }

    /// Counts one element, and refuses trees without end, which cycles of links make.
    pub(crate) fn visit(&self, path: &str) -> Result<()> {
        if path.split('/').count() > MAX_DEPTH {
            return Err(Error::invalid(format!("groups are nested more than {MAX_DEPTH} deep")).at(path));
        }
        self.elements.set(self.elements.get() + 1);
        if self.elements.get() > MAX_ELEMENTS {
            return Err(Error::invalid(format!("more than {MAX_ELEMENTS} elements")).at(path));
        }
        Ok(())
    }

    /// What stands at a path that must exist.
    pub(crate) fn require(&self, path: &str) -> Result<NodeKind> {
        self.store.node(path)?.ok_or_else(|| Error::invalid("is missing").at(path))
    }

    /// The attributes of a node that must exist.
    pub(crate) fn attrs(&self, path: &str) -> Result<Attrs> {
        self.require(path)?;
        self.store.attrs(path).map_err(|error| error.at(path))
    }

    /// Whether anything stands at a path.
    pub(crate) fn has(&self, path: &str) -> Result<bool> {
        Ok(self.store.node(path)?.is_some())
    }

    /// Whether an array stands at a path.
    pub(crate) fn is_array(&self, path: &str) -> Result<bool> {
        Ok(self.store.node(path)? == Some(NodeKind::Array))
    }
}

/// The path of a member of a group.
pub(crate) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}
