//! AnnData files: what stands in them, and every encoding read and written.
//!
//! Three ways in, from cheap to complete:
//!
//! - [`AnnDataFile::open`] reads metadata only: the shape, and a header for every matrix and table.
//! - [`AnnDataFile::read`] and its siblings decode one slot, table or column.
//! - [`read_element`] and [`write_element`] are the encodings themselves, one file each under [`encoding`], chosen by
//!   the attributes `encoding-type` and `encoding-version`. What anndata 0.12 reads, they read to the same values,
//!   old layouts included; they write what anndata 0.12 writes.
//!
//! [`tree`](tree()) lists a store element by element for people.

mod compression;
mod context;
pub mod encoding;
mod file;
mod header;
mod index;
mod legacy;
mod matrix_header;
mod slot;
mod table_header;
mod tree;
mod virtual_sources;

pub use compression::usual_compression;
pub use context::{ReadContext, Warnings};
pub use encoding::{WriteOptions, read_element, write_element, write_root};
pub use file::AnnDataFile;
pub use header::RawHeader;
pub use index::text_index;
pub use matrix_header::{DenseHeader, MatrixHeader, SparseHeader};
pub use slot::{Slot, TableName};
pub use table_header::{ColumnHeader, ColumnSchema, TableHeader};
pub use tree::{TreeEntry, tree};
pub use virtual_sources::{VirtualSource, VirtualSources};
