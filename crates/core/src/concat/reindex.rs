//! Elements moved to the new index of the other axis.

use annstream_store::{Buffer, DType, Error, Result};

use super::align::ColumnMap;
use crate::awkward::Node;
use crate::element::{DenseArray, Element, RecordArray, SparseLayout, SparseMatrix};
use crate::table::{Column, take_or_nan};

/// The element with its rows moved to the new index: an entry of `varm`, or a table. Holes are NaN in dense arrays
/// (integers and booleans become float64, floats keep their type), nothing in sparse matrices, missing
/// values in awkward arrays, and as in [`Table::reindex`](crate::table::Table::reindex) in tables. An array without rows becomes float64, as in anndata.
///
/// # Errors
/// [`ErrorKind::Unsupported`](annstream_store::ErrorKind) for elements without rows and uncommon awkward arrays,
/// [`ErrorKind::Incompatible`](annstream_store::ErrorKind) for holes in records and in text of several columns.
pub fn reindex_rows(element: &Element, index: &Column, index_name: Option<&str>, map: &ColumnMap) -> Result<Element> {
    let ColumnMap::Map { from_new, .. } = map else {
        return Ok(match element {
            Element::Table(table) => {
                let mut table = table.clone();
                // The same labels, perhaps of another type (plain or nullable).
                table.index = index.clone();
                index_name.map(str::to_owned).clone_into(&mut table.index_name);
                Element::Table(table)
            }
            other => other.clone(),
        });
    };
    match element {
        Element::Table(table) => Ok(Element::Table(table.reindex(index, index_name, from_new)?)),
        other => reindex_axis(other, 0, map),
    }
}

/// The element with rows and columns moved to the new index: an entry of `varp`.
///
/// # Errors
/// As [`reindex_rows`].
pub fn reindex_square(element: &Element, map: &ColumnMap) -> Result<Element> {
    reindex_axis(&reindex_axis(element, 0, map)?, 1, map)
}

/// The element moved along one axis.
pub(crate) fn reindex_axis(element: &Element, axis: usize, map: &ColumnMap) -> Result<Element> {
    let ColumnMap::Map { to_new, from_new } = map else { return Ok(element.clone()) };
    if let Some(len) = element.shape().as_ref().and_then(|shape| shape.get(axis))
        && *len != to_new.len()
    {
        return Err(Error::invalid(format!("extent {len} along axis {axis}, where the index has {}", to_new.len())));
    }
    match element {
        Element::Array(array) => take_axis(array, axis, from_new),
        Element::Sparse(matrix) => Ok(Element::Sparse(take_sparse(matrix, axis, to_new, from_new.len())?)),
        Element::Records(records) if axis == 0 => take_records(records, from_new).map(Element::Records),
        Element::Awkward(array) if axis == 0 => Ok(Element::Awkward(Node::decode(array)?.take(from_new)?.encode())),
        Element::Column(column) if axis == 0 => Ok(standing(column.reindex(from_new)?)),
        other => Err(Error::unsupported(format!("a {} cannot be aligned to the other axis", other.kind()))),
    }
}

/// A column as an element: a plain one is an array.
fn standing(column: Column) -> Element {
    match column {
        Column::Plain(values) => Element::Array(DenseArray { shape: vec![values.len()], values }),
        other => Element::Column(other),
    }
}

fn take_axis(array: &DenseArray, axis: usize, from_new: &[i64]) -> Result<Element> {
    let Some(&old_len) = array.shape.get(axis) else {
        return Err(Error::invalid(format!("an array of {} dimensions has no axis {axis}", array.shape.len())));
    };
    let mut shape = array.shape.clone();
    shape[axis] = from_new.len();
    if old_len == 0 && array.values.dtype() != DType::Str {
        // anndata: nothing to take from, whatever the type.
        let values = take_or_nan(&Buffer::empty(DType::F64), &vec![-1; shape.iter().product()])?;
        return Ok(Element::Array(DenseArray { shape, values }));
    }
    let outer: usize = shape[..axis].iter().product();
    let inner: usize = shape[axis + 1..].iter().product();
    let mut positions: Vec<i64> = Vec::with_capacity(outer * from_new.len() * inner);
    for block in 0..outer {
        for &old in from_new {
            match usize::try_from(old) {
                Ok(old) => {
                    let start = (block * old_len + old) * inner;
                    positions.extend((start..start + inner).map(|position| position.cast_signed() as i64));
                }
                Err(_) => positions.resize(positions.len() + inner, -1),
            }
        }
    }
    if array.values.dtype() == DType::Str && positions.contains(&-1) {
        if shape.len() > 1 {
            return Err(Error::incompatible("text of several columns cannot have holes"));
        }
        return Ok(standing(Column::Plain(array.values.clone()).reindex(&positions)?));
    }
    Ok(Element::Array(DenseArray { shape, values: take_or_nan(&array.values, &positions)? }))
}

