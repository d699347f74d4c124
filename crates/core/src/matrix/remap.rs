//! Aligning a block with the columns of the result.

#![expect(clippy::cast_possible_truncation, reason = "column ids fit 32 bits, as every source checks")]

use std::sync::Arc;

use annstream_store::{Buffer, DType};

use super::order::{Fill, Ordered, Places, Rows};
use super::{SparseRows, Sums};
use crate::{Error, Result};

/// Marks a source column that does not reach the result.
pub const DROPPED: u32 = u32::MAX;

/// How the columns of one input become columns of the result.
#[derive(Clone, Debug)]
pub struct Remap {
    /// New column of each old one, or [`DROPPED`]; `None` where they are the same.
    to_new: Option<Arc<[u32]>>,
    /// The same for the kernel.
    places: Arc<Places>,
    /// Added to every column.
    offset: u32,
    /// Number of columns before the offset.
    columns: usize,
    /// Columns that no old column maps to.
    holes: Arc<[u32]>,
    /// Type of the result.
    dtype: DType,
    /// Value of the holes; `None` leaves sparse holes empty and is not allowed for dense ones.
    fill: Option<f64>,
}

impl Remap {
    /// Columns stay as they are; values become `dtype`.
    pub fn same(columns: usize, dtype: DType) -> Self {
        let places = Arc::new(Places::same(columns));
        Self { to_new: None, places, offset: 0, columns, holes: Arc::from([]), dtype, fill: None }
    }

    /// Columns stay as they are; rows that an input lacks are filled with `fill`.
    pub fn zipped(columns: usize, dtype: DType, fill: f64) -> Self {
        Self { fill: Some(fill), ..Self::same(columns, dtype) }
    }

    /// Old column `i` becomes `to_new[i]` of `columns`; the rest is filled with `fill`.
    pub fn new(to_new: Arc<[u32]>, columns: usize, dtype: DType, fill: Option<f64>) -> Self {
        let mut covered = vec![false; columns];
        for &new in to_new.iter().filter(|&&new| new != DROPPED) {
            if let Some(seen) = covered.get_mut(new as usize) {
                *seen = true;
            }
        }
        let holes = (0u32..).zip(&covered).filter(|(_, seen)| !**seen).map(|(column, _)| column).collect();
        let places = Arc::new(Places::new(&to_new, columns));
        Self { to_new: Some(to_new), places, offset: 0, columns, holes, dtype, fill }
    }

    /// The same, with all columns moved to the right.
    #[must_use]
    pub fn shifted(mut self, offset: u32) -> Self {
        self.offset = offset;
        self
    }

    /// The type of what comes out.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Values added to each row of a sparse block for its holes.
    pub fn filled_per_row(&self) -> usize {
        if self.fill.is_some_and(|fill| fill != 0.0) { self.holes.len() } else { 0 }
    }

    /// Whether old columns do not reach the result.
    pub fn drops(&self) -> bool {
        self.to_new.as_deref().is_some_and(|map| map.contains(&DROPPED))
    }

    /// Number of these columns that reach the result.
    pub fn kept(&self, columns: &[u32]) -> usize {
        match self.to_new.as_deref() {
            None => columns.len(),
            Some(map) => {
                columns.iter().filter(|&&old| map.get(old as usize).is_some_and(|&new| new != DROPPED)).count()
            }
        }
    }

    /// Number of columns of the result that this input accounts for.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Whether a row that the input lacks is filled with explicit values in sparse form.
    pub fn fills_rows(&self) -> bool {
        self.fill.is_some_and(|fill| fill != 0.0)
    }

    /// The sums of `count` fill values.
    pub fn fill_sums(&self, count: usize) -> Sums {
        let fill = self.fill.unwrap_or(0.0);
        let times = count as f64;
        let count = count as u64;
        if fill.is_finite() {
            Sums { count, sum: fill * times, scale: fill.abs() * times, special: 0 }
        } else {
            Sums { count, special: count, ..Sums::default() }
        }
    }

    /// Replaces the rows marked in `holes` by rows full of the fill value.
    ///
    /// # Errors
    /// If the fill does not fit the type.
    pub fn fill_rows(&self, rows: &SparseRows, holes: &[bool]) -> Result<SparseRows> {
        let full = Buffer::full(self.dtype, self.fill.unwrap_or(0.0), self.columns)?;
        let count = u32::try_from(self.columns).map_err(|_| Error::unsupported("more than 2^32 columns"))?;
        let mut out = SparseRows::empty(0, self.dtype);
        out.sorted = rows.sorted;
        for (row, &hole) in holes.iter().enumerate() {
            if hole {
                out.indices.extend(self.offset..self.offset + count);
                out.data.extend_from(&full, 0..self.columns)?;
            } else {
                let range = rows.indptr[row]..rows.indptr[row + 1];
                out.indices.extend_from_slice(&rows.indices[range.clone()]);
                out.data.extend_from(&rows.data, range)?;
            }
            out.indptr.push(out.indices.len());
        }
        Ok(out)
    }

