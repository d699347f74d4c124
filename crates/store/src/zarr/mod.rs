//! Zarr stores (`.zarr` folders of format 2 and 3, `.zarr.zip` for reading).
//!
//! Reading: [`files`] finds the bytes of a key, in a folder ([`folder`]), a zip archive ([`archive`]) or on
//! a server (`server`), and never outside of it; [`meta`] turns the metadata of either format into one description; [`array`] reads chunks by
//! themselves or out of shards ([`shard`]), decodes them ([`codec`]) within sizes known beforehand, and copies.
//!
//! Writing: [`layout`] cuts an array into chunks and shards, workers encode chunks, and [`output`] appends them to the
//! files of the array in order. Metadata is kept until `commit`, which writes it, the root last, and renames the
//! folder ([`publish`]).

mod ahead;
mod archive;
mod array;
mod array_writer;
mod attrs;
mod case;
mod codec;
mod copied;
mod element;
mod encode;
mod files;
mod fill;
mod folder;
mod layout;
mod meta;
mod meta_v2;
mod meta_v3;
mod output;
mod publish;
mod reader;
mod record_writer;
#[cfg(feature = "object-store")]
mod server;
mod shard;
mod source;
mod text;
mod transpose;
mod tree;
mod writer;

pub use layout::values_per_file;
pub(crate) use reader::{ZarrStore, is_zarr};
pub(crate) use writer::ZarrWriter;
