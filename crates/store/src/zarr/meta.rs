//! The description of an array, from the metadata of either format.

use serde_json::Value;

use super::codec::Codecs;
use super::element::Element;
use super::fill::Fill;
use crate::{DType, Error, Result};

/// Largest chunk, in bytes, that is decoded.
pub(super) const LARGEST_CHUNK: u64 = 1 << 30;
/// Most dimensions.
const MOST_DIMENSIONS: usize = 32;

/// An array as its metadata describes it.
#[derive(Clone, Debug)]
pub(super) struct Meta {
    pub(super) shape: Vec<u64>,
    /// Extent of what is encoded as one: of a chunk, or of a chunk within a shard.
    pub(super) chunk: Vec<u64>,
    pub(super) shard: Option<Sharding>,
    pub(super) element: Element,
    pub(super) fill: Fill,
    pub(super) codecs: Codecs,
    /// The order in which the dimensions are stored, if it is not theirs.
    pub(super) order: Option<Vec<usize>>,
    pub(super) keys: Keys,
}

/// How chunks are gathered in shards.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sharding {
    /// Extent of a shard.
    pub(super) shape: Vec<u64>,
    /// Whether the index stands behind the chunks, not before them.
    pub(super) at_end: bool,
    /// Whether the index ends with a checksum.
    pub(super) checksum: bool,
}

/// How the position of a chunk becomes a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Keys {
    /// Whether keys begin with `c`.
    pub(super) prefix: bool,
    pub(super) separator: char,
}

impl Keys {
    /// The key of a chunk, by its place in the grid.
    pub(super) fn key(&self, place: &[u64]) -> String {
        let mut key = String::from(if self.prefix { "c" } else { "" });
        for i in place {
            if !key.is_empty() {
                key.push(self.separator);
            }
            key.push_str(&i.to_string());
        }
        if key.is_empty() { "0".to_owned() } else { key }
    }

    /// From the word in the metadata.
    pub(super) fn separator(value: Option<&Value>, default: char) -> Result<char> {
        match value {
            None | Some(Value::Null) => Ok(default),
            Some(value) if value == "/" => Ok('/'),
            Some(value) if value == "." => Ok('.'),
            Some(value) => Err(Error::invalid(format!("separator {value} of chunk keys is neither '/' nor '.'"))),
        }
    }
}

impl Meta {
    /// Checks what both formats have in common.
    pub(super) fn check(self) -> Result<Self> {
        let outer = self.shard.as_ref().map_or(&self.chunk, |shard| &shard.shape);
        if self.shape.len() > MOST_DIMENSIONS {
            return Err(Error::invalid(format!("{} dimensions, at most {MOST_DIMENSIONS} expected", self.shape.len())));
        }
        if self.chunk.len() != self.shape.len() || outer.len() != self.shape.len() {
            return Err(Error::invalid(format!("chunks of shape {:?} for shape {:?}", self.chunk, self.shape)));
        }
        if self.chunk.contains(&0) || outer.iter().zip(&self.chunk).any(|(outer, inner)| outer % inner != 0) {
            return Err(Error::invalid(format!("chunks of shape {:?} in {outer:?} are impossible", self.chunk)));
        }
        let size = self.element.size().unwrap_or(1).max(1) as u64;
        let product = |start: u64, shape: &[u64]| shape.iter().try_fold(start, |all, &extent| all.checked_mul(extent));
        if product(size, &self.chunk).is_none_or(|bytes| bytes > LARGEST_CHUNK) {
            return Err(Error::invalid(format!("chunks of shape {:?} are larger than 1 GiB", self.chunk)));
        }
        if product(size, &self.shape).is_none_or(|bytes| bytes > i64::MAX.cast_unsigned()) {
            return Err(Error::invalid(format!("shape {:?} is impossible", self.shape)));
        }
        if let Some(order) = &self.order {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            if !sorted.iter().copied().eq(0..self.shape.len()) {
                return Err(Error::invalid(format!("{order:?} is not an order of {} dimensions", self.shape.len())));
            }
        }
        Ok(self)
    }

    /// Bytes of a chunk, if that is fixed.
    pub(super) fn chunk_bytes(&self) -> Option<usize> {
        let values: u64 = self.chunk.iter().product();
        self.element.size().zip(usize::try_from(values).ok()).map(|(size, values)| size * values)
    }
}

impl Meta {
    /// Bytes of all values, roughly where they are text.
    pub(super) fn value_bytes(&self) -> u64 {
        let size = self.element.size().unwrap_or(DType::Str.size()) as u64;
        self.shape.iter().fold(size, |all, &extent| all.saturating_mul(extent))
    }
}

/// A list of extents.
pub(super) fn extents(value: Option<&Value>, what: &str) -> Result<Vec<u64>> {
    let wrong = || Error::invalid(format!("'{what}' is not a list of extents"));
    let items = value.and_then(Value::as_array).ok_or_else(wrong)?;
    items.iter().map(|item| item.as_u64().ok_or_else(wrong)).collect()
}

/// Metadata as JSON, which may not be nested deeply.
pub(super) fn json(bytes: &[u8], key: &str) -> Result<Value> {
    serde_json::from_slice(bytes).map_err(|error| Error::invalid(format!("{key} is not JSON: {error}")))
}