    /// Dense rows of an input that lacks the element: the fill value everywhere.
    ///
    /// # Errors
    /// If the fill does not fit the type.
    pub fn missing_dense(&self, rows: usize) -> Result<Buffer> {
        if rows * self.columns == 0 {
            // Nothing to fill, and a type that need not hold the fill.
            return Ok(Buffer::empty(self.dtype));
        }
        Buffer::full(self.dtype, self.fill.unwrap_or(0.0), rows * self.columns)
    }

    /// Whether the values of these rows come out as they are, untouched.
    pub fn keeps(&self, rows: &SparseRows) -> bool {
        self.to_new.is_none() && rows.sorted && self.filled_per_row() == 0 && rows.data.dtype() == self.dtype
    }

    /// Aligns compressed rows. Returns them sorted, with the sums of the values that were dropped.
    ///
    /// # Errors
    /// If a value does not fit the type of the result.
    pub fn sparse(&self, mut rows: SparseRows) -> Result<(SparseRows, Sums)> {
        if rows.data.dtype() != self.dtype {
            rows.data = rows.data.cast(self.dtype)?;
        }
        if u32::try_from(rows.indices.len()).is_err() {
            return Err(Error::unsupported("a row with more than 2^32 values"));
        }
        let filled = self.filled_per_row();
        if self.keeps(&rows) {
            if self.offset > 0 {
                rows.indices.iter_mut().for_each(|index| *index += self.offset);
            }
            return Ok((rows, Sums::default()));
        }
        let fill = match self.fill {
            Some(fill) if filled > 0 => Some(Buffer::full(self.dtype, fill, 1)?),
            _ => None,
        };
        let (out, dropped) = self.ordered(&rows, fill.as_ref())?;
        let lost = Sums::of(&dropped);
        [Buffer::U32(rows.indices), rows.data, dropped].into_iter().for_each(Buffer::recycle);
        Ok((out, lost))
    }

    /// The kernel, on the type at hand. Returns what it dropped, too.
    fn ordered(&self, rows: &SparseRows, fill: Option<&Buffer>) -> Result<(SparseRows, Buffer)> {
        macro_rules! typed {
            ($($variant:ident)*) => {
                match (&rows.data, fill) {
                    $((Buffer::$variant(values), None | Some(Buffer::$variant(_))) => {
                        let fill = match fill {
                            Some(Buffer::$variant(value)) => {
                                value.first().map(|&value| Fill { value, holes: &self.holes })
                            }
                            _ => None,
                        };
                        let SparseRows { indptr, indices, sorted, .. } = rows;
                        let rows = Rows { indptr, indices, values, sorted: *sorted };
                        let room = Places::room(&rows, fill);
                        let spare = (
                            Buffer::recycled(DType::U32, room),
                            Buffer::recycled(self.dtype, room),
                            Buffer::recycled(self.dtype, self.places.room_dropped(&rows)),
                        );
                        let (Buffer::U32(ids), Buffer::$variant(data), Buffer::$variant(dropped)) = spare else {
                            return Err(Error::internal("a buffer of another type than asked for"));
                        };
                        let out = self.places.order(rows, self.offset, fill, (ids, data, dropped));
                        let Ordered { indptr, indices, values, dropped, sorted } = out;
                        Ok((SparseRows { indptr, indices, data: Buffer::$variant(values), sorted }, Buffer::$variant(dropped)))
                    })*
                    _ => Err(Error::internal("sparse values are numbers of one type")),
                }
            };
        }
        typed!(Bool I8 I16 I32 I64 U8 U16 U32 U64 F16 F32 F64 C64 C128)
    }

