//! `X` in memory, dense: for neighbours of cells by few genes.

use annstream_core::lazy::{Consumer, NumberBlock};
use annstream_store::Buffer;

use crate::Result;

/// Gathers all rows, in single precision.
pub(crate) struct Embedding {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Consumer for Embedding {
    type Partial = Vec<f32>;
    type Total = Vec<f32>;
    type Output = Buffer;

    fn start(&self) -> Result<Vec<f32>> {
        Ok(Vec::with_capacity(self.rows * self.columns))
    }

    fn map(&self, block: &NumberBlock) -> Result<Vec<f32>> {
        Ok(block.clone().into_dense().values.into_f32())
    }

    fn fold(&self, total: &mut Vec<f32>, rows: Vec<f32>) -> Result<()> {
        total.extend(rows);
        Ok(())
    }

    fn finish(self, total: Vec<f32>) -> Result<Buffer> {
        Ok(Buffer::F32(total))
    }

    fn dense_columns(&self) -> usize {
        self.columns
    }
}
