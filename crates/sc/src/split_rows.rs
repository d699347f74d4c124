//! For tests: a matrix in memory that is read in blocks of any size.

use std::ops::Range;
use std::sync::Arc;

use annstream_core::lazy::LazyMatrix;
use annstream_core::matrix::{Block, MatrixSource};
use annstream_core::{Budget, Exec, Result};
use annstream_store::{Buffer, DType};

pub(crate) struct SplitRows {
    pub(crate) values: Vec<f64>,
    pub(crate) width: usize,
    pub(crate) dtype: DType,
    /// Rows of a block.
    pub(crate) step: usize,
}

impl SplitRows {
    /// Values are cast to the type.
    pub(crate) fn lazy(values: &[f64], width: usize, dtype: DType, step: usize) -> LazyMatrix {
        LazyMatrix::new(Arc::new(Self { values: values.to_vec(), width, dtype, step }))
    }
}

pub(crate) fn exec(threads: usize) -> Exec {
    Exec::new(threads, Budget::unlimited()).unwrap()
}

impl MatrixSource for SplitRows {
    fn shape(&self) -> [u64; 2] {
        [(self.values.len() / self.width.max(1)) as u64, self.width as u64]
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn partition(&self, _: u64) -> Result<Vec<Range<u64>>> {
        let rows = self.shape()[0];
        Ok((0..rows).step_by(self.step).map(|start| start..rows.min(start + self.step as u64)).collect())
    }

    fn cost(&self, _: Range<u64>) -> Result<u64> {
        Ok(1000)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let at = |row: u64| usize::try_from(row).unwrap() * self.width;
        let values = Buffer::F64(self.values[at(rows.start)..at(rows.end)].to_vec()).cast(self.dtype)?;
        Ok(Block::Dense { rows: usize::try_from(rows.end - rows.start).unwrap(), values })
    }
}

/// Collects the rows of a matrix, as doubles, made dense.
pub(crate) fn collected(matrix: &LazyMatrix, threads: usize) -> Vec<f64> {
    struct Collect;
    impl annstream_core::lazy::Consumer for Collect {
        type Partial = Vec<f64>;
        type Total = Vec<f64>;
        type Output = Vec<f64>;

        fn start(&self) -> Result<Vec<f64>> {
            Ok(vec![])
        }

        fn map(&self, block: &annstream_core::lazy::NumberBlock) -> Result<Vec<f64>> {
            let dense = block.clone().into_dense();
            Ok((0..dense.values.len()).map(|i| dense.values.get(i)).collect())
        }

        fn fold(&self, total: &mut Vec<f64>, partial: Vec<f64>) -> Result<()> {
            total.extend(partial);
            Ok(())
        }

        fn finish(self, total: Vec<f64>) -> Result<Vec<f64>> {
            Ok(total)
        }
    }
    matrix.run(Collect, "rows", &exec(threads)).unwrap()
}
