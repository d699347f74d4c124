//! Equality of elements, as merging needs it.

use annstream_store::{Buffer, DType};

use crate::awkward::Node;
use crate::element::{AwkwardArray, DenseArray, Element, RecordArray, SparseLayout, SparseMatrix};
use crate::table::{Column, Label, labels, same_values};

/// Whether two values are equal in the sense of `anndata.concat`'s `merge="same"`.
///
/// Arrays, records and tables must have the same type and shape, NaN being equal to NaN; sparse matrices only the same
/// values, whatever their type, layout and explicit zeros; scalars compare as in Python (1 equals 1.0, NaN is not equal
/// to itself). A dense and a sparse matrix are equal if their types and values are, in either order (in anndata only
/// if the first is sparse). Standing categorical and nullable arrays compare by their values. Awkward arrays compare by
/// structure and values. Unknown elements equal nothing.
pub fn equal(a: &Element, b: &Element) -> bool {
    match (a, b) {
        (Element::Array(a), Element::Array(b)) => a.shape == b.shape && same_values(&a.values, &b.values),
        (Element::Sparse(a), Element::Sparse(b)) => sparse_equal(a, b),
        (Element::Array(dense), Element::Sparse(sparse)) | (Element::Sparse(sparse), Element::Array(dense)) => {
            dense.values.dtype() == sparse.data.dtype() && sparse_equal(sparse, &to_sparse(dense, sparse.layout))
        }
        (Element::Table(a), Element::Table(b)) => a.equals(b),
        (Element::Column(a), Element::Column(b)) => columns_equal(a, b),
        (Element::Column(column), Element::Array(array)) | (Element::Array(array), Element::Column(column)) => {
            array.shape.len() == 1 && columns_equal(column, &Column::Plain(array.values.clone()))
        }
        (Element::Scalar(a), Element::Scalar(b)) => scalars_equal(a, b),
        (Element::Null, Element::Null) => true,
        (Element::Records(a), Element::Records(b)) => records_equal(a, b),
        (Element::Awkward(a), Element::Awkward(b)) => awkward_equal(a, b),
        (Element::Dict(a), Element::Dict(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => false,
    }
}

fn columns_equal(a: &Column, b: &Column) -> bool {
    let (Ok(a), Ok(b)) = (labels(a), labels(b)) else { return a.equals(b) };
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || matches!((a, b), (Some(a), Some(b)) if loose(*a, *b)))
}

/// Equality of Python values: numbers and booleans by value.
fn loose(a: Label<'_>, b: Label<'_>) -> bool {
    let int = |label| match label {
        Label::Bool(value) => Some(i128::from(value)),
        Label::Int(value) => Some(value),
        _ => None,
    };
    match (int(a), int(b)) {
        (Some(a), Some(b)) => a == b,
        (Some(a), None) => Label::float(a as f64) == b,
        (None, Some(b)) => Label::float(b as f64) == a,
        (None, None) => a == b,
    }
}

fn scalars_equal(a: &Buffer, b: &Buffer) -> bool {
    let complex = a.dtype().is_complex() || b.dtype().is_complex();
    if complex && a.dtype() != DType::Str && b.dtype() != DType::Str {
        return matches!((a.cast(DType::C128), b.cast(DType::C128)), (Ok(a), Ok(b)) if a == b);
    }
    let (a, b) = (Column::Plain(a.clone()), Column::Plain(b.clone()));
    match (labels(&a).as_deref(), labels(&b).as_deref()) {
        (Ok(&[Some(a)]), Ok(&[Some(b)])) => loose(a, b),
        _ => false,
    }
}

fn records_equal(a: &RecordArray, b: &RecordArray) -> bool {
    a.shape == b.shape
        && a.fields == b.fields
        && a.values.len() == b.values.len()
        && a.values.iter().zip(&b.values).all(|(a, b)| same_values(a, b))
}

/// One stored value, as the type in which two matrices are compared has it.
#[derive(Clone, Copy, PartialEq)]
enum Stored {
    Bool(bool),
    Int(i128),
    Complex([f64; 2]),
}

impl Stored {
    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Self::Bool(a || b),
            (Self::Int(a), Self::Int(b)) => Self::Int(a + b),
            (Self::Complex(a), Self::Complex(b)) => Self::Complex([a[0] + b[0], a[1] + b[1]]),
            _ => self,
        }
    }

    fn is_zero(self) -> bool {
        match self {
            Self::Bool(value) => !value,
            Self::Int(value) => value == 0,
            Self::Complex(value) => value == [0.0, 0.0],
        }
    }

    fn is_nan(self) -> bool {
        matches!(self, Self::Complex(value) if value[0].is_nan() || value[1].is_nan())
    }
}

