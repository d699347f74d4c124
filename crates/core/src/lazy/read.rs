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
        let data = match (self.precision, data) {
            (Precision::Single, Buffer::F32(values)) => {
                let (layout, values) = compact_in_place(&indptr, indices, values, map);
                return Ok((layout, Numbers::F32(values)));
            }
            (Precision::Double, Buffer::F64(values)) => {
                let (layout, values) = compact_in_place(&indptr, indices, values, map);
                return Ok((layout, Numbers::F64(values)));
            }
            (_, data) => data,
        };
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

/// The entries of compressed rows whose column is kept, where the others stood: none moves behind one that is still to be read.
fn compact_in_place<T: Copy>(
    indptr: &[usize],
    mut indices: Vec<u32>,
    mut values: Vec<T>,
    map: &[u32],
) -> (Layout, Vec<T>) {
    let mut kept = Vec::with_capacity(indptr.len());
    let mut end = 0;
    kept.push(0);
    for row in indptr.windows(2) {
        for entry in row[0]..row[1] {
            let place = map[indices[entry] as usize];
            indices[end] = place;
            values[end] = values[entry];
            end += usize::from(place != DROPPED);
        }
        kept.push(end);
    }
    indices.truncate(end);
    values.truncate(end);
    (Layout::Sparse { indptr: kept, indices }, values)
}

/// Values in the precision that is computed in. Integers that a double cannot hold are refused: what is written back must
/// be what was read.
fn cast(data: Buffer, precision: Precision) -> Result<Numbers> {
    #[expect(clippy::cast_possible_truncation, reason = "what single precision means")]
    let single = |value: f64| value as f32;
    Ok(match (precision, data) {
        (Precision::Single, Buffer::F32(values)) => Numbers::F32(values),
        (Precision::Double, Buffer::F64(values)) => Numbers::F64(values),
        (Precision::Double, Buffer::I32(values)) => {
            Numbers::F64(values.iter().map(|&value| f64::from(value)).collect())
        }
        (Precision::Single, data) => {
            Numbers::F32((0..data.len()).map(|i| number(&data, i).map(single)).collect::<Result<_>>()?)
        }
        (Precision::Double, data) => Numbers::F64((0..data.len()).map(|i| number(&data, i)).collect::<Result<_>>()?),
    })
}

/// A value as a double that equals it.
fn number(data: &Buffer, i: usize) -> Result<f64> {
    const EXACT: u64 = 1 << 53;
    let beyond = |value: &dyn std::fmt::Display| {
        Err(Error::unsupported(format!("has {value}; whole numbers beyond 2^53 are not computed with")))
    };
    match data {
        Buffer::I64(values) if values[i].unsigned_abs() > EXACT => beyond(&values[i]),
        Buffer::U64(values) if values[i] > EXACT => beyond(&values[i]),
        Buffer::I64(values) => Ok(values[i] as f64),
        Buffer::U64(values) => Ok(values[i] as f64),
        other => other.get_f64(i).ok_or_else(|| Error::unsupported("values are not real numbers")),
    }
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
            let value = number(&rows.data, i)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_exact_or_refused() {
        let read = |data: Buffer| cast(data, Precision::Double);
        assert_eq!(read(Buffer::I64(vec![-(1 << 53), 7])).unwrap(), Numbers::F64(vec![-9_007_199_254_740_992.0, 7.0]));
        assert_eq!(read(Buffer::U64(vec![1 << 53])).unwrap(), Numbers::F64(vec![9_007_199_254_740_992.0]));
        assert!(read(Buffer::I64(vec![(1 << 53) + 1])).unwrap_err().to_string().contains("9007199254740993"));
        assert!(read(Buffer::U64(vec![u64::MAX])).is_err());
    }
}
