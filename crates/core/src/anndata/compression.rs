//! How the matrices of files are compressed.

use annstream_store::Compression;
use indexmap::IndexMap;

use super::{AnnDataFile, MatrixHeader};

/// The compression that most bytes of the matrices have: what an output takes over unless somebody chooses.
pub fn usual_compression<'a>(files: impl IntoIterator<Item = &'a AnnDataFile>) -> Compression {
    let mut counts: IndexMap<Compression, u64> = IndexMap::new();
    for (_, header) in files.into_iter().flat_map(AnnDataFile::matrices) {
        let (compression, bytes) = match header {
            MatrixHeader::Sparse(header) => (header.compression, header.stored_bytes),
            MatrixHeader::Dense(header) => (header.compression, header.stored_bytes),
            _ => continue,
        };
        *counts.entry(compression).or_default() += bytes;
    }
    counts.into_iter().max_by_key(|&(_, bytes)| bytes).map_or(Compression::None, |(compression, _)| compression)
}
