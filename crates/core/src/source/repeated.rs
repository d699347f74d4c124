//! Columns of another source, some of them more than once.

use std::ops::Range;

use annstream_store::{Buffer, DType};

use crate::matrix::{Block, MatrixSource, SparseRows};
use crate::{Error, Result};

/// Column `i` of this source is column `from[i]` of another, in any order, with repetitions. Rows come out unsorted.
/// Where nothing repeats, [`Remap`](crate::matrix::Remap) does the same without a copy.
pub struct RepeatedColumns<S> {
    source: S,
    from: Vec<u32>,
    /// Where the new columns of each old one begin in `targets`, and one more.
    starts: Vec<usize>,
    targets: Vec<u32>,
    /// Most new columns of one old one.
    most: u64,
}

impl<S: MatrixSource> RepeatedColumns<S> {
    /// Chooses columns.
    ///
    /// # Errors
    /// If a column is beyond the end, or there are more than 2³² of them.
    pub fn new(source: S, from: Vec<u32>) -> Result<Self> {
        let old = usize::try_from(source.shape()[1]).map_err(|_| Error::internal("columns exceed memory"))?;
        let mut starts = vec![0_usize; old + 1];
        for &column in &from {
            *starts.get_mut(column as usize + 1).ok_or_else(|| Error::internal("a column beyond the end"))? += 1;
        }
        let most = starts.iter().copied().max().unwrap_or(0) as u64;
        for column in 0..old {
            starts[column + 1] += starts[column];
        }
        let mut next = starts.clone();
        let mut targets = vec![0_u32; from.len()];
        for (new, &column) in from.iter().enumerate() {
            let new = u32::try_from(new).map_err(|_| Error::unsupported("more than 2^32 columns"))?;
            targets[next[column as usize]] = new;
            next[column as usize] += 1;
        }
        Ok(Self { source, from, starts, targets, most })
    }

    fn sparse(&self, rows: &SparseRows) -> Result<SparseRows> {
        let mut out = SparseRows::empty(0, rows.data.dtype());
        let mut positions = Vec::with_capacity(rows.indices.len());
        for range in rows.indptr.windows(2) {
            for entry in range[0]..range[1] {
                let column = rows.indices[entry] as usize;
                let new = &self.targets[self.starts[column]..self.starts[column + 1]];
                out.indices.extend_from_slice(new);
                let entry = i64::try_from(entry).map_err(|_| Error::internal("block exceeds memory"))?;
                positions.extend(std::iter::repeat_n(entry, new.len()));
            }
            out.indptr.push(out.indices.len());
        }
        out.data = rows.data.take(&positions);
        out.sorted = SparseRows::check_sorted(&out.indptr, &out.indices);
        Ok(out)
    }
}

impl<S: MatrixSource> MatrixSource for RepeatedColumns<S> {
    fn shape(&self) -> [u64; 2] {
        [self.source.shape()[0], self.from.len() as u64]
    }

    fn dtype(&self) -> DType {
        self.source.dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        // What comes out may be longer than what is read.
        self.source.partition((max_bytes / self.most.max(1) / 2).max(1))
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        let own = self.source.cost(rows.clone())?;
        let size = self.dtype().size() as u64;
        // Columns, values and positions of what comes out; a row has no more of them than there are columns.
        let full = (rows.end - rows.start).saturating_mul(self.from.len() as u64).saturating_mul(size + 12);
        Ok(own.saturating_add(own.saturating_mul(self.most).saturating_mul(3).min(full)))
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        match self.source.read(rows)? {
            Block::Sparse(block) => self.sparse(&block).map(Block::Sparse),
            Block::Dense { rows, values } => {
                let width = i64::try_from(values.len().checked_div(rows).unwrap_or(0));
                let width = width.map_err(|_| Error::internal("block exceeds memory"))?;
                let mut out = Buffer::empty(values.dtype());
                let mut positions: Vec<i64> = self.from.iter().map(|&column| i64::from(column)).collect();
                for _ in 0..rows {
                    out.extend_from(&values.take(&positions), 0..positions.len())?;
                    for position in &mut positions {
                        *position += width;
                    }
                }
                Ok(Block::Dense { rows, values: out })
            }
        }
    }
}