fn stored(values: &Buffer, common: DType) -> Option<Vec<Stored>> {
    let each = |get: &dyn Fn(usize) -> Option<Stored>| (0..values.len()).map(get).collect();
    match (common, values) {
        (DType::Bool, _) => each(&|i| values.get_i64(i).map(|value| Stored::Bool(value != 0))),
        (dtype, Buffer::U64(values)) if dtype.is_integer() => {
            Some(values.iter().map(|&value| Stored::Int(value.into())).collect())
        }
        (dtype, _) if dtype.is_integer() => each(&|i| values.get_i64(i).map(|value| Stored::Int(value.into()))),
        _ => match values.cast(DType::C128).ok()? {
            Buffer::C128(values) => Some(values.into_iter().map(Stored::Complex).collect()),
            _ => None,
        },
    }
}

/// Row, column and value of what is stored, in order, duplicates summed, zeros left out.
fn entries(matrix: &SparseMatrix, common: DType) -> Option<Vec<(u64, u64, Stored)>> {
    let values = stored(&matrix.data, common)?;
    let mut out: Vec<(u64, u64, Stored)> = Vec::with_capacity(values.len());
    for (major, bounds) in (0_u64..).zip(matrix.indptr.windows(2)) {
        let range = usize::try_from(bounds[0]).ok()?..usize::try_from(bounds[1]).ok()?;
        for (&minor, &value) in matrix.indices.get(range.clone())?.iter().zip(values.get(range)?) {
            let (row, col) = match matrix.layout {
                SparseLayout::Csr => (major, minor),
                SparseLayout::Csc => (minor, major),
            };
            out.push((row, col, value));
        }
    }
    out.sort_by_key(|&(row, col, _)| (row, col));
    out.dedup_by(|next, kept| {
        let same = (next.0, next.1) == (kept.0, kept.1);
        if same {
            kept.2 = kept.2.plus(next.2);
        }
        same
    });
    out.retain(|&(_, _, value)| !value.is_zero());
    Some(out)
}

