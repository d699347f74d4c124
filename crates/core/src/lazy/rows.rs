//! A lazy matrix for those who read stored ones.

use std::ops::Range;

use annstream_store::DType;

use super::read::Conversion;
use super::{Layout, LazyMatrix, NumberBlock};
use crate::matrix::{Block, MatrixSource, SparseRows};
use crate::{Error, Result};

/// The rows of a lazy matrix as a source: what is kept, as the operators leave it, worked out whenever somebody reads.
/// Its passes are counted by whoever knows of them ([`LazyMatrix::count_passes`]).
pub struct LazyRows {
    matrix: LazyMatrix,
    /// The same without operators.
    plain: LazyMatrix,
    conversion: Conversion,
    /// Columns that are dense on their way; 0 if none are.
    dense: usize,
}

impl LazyRows {
    /// A view of a lazy matrix.
    ///
    /// # Errors
    /// If the source has too many columns.
    pub fn new(matrix: LazyMatrix) -> Result<Self> {
        let conversion = matrix.conversion()?;
        let dense = if matrix.view().is_dense() { matrix.shape()[1] } else { 0 };
        let plain = matrix.clone().without_ops();
        Ok(Self { matrix, plain, conversion, dense })
    }

    /// The same rows as dense ones, whatever they are stored as.
    #[must_use]
    pub fn into_dense(mut self) -> Self {
        self.dense = self.matrix.shape()[1];
        self
    }

    fn block(&self, matrix: &LazyMatrix, rows: Range<u64>) -> Result<NumberBlock> {
        matrix.read(&self.matrix.item(positions(rows)?), &self.conversion)
    }
}

impl MatrixSource for LazyRows {
    fn shape(&self) -> [u64; 2] {
        self.matrix.shape().map(|extent| extent as u64)
    }

    fn dtype(&self) -> DType {
        self.matrix.precision().dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        let items = self.matrix.items(self.dense, max_bytes)?;
        Ok(items.into_iter().map(|item| item.kept.start as u64..item.kept.end as u64).collect())
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        self.matrix.cost(&self.matrix.item(positions(rows)?), self.dense)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let block = self.block(&self.matrix, rows)?;
        let block = if self.dense > 0 { block.into_dense() } else { block };
        let (rows, values) = (block.len(), block.values.into_buffer());
        Ok(match block.layout {
            Layout::Sparse { indptr, indices } => {
                Block::Sparse(SparseRows { indptr, indices, data: values, sorted: true })
            }
            Layout::Dense => Block::Dense { rows, values },
        })
    }

    fn read_structure(&self, rows: Range<u64>) -> Result<SparseRows> {
        if self.dense > 0 {
            return self.read(rows)?.into_sparse();
        }
        // Operators that leave zeros where they are leave entries there, too.
        let block = self.block(&self.plain, rows)?;
        let Layout::Sparse { indptr, indices } = block.layout else {
            return Err(Error::internal("rows without operators are compressed"));
        };
        Ok(SparseRows { indptr, indices, data: block.values.into_buffer(), sorted: true })
    }
}

fn positions(rows: Range<u64>) -> Result<Range<usize>> {
    let position = |row: u64| usize::try_from(row).map_err(|_| Error::internal("rows exceed memory"));
    Ok(position(rows.start)?..position(rows.end)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use annstream_store::Buffer;

    use super::*;
    use crate::element::{SparseLayout, SparseMatrix};
    use crate::op::{DivideRows, Log1p, Scale};
    use crate::source::MemorySparse;

    /// Seven rows of five columns, the value of row `r` and column `c` being `10 r + c`; the third row is empty.
    fn matrix() -> LazyMatrix {
        let (mut indptr, mut indices, mut values) = (vec![0], vec![], vec![]);
        for row in 0..7_u16 {
            for column in (row % 2..5).step_by(2).filter(|_| row != 2) {
                indices.push(u64::from(column));
                values.push(f32::from(10 * row + column));
            }
            indptr.push(indices.len() as u64);
        }
        let data = Buffer::F32(values);
        let stored = SparseMatrix { layout: SparseLayout::Csr, shape: [7, 5], indptr, indices, data };
        LazyMatrix::new(Arc::new(MemorySparse::new(stored).unwrap()))
    }

    fn dense(source: &LazyRows, ranges: &[Range<u64>]) -> Vec<f64> {
        let width = usize::try_from(source.shape()[1]).unwrap();
        let mut out = Vec::new();
        for range in ranges {
            let block = source.read(range.clone()).unwrap().into_sparse().unwrap();
            let structure = source.read_structure(range.clone()).unwrap();
            assert_eq!((&structure.indptr, &structure.indices), (&block.indptr, &block.indices));
            for row in block.indptr.windows(2) {
                let mut line = vec![0.0; width];
                for i in row[0]..row[1] {
                    line[block.indices[i] as usize] = block.data.get_f64(i).unwrap();
                }
                out.extend(line);
            }
        }
        out
    }

    #[test]
    fn any_partition_gives_the_same_rows() {
        let kept = matrix().keep_rows(&[true, false, true, true, false, true, true]).unwrap();
        let kept = kept.keep_columns(&[true, true, false, true, true]).unwrap();
        let by: Arc<[f64]> = (1..8).map(f64::from).collect();
        let scale = Scale { means: Some(vec![1.0; 5].into()), deviations: vec![2.0; 5].into(), limit: None };
        let logs = kept.clone().with(DivideRows::new(by)).with(Log1p { base: None });
        for matrix in
            [matrix(), kept.clone(), logs.clone(), logs.with(scale), kept.clone().keep_rows(&[false; 5]).unwrap()]
        {
            let source = LazyRows::new(matrix.clone()).unwrap();
            assert_eq!(source.shape(), matrix.shape().map(|extent| extent as u64));
            let rows = source.shape()[0];
            let whole = dense(&source, &source.partition(1 << 20).unwrap());
            assert_eq!(whole.len() as u64, rows * source.shape()[1]);
            let single: Vec<Range<u64>> = (0..rows).map(|row| row..row + 1).collect();
            assert_eq!(dense(&source, &single), whole);
            assert_eq!(dense(&source, &source.partition(8).unwrap()), whole);
            assert!(source.cost(0..rows).unwrap() > 0 || rows == 0);
            assert_eq!(matrix.passes(), 0);
        }
        let source = LazyRows::new(kept).unwrap();
        assert_eq!(dense(&source, &[1..3]), [0.0, 0.0, 0.0, 0.0, 0.0, 31.0, 33.0, 0.0]);
    }
}
