//! Chunks as the queue carries them to libhdf5.

use std::ops::Range;
use std::sync::Arc;

use super::create::Dataset;
use super::encode::{Encoded, encode};
use crate::queue::{Job, Target};
use crate::{Buffer, Compression, Result};

/// The bytes of a chunk: its own, or a part of a larger buffer.
pub(super) enum Piece {
    Own(Vec<u8>),
    Part(Arc<Buffer>, Range<usize>),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Part(buffer, range) => buffer.as_bytes().and_then(|bytes| bytes.get(range.clone())).unwrap_or(&[]),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Frees the memory, or hands it on.
    fn recycle(self) {
        if let Self::Part(buffer, _) = self {
            Buffer::recycle_shared(buffer);
        }
    }
}

/// A chunk as it is stored.
pub(super) enum Stored {
    /// As it is.
    Raw(Piece),
    /// Encoded.
    Encoded(Encoded),
}

/// The place of a chunk in a dataset.
pub(super) struct Place {
    pub(super) dataset: Arc<Dataset>,
    /// Others that get the same chunk.
    pub(super) twins: Arc<[Arc<Dataset>]>,
    /// Where it starts.
    pub(super) position: Vec<u64>,
    /// Rows the dataset has at least when the chunk is stored.
    pub(super) rows: u64,
}

impl Place {
    /// How a piece becomes a chunk of this dataset.
    pub(super) fn job(&self, piece: Piece) -> Job<Stored> {
        let (size, compression) = (self.dataset.size, self.dataset.compression);
        match compression {
            Compression::None => Job::Ready(Stored::Raw(piece)),
            _ => Job::Work(Box::new(move || {
                let encoded = encode(piece.bytes(), size, compression);
                piece.recycle();
                encoded.map(Stored::Encoded)
            })),
        }
    }
}

impl Target for Place {
    type Encoded = Stored;

    fn path(&self) -> &str {
        &self.dataset.path
    }

    fn store(self, encoded: Stored) -> Result<()> {
        let (bytes, mask) = match &encoded {
            Stored::Raw(piece) => (piece.bytes(), 0),
            Stored::Encoded(encoded) => (encoded.bytes.as_slice(), encoded.mask),
        };
        let mut datasets = std::iter::once(&self.dataset).chain(self.twins.iter());
        let result = datasets.try_for_each(|dataset| {
            dataset.reach(self.rows)?;
            dataset.store(&self.position, mask, bytes)
        });
        if let Stored::Raw(piece) = encoded {
            piece.recycle();
        }
        result
    }
}
