//! Writing as a part of a pass.

use annstream_store::{Buffer, Compression, DType, StoreWriter};

use super::{DenseSink, SparseSink};
use crate::element::SparseLayout;
use crate::lazy::{Consumer, Layout, NumberBlock, Numbers};
use crate::matrix::{SparseRows, Sums};
use crate::{Error, Result};

/// Writes every block as rows of a CSR matrix, or of a dense array.
pub struct WritePass<'a> {
    /// The file.
    pub writer: &'a dyn StoreWriter,
    /// Where the matrix will stand.
    pub path: String,
    /// Rows and columns.
    pub shape: [u64; 2],
    /// Type of the values written; values are cast back to it exactly, or fail.
    pub dtype: DType,
    /// Whether it is written dense.
    pub dense: bool,
    /// How it is compressed.
    pub compression: Compression,
}

/// The array being written.
pub enum Open<'a> {
    /// CSR.
    Sparse(SparseSink<'a>),
    /// Dense.
    Dense(DenseSink<'a>),
}

/// A block as it is written.
pub enum Written {
    /// Compressed rows.
    Sparse(SparseRows, Sums),
    /// Row-major values.
    Dense(Buffer, Sums),
}

impl WritePass<'_> {
    fn values(&self, numbers: Numbers) -> Result<Buffer> {
        let values = numbers.into_buffer();
        if values.dtype() == self.dtype { Ok(values) } else { values.cast(self.dtype) }
    }
}

impl<'a> Consumer for WritePass<'a> {
    type Partial = Written;
    type Total = Open<'a>;
    type Output = Sums;

    fn start(&self) -> Result<Open<'a>> {
        let Self { writer, path, shape, dtype, dense, compression } = self;
        Ok(if *dense {
            Open::Dense(DenseSink::new(*writer, path, shape, *dtype, *compression)?)
        } else {
            Open::Sparse(SparseSink::new(*writer, path, SparseLayout::Csr, *shape, *dtype, *compression)?)
        })
    }

    fn map(&self, block: &NumberBlock) -> Result<Written> {
        let place = |error: Error| match block.rows.first() {
            Some(row) => error.row(*row),
            None => error,
        };
        if self.dense {
            let values = self.values(block.clone().into_dense().values).map_err(place)?;
            let sums = Sums::of(&values);
            return Ok(Written::Dense(values, sums));
        }
        let Layout::Sparse { indptr, indices } = block.layout.clone() else {
            return Err(Error::internal("a dense block for a compressed matrix").at(&self.path));
        };
        let data = self.values(block.values.clone()).map_err(place)?;
        let sums = Sums::of(&data);
        Ok(Written::Sparse(SparseRows { indptr, indices, data, sorted: true }, sums))
    }

    fn fold(&self, open: &mut Open<'a>, block: Written) -> Result<()> {
        match (open, block) {
            (Open::Sparse(sink), Written::Sparse(rows, sums)) => sink.append(rows, sums),
            (Open::Dense(sink), Written::Dense(values, sums)) => sink.append(values, sums),
            _ => Err(Error::internal("a block of another layout").at(&self.path)),
        }
    }

    fn finish(self, open: Open<'a>) -> Result<Sums> {
        match open {
            Open::Sparse(sink) => sink.finish(),
            Open::Dense(sink) => sink.finish(),
        }
    }
}