    /// Aligns dense rows: row-major values of as many columns as the input has. Rows marked in `holes` become fill.
    /// Returns the sums of what was dropped and of what was filled, too.
    ///
    /// # Errors
    /// If a value does not fit the type of the result.
    pub fn dense(&self, rows: usize, values: Buffer, holes: &[bool]) -> Result<(Buffer, Sums, Sums)> {
        let values = if values.dtype() == self.dtype { values } else { values.cast(self.dtype)? };
        let missing = holes.iter().filter(|&&hole| hole).count();
        if self.to_new.is_none() && missing == 0 {
            return Ok((values, Sums::default(), Sums::default()));
        }
        let old_columns = values.len().checked_div(rows).unwrap_or(0);
        let mut from = vec![-1_i64; self.columns];
        let mut lost = Vec::new();
        for old in 0..old_columns {
            match self.to_new.as_deref().map_or(old as u32, |map| map[old]) {
                DROPPED => lost.push(old as i64),
                new => from[new as usize] = old as i64,
            }
        }
        let mut dropped = Sums::default();
        for row in 0..rows {
            if !lost.is_empty() && !holes.get(row).is_some_and(|&hole| hole) {
                let positions: Vec<i64> = lost.iter().map(|&old| old + (row * old_columns) as i64).collect();
                dropped.add(Sums::of(&values.take(&positions)));
            }
        }
        let filled = self.fill_sums((rows - missing) * self.holes.len() + missing * self.columns);
        let mut out = Buffer::zeros(self.dtype, rows * self.columns);
        let fill = if filled.count == 0 {
            Buffer::zeros(self.dtype, 1)
        } else {
            Buffer::full(self.dtype, self.fill.unwrap_or(0.0), 1)?
        };
        macro_rules! typed {
            ($($variant:ident)*) => {
                match (&values, &fill, &mut out) {
                    $((Buffer::$variant(values), Buffer::$variant(fill), Buffer::$variant(out)) => {
                        for row in 0..rows {
                            let source = &values[row * old_columns..(row + 1) * old_columns];
                            let target = &mut out[row * self.columns..(row + 1) * self.columns];
                            if holes.get(row).is_some_and(|&hole| hole) {
                                target.fill(fill[0]);
                                continue;
                            }
                            for (value, &old) in target.iter_mut().zip(&from) {
                                *value = usize::try_from(old).map_or(fill[0], |old| source[old]);
                            }
                        }
                    })*
                    _ => return Err(Error::internal("dense values are numbers of one type")),
                }
            };
        }
        typed!(Bool I8 I16 I32 I64 U8 U16 U32 U64 F16 F32 F64 C64 C128);
        Ok((out, dropped, filled))
    }
}

/// The values of some rows as doubles, for tests.
#[cfg(test)]
fn as_dense(rows: &SparseRows, columns: usize) -> Vec<f64> {
    let mut out = vec![0.0; rows.rows() * columns];
    for (row, range) in rows.indptr.windows(2).enumerate() {
        for i in range[0]..range[1] {
            out[row * columns + rows.indices[i] as usize] += rows.data.get_f64(i).unwrap_or(f64::NAN);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows of columns and values, a map of the columns, and the number of new columns.
    type Case = (Vec<Vec<(u32, i32)>>, Vec<u32>, usize);

    fn case() -> impl Strategy<Value = Case> {
        (1u32..90, 1usize..400).prop_flat_map(|(old, new)| {
            let row = prop::collection::vec((0..old, -5..5), 0..40);
            let map = prop::collection::vec(0u32..new as u32, old as usize).prop_map(move |map| {
                let mut seen = std::collections::HashSet::new();
                map.into_iter().map(|x| if seen.insert(x) { x } else { DROPPED }).collect()
            });
            (prop::collection::vec(row, 0..6), map, Just(new))
        })
    }

    proptest! {
        #[test]
        fn equals_a_naive_loop((rows, map, columns) in case(), fill in prop::option::of(1..3)) {
            let mut block = SparseRows::empty(0, DType::I32);
            let mut data = Vec::new();
            for row in &rows {
                for &(column, value) in row {
                    block.indices.push(column);
                    data.push(value);
                }
                block.indptr.push(block.indices.len());
            }
            block.sorted = SparseRows::check_sorted(&block.indptr, &block.indices);
            block.data = Buffer::I32(data);
            let fill = fill.map(f64::from);
            let mut expected = vec![0.0; rows.len() * columns];
            let mut kept = 0;
            for (r, row) in rows.iter().enumerate() {
                for column in 0..columns {
                    if let (Some(fill), false) = (fill, map.contains(&(column as u32))) {
                        expected[r * columns + column] = fill;
                        kept += 1;
                    }
                }
                for &(column, value) in row {
                    if map[column as usize] != DROPPED {
                        expected[r * columns + map[column as usize] as usize] += f64::from(value);
                        kept += 1;
                    }
                }
            }
            let total = block.indices.len();
            let remap = Remap::new(map.into(), columns, DType::I64, fill);
            let filled = remap.filled_per_row() * rows.len();
            let (out, dropped) = remap.sparse(block).unwrap();
            prop_assert_eq!(as_dense(&out, columns), expected);
            prop_assert_eq!(out.indices.len(), kept);
            prop_assert_eq!(dropped.count as usize + kept - filled, total);
            prop_assert_eq!(out.sorted, SparseRows::check_sorted(&out.indptr, &out.indices));
            for row in out.indptr.windows(2) {
                prop_assert!(out.indices[row[0]..row[1]].is_sorted());
            }
        }
    }
}
