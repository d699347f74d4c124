//! A matrix that is in memory already.

use std::ops::Range;

use annstream_store::{Buffer, DType};

use crate::element::{DenseArray, SparseMatrix};
use crate::matrix::{Block, MatrixSource, SparseRows};
use crate::{Error, Result};

/// A sparse matrix in memory, read along its compressed axis.
#[derive(Debug)]
pub struct MemorySparse {
    shape: [u64; 2],
    indptr: Vec<u64>,
    indices: Vec<u32>,
    data: Buffer,
}

/// A dense matrix in memory, read by rows; trailing dimensions are flattened into columns.
#[derive(Debug)]
pub struct MemoryDense {
    shape: [u64; 2],
    values: Buffer,
}

impl MemorySparse {
    /// Takes over a matrix whose structure has been validated.
    ///
    /// # Errors
    /// If a column id does not fit 32 bits.
    pub fn new(matrix: SparseMatrix) -> Result<Self> {
        let major = matrix.major();
        let minor = matrix.shape[0] * matrix.shape[1] / major.max(1);
        let minor = if major == 0 { matrix.shape[0].max(matrix.shape[1]) } else { minor };
        let indices = matrix
            .indices
            .iter()
            .map(|&index| u32::try_from(index).map_err(|_| Error::unsupported("more than 2^32 columns")))
            .collect::<Result<_>>()?;
        Ok(Self { shape: [major as u64, minor as u64], indptr: matrix.indptr, indices, data: matrix.data })
    }
}

impl MemoryDense {
    /// Takes over an array of at least one dimension.
    pub fn new(array: DenseArray) -> Self {
        let rows = array.shape.first().copied().unwrap_or(1);
        let columns: usize = array.shape.iter().skip(1).product();
        Self { shape: [rows as u64, columns as u64], values: array.values }
    }
}

fn usize_of(value: u64) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::internal("block exceeds memory"))
}

fn steps(rows: u64, step: u64) -> Vec<Range<u64>> {
    let step = step.max(1);
    (0..rows)
        .step_by(usize::try_from(step).unwrap_or(usize::MAX))
        .map(|start| start..(start + step).min(rows))
        .collect()
}

impl MatrixSource for MemorySparse {
    fn shape(&self) -> [u64; 2] {
        self.shape
    }

    fn dtype(&self) -> DType {
        self.data.dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        let mean = self.data.bytes() as u64 * 2 / self.shape[0].max(1) + 8;
        Ok(steps(self.shape[0], max_bytes / mean))
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        let count = self.indptr[usize_of(rows.end)?] - self.indptr[usize_of(rows.start)?];
        Ok(count * (4 + self.dtype().size() as u64) + (rows.end - rows.start) * 8)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let pointers = &self.indptr[usize_of(rows.start)?..=usize_of(rows.end)?];
        let range = usize_of(pointers[0])?..usize_of(pointers[pointers.len() - 1])?;
        let indptr = pointers.iter().map(|&pointer| usize_of(pointer - pointers[0])).collect::<Result<Vec<_>>>()?;
        let indices = self.indices[range.clone()].to_vec();
        let sorted = SparseRows::check_sorted(&indptr, &indices);
        Ok(Block::Sparse(SparseRows { indptr, indices, data: self.data.slice(range), sorted }))
    }
}

impl MatrixSource for MemoryDense {
    fn shape(&self) -> [u64; 2] {
        self.shape
    }

    fn dtype(&self) -> DType {
        self.values.dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        Ok(steps(self.shape[0], max_bytes / (self.shape[1] * self.dtype().size() as u64).max(1)))
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        Ok((rows.end - rows.start) * self.shape[1] * self.dtype().size() as u64)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let columns = usize_of(self.shape[1])?;
        let (start, stop) = (usize_of(rows.start)?, usize_of(rows.end)?);
        Ok(Block::Dense { rows: stop - start, values: self.values.slice(start * columns..stop * columns) })
    }
}
