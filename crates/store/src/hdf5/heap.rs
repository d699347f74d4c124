//! Text of varying length, read past libhdf5.
//!
//! An array of such text holds references: a length, and the address and number of an object in a *global heap
//! collection*, a block of the file in which many texts stand one behind the other (HDF5 file format specification,
//! section III.E). libhdf5 looks every single one up under its lock; here a collection is read once, by any thread.

use std::collections::HashMap;

use super::container::Container;
use crate::{Error, Result, Strings};

/// Bytes of a reference: length, address, number.
pub(super) const REFERENCE: usize = 16;
/// The usual size of a collection.
const USUAL: usize = 1 << 12;
/// Bytes of the header of a collection, and of that of an object.
const HEADER: usize = 16;
/// Bytes of collections that are kept, since the next texts probably stand in one of them.
const KEPT: usize = 1 << 20;

/// The collections that were read last.
pub(super) struct Heap<'a> {
    file: &'a Container,
    collections: HashMap<u64, Collection>,
    bytes: usize,
}

/// A collection: its bytes, and where in them the objects stand.
struct Collection {
    bytes: Vec<u8>,
    objects: HashMap<u32, (usize, usize)>,
}

impl<'a> Heap<'a> {
    pub(super) fn new(file: &'a Container) -> Self {
        Self { file, collections: HashMap::new(), bytes: 0 }
    }

    /// Appends the texts that references stand for; `row` tells the row of the `i`-th.
    pub(super) fn resolve(&mut self, references: &[u8], row: impl Fn(usize) -> u64, out: &mut Strings) -> Result<()> {
        let (references, _) = references.as_chunks::<REFERENCE>();
        for (i, reference) in references.iter().enumerate() {
            let text = self.text(reference).map_err(|error| error.row(row(i)))?;
            out.push(text);
        }
        Ok(())
    }

    fn text(&mut self, reference: &[u8; REFERENCE]) -> Result<&str> {
        let (Some(length), Some(address), Some(number)) =
            (u32_at(reference, 0), u64_at(reference, 4), u32_at(reference, 12))
        else {
            return Err(Error::internal("a reference is too short"));
        };
        if address == 0 || address == u64::MAX {
            return Ok("");
        }
        if !self.collections.contains_key(&address) {
            let collection = read(self.file, address)?;
            if self.bytes > KEPT {
                self.collections.clear();
                self.bytes = 0;
            }
            self.bytes += collection.bytes.len();
            self.collections.insert(address, collection);
        }
        let damaged =
            || Error::invalid(format!("text refers to object {number} of the heap at {address}, which has none"));
        let collection = self.collections.get(&address).ok_or_else(damaged)?;
        let &(start, size) = collection.objects.get(&number).ok_or_else(damaged)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > size {
            return Err(Error::invalid(format!(
                "text has {length} bytes, its object of the heap at {address} has {size}"
            )));
        }
        let bytes = &collection.bytes[start..start + length];
        // C ends a text at a null, and so does libhdf5.
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(length);
        std::str::from_utf8(&bytes[..end])
            .map_err(|_| Error::invalid(format!("text {:?} is not UTF-8", String::from_utf8_lossy(&bytes[..end]))))
    }
}

/// Reads a collection.
fn read(file: &Container, address: u64) -> Result<Collection> {
    let damaged = |what: &str| Error::invalid(format!("the heap of texts at {address} {what}"));
    let left = usize::try_from(file.len.saturating_sub(address)).unwrap_or(usize::MAX);
    if left < HEADER {
        return Err(damaged("lies outside the file"));
    }
    let mut bytes = vec![0; left.min(USUAL)];
    file.read(address, &mut bytes)?;
    if !bytes.starts_with(b"GCOL\x01") {
        return Err(damaged("has no signature"));
    }
    let size =
        u64_at(&bytes, 8).and_then(|size| usize::try_from(size).ok()).filter(|&size| (HEADER..=left).contains(&size));
    let Some(size) = size else { return Err(damaged("has an impossible size")) };
    let known = bytes.len();
    bytes.resize(size, 0);
    if size > known {
        file.read(address + known as u64, &mut bytes[known..])?;
    }
    let mut objects = HashMap::new();
    let mut at = HEADER;
    while let (Some(number), Some(length)) = (u16_at(&bytes, at), u64_at(&bytes, at + 8)) {
        // Object 0 is the free space at the end.
        if number == 0 {
            break;
        }
        let start = at + HEADER;
        let length = usize::try_from(length).ok().filter(|&length| length <= size - start);
        let Some(length) = length else { return Err(damaged("has an object that ends outside")) };
        objects.insert(u32::from(number), (start, length));
        at = start + length.next_multiple_of(8);
    }
    Ok(Collection { bytes, objects })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}
