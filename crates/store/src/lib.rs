//! Bytes on disk to typed arrays, and back.
//!
//! This crate knows file formats and nothing of cells or genes. It has four nouns:
//!
//! - [`Store`] reads a tree of groups and arrays; [`ArrayReader`] reads regions of one array from any thread.
//! - [`StoreWriter`] builds such a tree beside the target path and publishes it with `commit`;
//!   [`ArrayWriter`] appends rows to one array.
//! - [`Buffer`] is what travels between them: a [`DType`] and its values.
//! - [`Error`] says which file, element, row or chunk was wrong, and what was expected.
//!
//! [`open`] and [`create`] are the only functions that name a backend (the feature `object-store` lets [`open`] read zarr
//! from `s3://`, `gs://` and `https://`); everything above works on the traits, and
//! every backend passes the same public test-suite ([`contract`], feature `contract`).
//!
//! ```
//! use annstream_store::{ArraySpec, Buffer, MemoryStore, Region, Store, StoreWriter};
//!
//! let writer = MemoryStore::writer();
//! writer.group("obs")?;
//! let mut array = writer.array("obs/n_counts", &ArraySpec::new(annstream_store::DType::I32, vec![3]))?;
//! array.append(Buffer::I32(vec![5, 6, 7]))?;
//! array.finish()?;
//! let store = writer.into_store();
//! let reader = store.array("obs/n_counts")?;
//! let mut values = Buffer::empty(annstream_store::DType::I32);
//! reader.read(&Region::rows(reader.shape(), 1..3), &mut values)?;
//! assert_eq!(values, Buffer::I32(vec![6, 7]));
//! # Ok::<(), annstream_store::Error>(())
//! ```

mod attrs;
mod buffer;
mod cache;
mod codec;
mod codecs;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod copy;
mod dtype;
mod error;
mod grid;
mod hdf5;
mod links;
mod memory;
mod open;
mod partial;
mod queue;
mod raw;
#[cfg(feature = "object-store")]
mod remote;
mod spare;
mod store;
mod strings;
mod url;
mod writeback;
mod zarr;

pub use attrs::{AttrValue, Attrs};
pub use buffer::Buffer;
pub use codec::Compression;
pub use copy::copy_tree;
pub use dtype::{ArrayType, DType, Field};
pub use error::{Error, ErrorKind, Result};
pub use links::{find_linked, link_name};
pub use memory::{MemoryStore, MemoryWriter};
pub use open::{CreateOptions, OpenOptions, ZarrFormat, ZarrOptions, check_writable, create, open, virtual_sources};
pub use store::{
    ArrayInfo, ArrayReader, ArraySpec, ArrayWriter, ChunkCode, NodeKind, Region, Store, StoreWriter, StoredChunks,
    VirtualPart,
};
pub use strings::Strings;
pub use url::{is_url, local_name};
pub use zarr::values_per_file;
