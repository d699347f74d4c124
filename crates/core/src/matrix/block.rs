//! Consecutive rows of a matrix.
#![expect(clippy::inline_always, reason = "what a vectorized loop calls has to be compiled with it")]

use annstream_store::{Buffer, DType};

use crate::vector::vectorized;
use crate::{Error, Result};

/// Consecutive rows in compressed form.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRows {
    /// Start of each row in `indices`; one more than rows, starting at 0.
    pub indptr: Vec<usize>,
    /// Column of each value.
    pub indices: Vec<u32>,
    /// The values.
    pub data: Buffer,
    /// Whether the columns of every row are strictly increasing.
    pub sorted: bool,
}

/// Consecutive rows, in one of two layouts.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Compressed rows.
    Sparse(SparseRows),
    /// Row-major values: rows × columns.
    Dense {
        /// Number of rows.
        rows: usize,
        /// The values.
        values: Buffer,
    },
}

impl SparseRows {
    /// Rows without values.
    pub fn empty(rows: usize, dtype: DType) -> Self {
        Self { indptr: vec![0; rows + 1], indices: Vec::new(), data: Buffer::empty(dtype), sorted: true }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// Whether the columns of every row are strictly increasing.
    pub fn check_sorted(indptr: &[usize], indices: &[u32]) -> bool {
        vectorized(
            #[inline(always)]
            || indptr.windows(2).all(|row| rises(&indices[row[0]..row[1]])),
        )
    }
}

/// Whether ids are strictly increasing; looks at all of them, which is faster than to stop early.
#[inline(always)]
fn rises(ids: &[u32]) -> bool {
    let next = ids.get(1..).unwrap_or(&[]);
    ids.iter().zip(next).filter(|(id, next)| id >= next).count() == 0
}

impl Block {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Sparse(rows) => rows.rows(),
            Self::Dense { rows, .. } => *rows,
        }
    }

    /// The stored values.
    pub fn values(&self) -> &Buffer {
        match self {
            Self::Sparse(rows) => &rows.data,
            Self::Dense { values, .. } => values,
        }
    }

    /// The block in compressed form; zeros of a dense block (also negative ones) are dropped, NaN is kept.
    ///
    /// # Errors
    /// If a dense block has text values.
    pub fn into_sparse(self) -> Result<SparseRows> {
        let (rows, values) = match self {
            Self::Sparse(rows) => return Ok(rows),
            Self::Dense { rows, values } => (rows, values),
        };
        let columns = values.len().checked_div(rows).unwrap_or(0);
        let mut indptr = Vec::with_capacity(rows + 1);
        indptr.push(0);
        let mut indices = Vec::new();
        let mut positions = Vec::new();
        for row in 0..rows {
            for column in 0..columns {
                let position = row * columns + column;
                if !is_zero(&values, position) {
                    let index = u32::try_from(column).map_err(|_| Error::unsupported("more than 2^32 columns"))?;
                    indices.push(index);
                    positions.push(i64::try_from(position).map_err(|_| Error::internal("block exceeds memory"))?);
                }
            }
            indptr.push(indices.len());
        }
        let data = values.take(&positions);
        Ok(SparseRows { indptr, indices, data, sorted: true })
    }
}

fn is_zero(values: &Buffer, i: usize) -> bool {
    match values {
        Buffer::C64(v) => v[i].iter().all(|&part| part == 0.0),
        Buffer::C128(v) => v[i].iter().all(|&part| part == 0.0),
        Buffer::U64(v) => v[i] == 0,
        Buffer::I64(v) => v[i] == 0,
        Buffer::Str(_) => false,
        other => other.get_f64(i) == Some(0.0),
    }
}
