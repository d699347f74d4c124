//! HDF5 files (`.h5ad`).
//!
//! libhdf5 reads and writes everything that is small or intricate: names, attributes, types, text. It works for one
//! thread at a time, so numbers go past it: [`chunks`] asks it once where the chunks of a dataset are, and any thread
//! then reads and decodes them by itself ([`array`], [`filters`]). Writing is the mirror image: worker threads encode
//! chunks, and the one thread that appends hands them to libhdf5 in order ([`crate::queue`]). Virtual datasets are
//! made by the library ([`mapping`]) and read from their sources by us ([`shown`]).
//!
//! Files that call the library are marked `unsafe_code`; the others are ordinary Rust over their safe functions.

mod array;
mod array_writer;
mod attrs;
mod chunks;
mod container;
mod copied;
mod create;
mod dataset;
mod encode;
mod ffi;
mod filters;
mod heap;
mod mapping;
mod object;
mod publish;
mod reader;
mod record_writer;
mod registered;
mod shown;
mod space;
mod stored;
mod text_writer;
mod types;
mod values;
mod writer;

pub(crate) use reader::Hdf5Store;
pub(crate) use writer::Hdf5Writer;