/// Equality of values as scipy's `!=` sees it, in the common type of both; NaN is equal to NaN.
fn sparse_equal(a: &SparseMatrix, b: &SparseMatrix) -> bool {
    let Some(common) = a.data.dtype().promote(b.data.dtype()).filter(|_| a.shape == b.shape) else { return false };
    match (entries(a, common), entries(b, common)) {
        (Some(a), Some(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(&b)
                    .all(|(a, b)| (a.0, a.1) == (b.0, b.1) && (a.2 == b.2 || (a.2.is_nan() && b.2.is_nan())))
        }
        _ => false,
    }
}

fn to_sparse(dense: &DenseArray, layout: SparseLayout) -> SparseMatrix {
    let [rows, cols] = *dense.shape.as_slice() else {
        // No matrix: a shape that equals no other.
        return SparseMatrix {
            layout,
            shape: [usize::MAX, usize::MAX],
            indptr: vec![0],
            indices: Vec::new(),
            data: Buffer::empty(DType::F64),
        };
    };
    SparseMatrix {
        layout: SparseLayout::Csr,
        shape: [rows, cols],
        indptr: (0..=rows).map(|row| (row * cols) as u64).collect(),
        indices: (0..rows).flat_map(|_| 0..cols as u64).collect(),
        data: dense.values.clone(),
    }
}

/// `awkward.almost_equal`: the same form and numbers that differ by no more than its tolerances.
fn awkward_equal(a: &AwkwardArray, b: &AwkwardArray) -> bool {
    if let (Ok(a), Ok(b)) = (Node::decode(a), Node::decode(b)) {
        return a.almost_equals(&b, &close);
    }
    let form = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    a.length == b.length
        && (a.form == b.form || form(&a.form).is_some_and(|a| Some(a) == form(&b.form)))
        && a.buffers.len() == b.buffers.len()
        && b.buffers.iter().all(|(name, b)| a.buffers.get(name).is_some_and(|a| close(&a.values, &b.values)))
}

#[expect(clippy::float_cmp, reason = "infinities are equal only exactly")]
fn close(a: &Buffer, b: &Buffer) -> bool {
    if !a.dtype().is_float() {
        return a == b;
    }
    a.dtype() == b.dtype()
        && a.len() == b.len()
        && (0..a.len()).all(|i| match (a.get_f64(i), b.get_f64(i)) {
            (Some(a), Some(b)) => a == b || (a - b).abs() <= 1e-8 + 1e-5 * b.abs(),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(values: Buffer) -> Element {
        Element::Array(DenseArray { shape: vec![values.len()], values })
    }

    fn scalar(values: Buffer) -> Element {
        Element::Scalar(values)
    }

    fn text(values: &[&str]) -> Buffer {
        Buffer::Str(values.iter().collect())
    }

    fn matrix(layout: SparseLayout, indptr: &[u64], indices: &[u64], data: Buffer) -> Element {
        Element::Sparse(SparseMatrix {
            layout,
            shape: [2, 2],
            indptr: indptr.to_vec(),
            indices: indices.to_vec(),
            data,
        })
    }

    /// `equal` of anndata 0.12.19 on the same values.
    #[test]
    fn scalars_compare_as_in_python() {
        assert!(equal(&scalar(Buffer::I64(vec![1])), &scalar(Buffer::F64(vec![1.0]))));
        assert!(equal(&scalar(Buffer::I64(vec![1])), &scalar(Buffer::Bool(vec![1]))));
        assert!(equal(&scalar(Buffer::C128(vec![[1.0, 0.0]])), &scalar(Buffer::I64(vec![1]))));
        assert!(!equal(&scalar(Buffer::F64(vec![f64::NAN])), &scalar(Buffer::F64(vec![f64::NAN]))));
        assert!(!equal(&scalar(Buffer::F32(vec![1.1])), &scalar(Buffer::F64(vec![1.1]))));
        assert!(equal(&scalar(text(&["a"])), &scalar(text(&["a"]))));
        assert!(!equal(&scalar(text(&["1"])), &scalar(Buffer::I64(vec![1]))));
        assert!(equal(&Element::Null, &Element::Null));
        assert!(!equal(&Element::Null, &scalar(Buffer::I64(vec![1]))));
        assert!(!equal(&array(Buffer::I64(vec![1, 2])), &scalar(Buffer::I64(vec![1]))));
    }

    /// `equal` of anndata 0.12.19: integers compare as integers, beyond 2^53 too.
    #[test]
    fn large_integers_are_exact() {
        let large = |value| matrix(SparseLayout::Csr, &[0, 1, 1], &[0], Buffer::I64(vec![value]));
        assert!(!equal(&large(1 << 60), &large((1 << 60) + 1)));
        assert!(equal(&large(1 << 60), &large(1 << 60)));
        let flags = |indices: &[u64]| {
            let end = indices.len() as u64;
            matrix(SparseLayout::Csr, &[0, end, end], indices, Buffer::Bool(vec![1; indices.len()]))
        };
        assert!(equal(&flags(&[0, 0]), &flags(&[0])));
    }

    #[test]
    fn arrays_are_strict_about_types() {
        assert!(!equal(&array(Buffer::I32(vec![1, 2])), &array(Buffer::I64(vec![1, 2]))));
        assert!(!equal(&array(Buffer::F64(vec![])), &array(Buffer::I32(vec![]))));
        assert!(equal(&array(Buffer::F64(vec![f64::NAN, 1.0])), &array(Buffer::F64(vec![f64::NAN, 1.0]))));
        assert!(equal(&array(text(&["a", "b"])), &array(text(&["a", "b"]))));
    }

    #[test]
    fn standing_columns_compare_by_value() {
        let category = |categories: &[&str]| {
            Element::Column(Column::Categorical {
                codes: vec![0, -1],
                categories: Box::new(Column::text(categories)),
                ordered: false,
            })
        };
        assert!(equal(&category(&["a"]), &category(&["a", "b"])));
        assert!(!equal(&category(&["a"]), &category(&["b"])));
    }

    #[test]
    fn sparse_matrices_compare_by_value() {
        let a = matrix(SparseLayout::Csr, &[0, 2, 3], &[1, 0, 1], Buffer::F32(vec![2.0, 1.0, f32::NAN]));
        let zeros = matrix(SparseLayout::Csr, &[0, 2, 4], &[0, 1, 0, 1], Buffer::F64(vec![1.0, 2.0, 0.0, f64::NAN]));
        let csc = matrix(SparseLayout::Csc, &[0, 1, 3], &[0, 0, 1], Buffer::F64(vec![1.0, 2.0, f64::NAN]));
        let twice = matrix(SparseLayout::Csr, &[0, 3, 4], &[0, 1, 1, 1], Buffer::F64(vec![1.0, 1.5, 0.5, f64::NAN]));
        assert!(equal(&a, &zeros) && equal(&a, &csc) && equal(&a, &twice));
        let other = matrix(SparseLayout::Csr, &[0, 2, 3], &[1, 0, 1], Buffer::F32(vec![2.0, 1.0, 5.0]));
        assert!(!equal(&a, &other));
        let dense = |values| Element::Array(DenseArray { shape: vec![2, 2], values });
        let values = dense(Buffer::F32(vec![1.0, 2.0, 0.0, f32::NAN]));
        assert!(equal(&a, &values) && equal(&values, &a));
        assert!(!equal(&a, &dense(Buffer::F64(vec![1.0, 2.0, 0.0, f64::NAN]))));
        assert!(!equal(&a, &array(Buffer::F32(vec![1.0]))));
    }
}
