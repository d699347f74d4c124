//! `pandas.Series.equals` and `pandas.DataFrame.equals`.

use annstream_store::Buffer;

use super::{Column, Table, labels};

/// Whether two buffers have one type and the same values, NaN being equal to NaN.
pub(crate) fn same_values(a: &Buffer, b: &Buffer) -> bool {
    fn float<T: Copy + PartialEq>(a: T, b: T) -> bool {
        a == b || (a != a && b != b)
    }
    fn all<T: Copy + PartialEq>(a: &[T], b: &[T]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| float(*a, *b))
    }
    fn complex<T: Copy + PartialEq>(a: &[[T; 2]], b: &[[T; 2]]) -> bool {
        let nan = |x: [T; 2]| x[0] != x[0] || x[1] != x[1];
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || (nan(*a) && nan(*b)))
    }
    match (a, b) {
        (Buffer::F16(a), Buffer::F16(b)) => all(a, b),
        (Buffer::F32(a), Buffer::F32(b)) => all(a, b),
        (Buffer::F64(a), Buffer::F64(b)) => all(a, b),
        (Buffer::C64(a), Buffer::C64(b)) => complex(a, b),
        (Buffer::C128(a), Buffer::C128(b)) => complex(a, b),
        _ => a == b,
    }
}

impl Column {
    /// Whether two columns have the same type and values, missing ones being equal (`pandas.Series.equals`). Categories
    /// must be the same set, in the same order if that has a meaning.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(a), Self::Plain(b)) => same_values(a, b),
            (
                Self::Nullable { values: a, missing: mask_a, na: na_a },
                Self::Nullable { values: b, missing: mask_b, na: na_b },
            ) => {
                a.dtype() == b.dtype() && na_a == na_b && mask_a == mask_b && {
                    let at: Vec<i64> =
                        (0_i64..).zip(mask_a).map(|(i, &missing)| if missing { -1 } else { i }).collect();
                    same_values(&a.take(&at), &b.take(&at))
                }
            }
            (
                Self::Categorical { categories: a, ordered: ordered_a, .. },
                Self::Categorical { categories: b, ordered: ordered_b, .. },
            ) => ordered_a == ordered_b && same_categories(a, b, *ordered_a) && same_labels(self, other),
            _ => false,
        }
    }
}

/// Categories have to be of one type (unless ordered, where pandas compares values only) and the same set or list.
fn same_categories(a: &Column, b: &Column, ordered: bool) -> bool {
    if !ordered && std::mem::discriminant(a) != std::mem::discriminant(b)
        || !ordered && a.value_type() != b.value_type()
    {
        return false;
    }
    let (Ok(mut a), Ok(mut b)) = (labels(a), labels(b)) else { return a.equals(b) };
    if !ordered {
        a.sort_unstable();
        b.sort_unstable();
    }
    a == b
}

fn same_labels(a: &Column, b: &Column) -> bool {
    match (labels(a), labels(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

impl Table {
    /// Whether two tables have the same index, the same columns in the same order, and equal values
    /// (`pandas.DataFrame.equals`). The name of the index does not matter.
    pub fn equals(&self, other: &Self) -> bool {
        same_labels(&self.index, &other.index)
            && self.columns.len() == other.columns.len()
            && self.columns.iter().zip(&other.columns).all(|((a, x), (b, y))| a == b && x.equals(y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::NaValue;

    fn category(codes: &[i32], categories: &[&str], ordered: bool) -> Column {
        Column::Categorical { codes: codes.to_vec(), categories: Box::new(Column::text(categories)), ordered }
    }

    #[test]
    fn types_are_strict_and_nan_equals_nan() {
        let floats = Column::Plain(Buffer::F64(vec![1.0, f64::NAN]));
        assert!(floats.equals(&floats.clone()));
        assert!(!Column::Plain(Buffer::I32(vec![1])).equals(&Column::Plain(Buffer::I64(vec![1]))));
    }

    #[test]
    fn values_under_the_mask_do_not_matter() {
        let nullable = |value| Column::Nullable {
            values: Buffer::I64(vec![1, value]),
            missing: vec![false, true],
            na: NaValue::Na,
        };
        assert!(nullable(0).equals(&nullable(7)));
    }

    /// `pd.Series(pd.Categorical(...)).equals(...)`, pandas 2.3.3.
    #[test]
    fn unordered_categories_are_a_set() {
        assert!(category(&[0, 1], &["a", "b"], false).equals(&category(&[1, 0], &["b", "a"], false)));
        assert!(!category(&[0, 1], &["a", "b"], true).equals(&category(&[1, 0], &["b", "a"], true)));
        assert!(!category(&[0], &["a"], false).equals(&category(&[0], &["a", "b"], false)));
    }
}