fn take_records(records: &RecordArray, from_new: &[i64]) -> Result<RecordArray> {
    if from_new.iter().any(|&old| old < 0) {
        return Err(Error::incompatible("records cannot have holes").hint("use an inner join, or drop the element"));
    }
    let old_len = records.shape.first().copied().unwrap_or(0);
    let mut shape = records.shape.clone();
    if let Some(len) = shape.first_mut() {
        *len = from_new.len();
    }
    let values = records.values.iter().map(|values| {
        let width = values.len().checked_div(old_len).unwrap_or(0).cast_signed() as i64;
        let positions: Vec<i64> = from_new.iter().flat_map(|&old| old * width..(old + 1) * width).collect();
        values.take(&positions)
    });
    Ok(RecordArray { shape, fields: records.fields.clone(), values: values.collect() })
}

/// Moves rows (axis 0) or columns (axis 1); dropped ones go, new ones are empty. Indices are sorted in the result.
fn take_sparse(matrix: &SparseMatrix, axis: usize, to_new: &[u32], new_len: usize) -> Result<SparseMatrix> {
    let mut shape = matrix.shape;
    shape[axis] = new_len;
    if matrix.shape[axis] == 0 {
        // anndata: an empty matrix of the default type.
        return Ok(SparseMatrix {
            layout: SparseLayout::Csr,
            shape,
            indptr: vec![0; shape[0] + 1],
            indices: Vec::new(),
            data: Buffer::empty(DType::F64),
        });
    }
    let major_axis = usize::from(matrix.layout == SparseLayout::Csc);
    let new_major = if axis == major_axis { new_len } else { matrix.major() };
    // For each new row the stored entries it takes, with their new columns.
    let mut rows: Vec<Vec<(u64, i64)>> = vec![Vec::new(); new_major];
    let moved = |old: usize| to_new.get(old).filter(|&&new| new != ColumnMap::DROPPED).map(|&new| new as usize);
    for (major, bounds) in matrix.indptr.windows(2).enumerate() {
        let Some(row) = (if axis == major_axis { moved(major) } else { Some(major) }) else { continue };
        for position in bounds[0]..bounds[1] {
            let broken = || Error::invalid(format!("indptr reaches entry {position}, beyond the end")).row(major);
            let at = usize::try_from(position).map_err(|_| broken())?;
            let minor = *matrix.indices.get(at).ok_or_else(broken)?;
            let column = if axis == major_axis {
                Some(minor)
            } else {
                usize::try_from(minor).ok().and_then(moved).map(|new| new as u64)
            };
            if let Some(column) = column {
                rows.get_mut(row).ok_or_else(broken)?.push((column, at.cast_signed() as i64));
            }
        }
    }
    let mut indptr = vec![0_u64];
    let mut indices = Vec::new();
    let mut positions = Vec::new();
    for mut row in rows {
        row.sort_unstable();
        indices.extend(row.iter().map(|&(column, _)| column));
        positions.extend(row.iter().map(|&(_, at)| at));
        indptr.push(indices.len() as u64);
    }
    if positions.iter().any(|&at| at >= matrix.data.len().cast_signed() as i64) {
        return Err(Error::invalid("fewer values than indices"));
    }
    Ok(SparseMatrix { layout: matrix.layout, shape, indptr, indices, data: matrix.data.take(&positions) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(to_new: &[u32], from_new: &[i64]) -> ColumnMap {
        ColumnMap::Map { to_new: to_new.into(), from_new: from_new.into() }
    }

    fn rows(element: &Element, map: &ColumnMap) -> Result<Element> {
        reindex_rows(element, &Column::text(["x", "y", "z"]), None, map)
    }

    fn array(shape: &[usize], values: Buffer) -> Element {
        Element::Array(DenseArray { shape: shape.to_vec(), values })
    }

    /// a, b become b, x, a (anndata 0.12.19's `Reindexer`).
    fn outer() -> ColumnMap {
        map(&[2, 0], &[1, -1, 0])
    }

    #[test]
    fn dense_holes_are_nan() {
        let Element::Array(out) = rows(&array(&[2, 2], Buffer::I8(vec![1, 2, 3, 4])), &outer()).unwrap() else {
            panic!("not an array")
        };
        let Buffer::F64(values) = out.values else { panic!("not float64") };
        assert_eq!((out.shape, &values[..2], &values[4..]), (vec![3, 2], &[3.0, 4.0][..], &[1.0, 2.0][..]));
        assert!(values[2].is_nan() && values[3].is_nan());
        let out = rows(&array(&[2], Buffer::F32(vec![1.0, 2.0])), &map(&[1, 0], &[1, 0])).unwrap();
        assert_eq!(out, array(&[2], Buffer::F32(vec![2.0, 1.0])));
    }

    #[test]
    fn arrays_without_rows_become_floats() {
        let Element::Array(out) = rows(&array(&[0, 1], Buffer::I8(vec![])), &map(&[], &[-1, -1])).unwrap() else {
            panic!("not an array")
        };
        assert_eq!((out.shape, out.values.dtype()), (vec![2, 1], DType::F64));
    }

    #[test]
    fn square_elements_move_on_both_axes() {
        let out = reindex_square(&array(&[2, 2], Buffer::F64(vec![1.0, 2.0, 3.0, 4.0])), &map(&[1, 0], &[1, 0]));
        assert_eq!(out.unwrap(), array(&[2, 2], Buffer::F64(vec![4.0, 3.0, 2.0, 1.0])));
        let inner = reindex_square(&array(&[2, 2], Buffer::I32(vec![1, 2, 3, 4])), &map(&[u32::MAX, 0], &[1]));
        assert_eq!(inner.unwrap(), array(&[1, 1], Buffer::I32(vec![4])));
    }

    #[test]
    fn text_and_records_with_holes() {
        let text = Buffer::Str(["p", "q"].iter().collect());
        let Element::Column(column) = rows(&array(&[2], text), &outer()).unwrap() else { panic!("not a column") };
        assert!(column.is_missing(1) && !column.is_missing(0));
        let records = Element::Records(RecordArray { shape: vec![2], fields: vec![], values: vec![] });
        assert_eq!(rows(&records, &outer()).unwrap_err().kind(), annstream_store::ErrorKind::Incompatible);
    }

    fn to_dense(matrix: &SparseMatrix) -> Vec<Vec<f64>> {
        let mut out = vec![vec![0.0; matrix.shape[1]]; matrix.shape[0]];
        for (major, bounds) in matrix.indptr.windows(2).enumerate() {
            for at in bounds[0]..bounds[1] {
                let at = usize::try_from(at).unwrap();
                let minor = usize::try_from(matrix.indices[at]).unwrap();
                let (row, col) = if matrix.layout == SparseLayout::Csr { (major, minor) } else { (minor, major) };
                out[row][col] += matrix.data.get_f64(at).unwrap();
            }
        }
        out
    }

    proptest! {
        #[test]
        fn sparse_moves_as_dense(
            values in proptest::collection::vec(0_i32..3, 9),
            from_new in Just([2_i64, -1, 0, 1]).prop_shuffle().prop_flat_map(|order| (Just(order), 1_usize..5))
                .prop_map(|(order, len)| order[..len].to_vec()),
            csc in any::<bool>(),
        ) {
            let layout = if csc { SparseLayout::Csc } else { SparseLayout::Csr };
            let mut matrix = SparseMatrix {
                layout, shape: [3, 3], indptr: vec![0], indices: vec![], data: Buffer::empty(DType::I32)
            };
            let mut data = Vec::new();
            for row in values.chunks(3) {
                for (column, &value) in (0_u64..).zip(row).filter(|(_, value)| **value != 0) {
                    matrix.indices.push(column);
                    data.push(value);
                }
                matrix.indptr.push(data.len() as u64);
            }
            matrix.data = Buffer::I32(data);
            let mut to_new = vec![u32::MAX; 3];
            for (new, &old) in (0_u32..).zip(&from_new) {
                if let Ok(old) = usize::try_from(old) {
                    to_new[old] = new;
                }
            }
            let before = to_dense(&matrix);
            let Element::Sparse(after) = reindex_square(&Element::Sparse(matrix), &map(&to_new, &from_new)).unwrap()
            else { panic!("not sparse") };
            prop_assert_eq!(after.layout, layout);
            prop_assert_eq!(after.data.dtype(), DType::I32);
            let at = |i: i64, j: i64| match (usize::try_from(i), usize::try_from(j)) {
                (Ok(i), Ok(j)) => before[i][j],
                _ => 0.0,
            };
            let expected: Vec<Vec<f64>> =
                from_new.iter().map(|&i| from_new.iter().map(|&j| at(i, j)).collect()).collect();
            prop_assert_eq!(to_dense(&after), expected);
        }
    }
}
