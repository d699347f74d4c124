//! From stored rows to numbers: the only place where stored types become those that are computed in.

use std::sync::Arc;

use annstream_store::Buffer;

use super::view::compact;
use super::{Layout, NumberBlock, Numbers, Precision};
use crate::matrix::{DROPPED, Remap, SparseRows};
use crate::{Error, Result};

/// How stored rows become blocks: which columns are kept, and in which precision.
#[derive(Clone, Debug)]
pub(super) struct Conversion {
    /// Ids of the columns kept.
    pub(super) columns: Arc<[u32]>,
    /// For each stored column its place, or [`DROPPED`]; `None` if all are kept.
    pub(super) map: Option<Arc<[u32]>>,
    /// Number of stored columns.
    pub(super) stored: usize,
    pub(super) precision: Precision,
}

impl Conversion {
    pub(super) fn new(stored: usize, kept: Option<&Arc<[u32]>>, precision: Precision) -> Result<Self> {
        let width = u32::try_from(stored).map_err(|_| Error::unsupported("more than 2^32 columns"))?;
        let Some(kept) = kept else {
            return Ok(Self { columns: (0..width).collect(), map: None, stored, precision });
        };
        let mut map = vec![DROPPED; stored];
        for (place, &id) in (0_u32..).zip(kept.iter()) {
            let slot = map.get_mut(id as usize).filter(|slot| **slot == DROPPED);
            *slot.ok_or_else(|| Error::internal("a column that is kept twice, or is not there"))? = place;
        }
        Ok(Self { columns: kept.clone(), map: Some(map.into()), stored, precision })
    }

    /// Makes a block of the rows `ids`, of which the first read is `first`.
    pub(super) fn block(&self, rows: SparseRows, first: u64, ids: Vec<u64>, start: usize) -> Result<NumberBlock> {
        let rows = canonical(rows, self.stored)?;
        let whole = ids.len() == rows.rows();
        let rows = if whole { rows } else { choose(rows, first, &ids)? };
        let (layout, values) = self.convert(rows)?;
        Ok(NumberBlock { start, rows: ids, columns: self.columns.clone(), layout, values })
    }

    fn convert(&self, rows: SparseRows) -> Result<(Layout, Numbers)> {
        let SparseRows { indptr, indices, data, .. } = rows;
        let Some(map) = &self.map else {
            let values = cast(data, self.precision)?;
            return Ok((Layout::Sparse { indptr, indices }, values));
        };
        macro_rules! typed {
            ($values:expr, $single:expr, $double:expr) => {
                match self.precision {
                    Precision::Single => {
                        let (indptr, indices, values) = compact(&indptr, &indices, $values, map, $single);
                        (Layout::Sparse { indptr, indices }, Numbers::F32(values))
                    }
                    Precision::Double => {
                        let (indptr, indices, values) = compact(&indptr, &indices, $values, map, $double);
                        (Layout::Sparse { indptr, indices }, Numbers::F64(values))
                    }
                }
            };
        }
        let out = match &data {
            Buffer::F32(values) => typed!(values, |value| value, f64::from),
            Buffer::U16(values) => typed!(values, f32::from, f64::from),
            _ => match cast(data.clone(), self.precision)? {
                Numbers::F32(values) => typed!(&values, |value| value, f64::from),
                #[expect(clippy::cast_possible_truncation, reason = "never taken: the precision is double")]
                Numbers::F64(values) => typed!(&values, |value| value as f32, |value| value),
            },
        };
        Buffer::U32(indices).recycle();
        data.recycle();
        Ok(out)
    }
}

/// Values in the precision that is computed in; integers beyond it are rounded.
fn cast(data: Buffer, precision: Precision) -> Result<Numbers> {
    #[expect(clippy::cast_possible_truncation, reason = "what single precision means")]
    let single = |value: f64| value as f32;
    let wide =
        |i: usize, data: &Buffer| data.get_f64(i).ok_or_else(|| Error::unsupported("values are not real numbers"));
    Ok(match (precision, data) {
        (Precision::Single, Buffer::F32(values)) => Numbers::F32(values),
        (Precision::Double, Buffer::F64(values)) => Numbers::F64(values),
        (Precision::Double, Buffer::I32(values)) => {
            Numbers::F64(values.iter().map(|&value| f64::from(value)).collect())
        }
        (Precision::Double, Buffer::I64(values)) => Numbers::F64(values.iter().map(|&value| value as f64).collect()),
        (Precision::Double, Buffer::U64(values)) => Numbers::F64(values.iter().map(|&value| value as f64).collect()),
        (Precision::Single, Buffer::I64(values)) => Numbers::F32(values.iter().map(|&value| value as f32).collect()),
        (Precision::Single, Buffer::U64(values)) => Numbers::F32(values.iter().map(|&value| value as f32).collect()),
        (Precision::Single, data) => {
            Numbers::F32((0..data.len()).map(|i| wide(i, &data).map(single)).collect::<Result<_>>()?)
        }
        (Precision::Double, data) => Numbers::F64((0..data.len()).map(|i| wide(i, &data)).collect::<Result<_>>()?),
    })
}

/// Rows with strictly increasing columns: sorted, and entries that stand for one value added up, as scipy's
/// `sum_duplicates` does.
fn canonical(rows: SparseRows, columns: usize) -> Result<SparseRows> {
    if rows.sorted {
        return Ok(rows);
    }
    let (mut rows, _) = Remap::same(columns, rows.data.dtype()).sparse(rows)?;
    if rows.sorted {
        return Ok(rows);
    }
    let mut indptr = Vec::with_capacity(rows.indptr.len());
    let mut indices: Vec<u32> = Vec::with_capacity(rows.indices.len());
    let mut values: Vec<f64> = Vec::with_capacity(rows.indices.len());
    indptr.push(0);
    for row in rows.indptr.windows(2) {
        let start = indices.len();
        for i in row[0]..row[1] {
            let value = rows.data.get_f64(i).ok_or_else(|| Error::unsupported("values are not real numbers"))?;
            match (indices[start..].last(), values.last_mut()) {
                (Some(&last), Some(sum)) if last == rows.indices[i] => *sum += value,
                _ => {
                    indices.push(rows.indices[i]);
                    values.push(value);
                }
            }
        }
        indptr.push(indices.len());
    }
    rows = SparseRows { indptr, indices, data: Buffer::F64(values), sorted: true };
    Ok(rows)
}

/// Some of the rows.
fn choose(rows: SparseRows, first: u64, ids: &[u64]) -> Result<SparseRows> {
    let mut out = SparseRows::empty(0, rows.data.dtype());
    out.sorted = rows.sorted;
    for id in ids {
        let row = usize::try_from(id - first).map_err(|_| Error::internal("block exceeds memory"))?;
        let range = rows.indptr[row]..rows.indptr[row + 1];
        out.indices.extend_from_slice(&rows.indices[range.clone()]);
        out.data.extend_from(&rows.data, range)?;
        out.indptr.push(out.indices.len());
    }
    Buffer::U32(rows.indices).recycle();
    rows.data.recycle();
    Ok(out)
}
