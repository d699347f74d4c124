//! Sums of two rows each: simulated doublets.

use std::ops::{Add, Range};
use std::sync::Arc;

use annstream_core::lazy::{Numbers, Real};
use annstream_core::matrix::{Block, MatrixSource, SparseRows};
use annstream_store::{Buffer, DType};

use super::counts::{CountedRows, positions, ranges};
use super::thin::Thin;
use crate::Result;

/// Row `i` is the sum of the rows of its two parents, made when somebody looks; nothing is held.
pub(super) struct Doublets {
    counts: Arc<CountedRows>,
    /// Rows of the counts, two for each doublet.
    parents: Arc<[[u32; 2]]>,
    /// If not all counts are kept.
    thin: Option<Thin>,
}

impl Doublets {
    pub(super) fn new(counts: Arc<CountedRows>, parents: Arc<[[u32; 2]]>, thin: Option<Thin>) -> Self {
        Self { counts, parents, thin }
    }

    /// Values of both parents.
    fn most_values(&self, doublet: usize) -> usize {
        self.parents[doublet].iter().map(|&parent| self.counts.row(parent as usize).0.len()).sum()
    }

    fn add<T: Real + Add<Output = T>>(&self, rows: Range<usize>, values: &[T]) -> (Vec<usize>, Vec<u32>, Vec<T>) {
        let most = rows.clone().map(|row| self.most_values(row)).sum();
        let (mut indptr, mut indices) = (Vec::with_capacity(rows.len() + 1), Vec::with_capacity(most));
        let mut sums = Vec::with_capacity(most);
        indptr.push(0);
        for row in rows {
            let [a, b] = self.parents[row].map(|parent| self.counts.row(parent as usize));
            let start = sums.len();
            merge((a.0, &values[a.1]), (b.0, &values[b.1]), &mut indices, &mut sums);
            if let Some(thin) = &self.thin {
                thin.change(row, &mut sums[start..]);
            }
            indptr.push(sums.len());
        }
        (indptr, indices, sums)
    }
}

/// Adds two rows of rising columns.
fn merge<T: Real + Add<Output = T>>(a: (&[u32], &[T]), b: (&[u32], &[T]), indices: &mut Vec<u32>, sums: &mut Vec<T>) {
    let (mut i, mut j) = (0, 0);
    while i < a.0.len() || j < b.0.len() {
        let (left, right) = (a.0.get(i).copied().unwrap_or(u32::MAX), b.0.get(j).copied().unwrap_or(u32::MAX));
        let (column, value) = match left.cmp(&right) {
            std::cmp::Ordering::Less => (left, a.1[i]),
            std::cmp::Ordering::Greater => (right, b.1[j]),
            std::cmp::Ordering::Equal => (left, a.1[i] + b.1[j]),
        };
        i += usize::from(left <= right);
        j += usize::from(right <= left);
        indices.push(column);
        sums.push(value);
    }
}

impl MatrixSource for Doublets {
    fn shape(&self) -> [u64; 2] {
        [self.parents.len() as u64, self.counts.shape()[1] as u64]
    }

    fn dtype(&self) -> DType {
        self.counts.dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        Ok(ranges(self.parents.len(), max_bytes, |row| self.counts.row_bytes(self.most_values(row))))
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        Ok(positions(&rows)?.map(|row| self.counts.row_bytes(self.most_values(row))).sum())
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        let rows = positions(&rows)?;
        let (indptr, indices, data) = match self.counts.values() {
            Numbers::F32(values) => {
                let (indptr, indices, sums) = self.add(rows, values);
                (indptr, indices, Buffer::F32(sums))
            }
            Numbers::F64(values) => {
                let (indptr, indices, sums) = self.add(rows, values);
                (indptr, indices, Buffer::F64(sums))
            }
        };
        Ok(Block::Sparse(SparseRows { indptr, indices, data, sorted: true }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_added_column_by_column() {
        let (mut indices, mut sums) = (vec![], vec![]);
        merge((&[1, 4, 7], &[1.0_f32, 2.0, 3.0]), (&[0, 4], &[5.0, 6.0]), &mut indices, &mut sums);
        assert_eq!((indices.as_slice(), sums.as_slice()), (&[0, 1, 4, 7][..], &[5.0, 1.0, 8.0, 3.0][..]));
        merge((&[], &[]), (&[], &[]), &mut indices, &mut sums);
        merge((&[2], &[1.0]), (&[], &[]), &mut indices, &mut sums);
        assert_eq!((indices[4..].to_vec(), sums[4..].to_vec()), (vec![2], vec![1.0]));
    }
}
