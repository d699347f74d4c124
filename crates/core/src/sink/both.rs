//! Writing two matrices of one structure as a part of a pass.

use annstream_store::{Buffer, Compression, DType, StoreWriter};

use super::SparseSink;
use crate::element::SparseLayout;
use crate::lazy::{Consumer, Layout, NumberBlock, Numbers, View};
use crate::matrix::{SparseRows, Sums};
use crate::{Error, Result};

/// Writes every block as rows of a CSR matrix, and what a view makes of its values as another one. The view leaves columns
/// and zeros as they are, so that both have the same columns and pointers, which are encoded once.
pub struct WriteBoth<'a> {
    /// The file.
    pub writer: &'a dyn StoreWriter,
    /// Where the matrices will stand: of the blocks as they are, and as the view shows them.
    pub paths: [String; 2],
    /// Rows and columns.
    pub shape: [u64; 2],
    /// Types of the values written; values are cast to them exactly, or fail.
    pub dtypes: [DType; 2],
    /// What is done to the values of the second.
    pub view: View,
    /// How both are compressed.
    pub compression: Compression,
}

impl WriteBoth<'_> {
    fn values(&self, numbers: Numbers, which: usize) -> Result<Buffer> {
        let values = numbers.into_buffer();
        if values.dtype() == self.dtypes[which] { Ok(values) } else { values.cast(self.dtypes[which]) }
    }
}

impl<'a> Consumer for WriteBoth<'a> {
    type Partial = (SparseRows, Buffer, Sums);
    type Total = SparseSink<'a>;
    type Output = Sums;

    fn start(&self) -> Result<SparseSink<'a>> {
        if self.view.is_dense() || self.view.columns().is_some() {
            return Err(Error::internal("a view that moves entries").at(&self.paths[1]));
        }
        let [first, second] = &self.paths;
        let matrices = [(first.as_str(), self.dtypes[0]), (second.as_str(), self.dtypes[1])];
        SparseSink::several(self.writer, &matrices, SparseLayout::Csr, self.shape, self.compression, None)
    }

    fn map(&self, block: &NumberBlock) -> Result<Self::Partial> {
        let place = |error: Error| match block.rows.first() {
            Some(row) => error.row(*row),
            None => error,
        };
        let Layout::Sparse { indptr, indices } = block.layout.clone() else {
            return Err(Error::internal("a dense block for compressed matrices").at(&self.paths[0]));
        };
        let data = self.values(block.values.clone(), 0).map_err(place)?;
        let sums = Sums::of(&data);
        let changed = self.view.apply(block)?;
        if changed.layout != block.layout {
            return Err(Error::internal("a view that moved entries").at(&self.paths[1]));
        }
        let second = self.values(changed.values, 1).map_err(place)?;
        if let Layout::Sparse { indices, .. } = changed.layout {
            Buffer::U32(indices).recycle();
        }
        Ok((SparseRows { indptr, indices, data, sorted: true }, second, sums))
    }

    fn fold(&self, sink: &mut SparseSink<'a>, (rows, second, sums): Self::Partial) -> Result<()> {
        sink.append_several(rows, vec![second], sums)
    }

    fn finish(self, sink: SparseSink<'a>) -> Result<Sums> {
        sink.finish()
    }
}
