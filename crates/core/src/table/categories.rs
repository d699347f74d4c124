//! Category values as comparable labels, and the union of category lists.

use std::collections::HashSet;

use annstream_store::{Buffer, DType, Error, Result};

use super::natsort::natsort;
use super::{Column, NaValue};

/// One value that can be a category or a key: equal labels are equal values, whatever the width of their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Label<'a> {
    /// True or false.
    Bool(bool),
    /// An integer of any type.
    Int(i128),
    /// A float, as an integer that sorts the same.
    Float(i64),
    /// Text.
    Text(&'a str),
}

impl Label<'_> {
    /// A float; zero has no sign.
    pub(crate) fn float(value: f64) -> Self {
        let bits = (value + 0.0).to_bits().cast_signed();
        Self::Float(if bits < 0 { bits ^ i64::MAX } else { bits })
    }

    /// As a double; NaN for text.
    pub(super) fn to_f64(self) -> f64 {
        match self {
            Self::Bool(value) => f64::from(u8::from(value)),
            Self::Int(value) => value as f64,
            Self::Float(key) => {
                let bits = if key < 0 { key ^ i64::MAX } else { key };
                f64::from_bits(bits.cast_unsigned())
            }
            Self::Text(_) => f64::NAN,
        }
    }
}

/// The values of a column, `None` where missing.
///
/// # Errors
/// For complex values.
pub(crate) fn labels(column: &Column) -> Result<Vec<Option<Label<'_>>>> {
    let plain = |values: &Buffer, missing: Option<&[bool]>| -> Result<Vec<Option<usize>>> {
        if values.dtype().is_complex() {
            return Err(Error::unsupported(format!("{} values cannot be categories", values.dtype())));
        }
        Ok((0..values.len()).map(|i| (!missing.is_some_and(|missing| missing[i])).then_some(i)).collect())
    };
    match column {
        Column::Plain(values) => {
            let at = plain(values, None)?;
            Ok(at.into_iter().map(|i| i.and_then(|i| label(values, i))).collect())
        }
        Column::Nullable { values, missing, .. } => {
            let at = plain(values, Some(missing))?;
            Ok(at.into_iter().map(|i| i.and_then(|i| label(values, i))).collect())
        }
        Column::Categorical { codes, categories, .. } => {
            let categories = labels(categories)?;
            Ok(codes
                .iter()
                .map(|&code| usize::try_from(code).ok().and_then(|code| categories.get(code).copied().flatten()))
                .collect())
        }
    }
}

/// The `i`-th value of a buffer; `None` for NaN.
fn label(values: &Buffer, i: usize) -> Option<Label<'_>> {
    match values {
        Buffer::Str(text) => Some(Label::Text(text.get(i))),
        Buffer::Bool(values) => Some(Label::Bool(values[i] != 0)),
        Buffer::U64(values) => Some(Label::Int(i128::from(values[i]))),
        Buffer::F16(_) | Buffer::F32(_) | Buffer::F64(_) => {
            values.get_f64(i).filter(|value| !value.is_nan()).map(Label::float)
        }
        _ => values.get_i64(i).map(|value| Label::Int(i128::from(value))),
    }
}

/// A list of categories: the labels, and the column they came from.
#[derive(Clone, Debug)]
pub(super) struct Categories<'a> {
    pub(super) labels: Vec<Label<'a>>,
    /// The column as stored, unless this list was made by [`union_sorted`].
    pub(super) column: Option<&'a Column>,
}

impl<'a> Categories<'a> {
    pub(super) fn of(column: &'a Column) -> Result<Self> {
        let labels: Option<Vec<_>> = labels(column)?.into_iter().collect();
        let labels = labels.ok_or_else(|| Error::invalid("a category is missing"))?;
        Ok(Self { labels, column: Some(column) })
    }

    /// The type that pandas sees: that of the column, or what a list of the labels infers to.
    pub(super) fn dtype(&self) -> (DType, bool) {
        match self.column {
            Some(column) => (column.value_type(), matches!(column, Column::Nullable { .. })),
            None => (inferred(&self.labels), false),
        }
    }

    /// Equality of unordered category types: the same set and the same type.
    pub(super) fn same_set(&self, other: &Self) -> bool {
        self.dtype() == other.dtype()
            && self.labels.len() == other.labels.len()
            && (self.labels == other.labels || {
                let mine: HashSet<_> = self.labels.iter().collect();
                other.labels.iter().all(|label| mine.contains(label))
            })
    }

    /// The categories as a column.
    pub(super) fn to_column(&self) -> Result<Column> {
        if let Some(column) = self.column {
            return Ok(column.clone());
        }
        let ints = |dtype: DType| -> Result<Column> {
            let text = |label: &Label<'_>| match label {
                Label::Int(value) => Ok(*value),
                _ => Err(Error::internal("a category is not an integer")),
            };
            let values = self.labels.iter().map(text).collect::<Result<Vec<_>>>()?;
            let misfit = |_| Error::incompatible("the categories fit neither int64 nor uint64");
            Ok(Column::Plain(if dtype == DType::U64 {
                Buffer::U64(values.into_iter().map(u64::try_from).collect::<Result<_, _>>().map_err(misfit)?)
            } else {
                Buffer::I64(values.into_iter().map(i64::try_from).collect::<Result<_, _>>().map_err(misfit)?)
            }))
        };
        match inferred(&self.labels) {
            DType::Bool => Ok(Column::Plain(Buffer::Bool(
                self.labels.iter().map(|label| u8::from(*label == Label::Bool(true))).collect(),
            ))),
            dtype @ (DType::I64 | DType::U64) => ints(dtype),
            DType::F64 => Ok(Column::Plain(Buffer::F64(self.labels.iter().map(|label| label.to_f64()).collect()))),
            _ => Ok(Column::Plain(Buffer::Str(
                self.labels
                    .iter()
                    .map(|label| match label {
                        Label::Text(text) => *text,
                        _ => "",
                    })
                    .collect(),
            ))),
        }
    }
}

/// The type of `pd.Index(list(labels))`; labels are of one class.
fn inferred(labels: &[Label<'_>]) -> DType {
    match labels.first() {
        Some(Label::Bool(_)) => DType::Bool,
        Some(Label::Float(_)) => DType::F64,
        Some(Label::Int(_)) => {
            let max = labels.iter().max();
            if max > Some(&Label::Int(i128::from(i64::MAX))) { DType::U64 } else { DType::I64 }
        }
        Some(Label::Text(_)) | None => DType::Str,
    }
}

/// The fold of `pandas.Index.union` over category lists: unchanged while equal or empty, sorted otherwise. `None` if
/// the labels are of different classes (text, numbers, booleans).
pub(super) fn union<'a>(lists: &[&Categories<'a>]) -> Option<Vec<Label<'a>>> {
    let class = |label: &Label<'_>| match label {
        Label::Bool(_) => 0,
        Label::Int(_) | Label::Float(_) => 1,
        Label::Text(_) => 2,
    };
    let mut firsts = lists.iter().filter_map(|list| list.labels.first());
    if let Some(first) = firsts.next()
        && firsts.any(|label| class(label) != class(first))
    {
        return None;
    }
    // Empty lists of floats count, too.
    let floats = lists.iter().any(|list| list.dtype().0.is_float());
    let widen = |label: &Label<'a>| match label {
        Label::Int(value) if floats => Label::float(*value as f64),
        _ => *label,
    };
    let mut union: Vec<Label<'a>> = Vec::new();
    let mut started = false;
    for list in lists {
        let labels: Vec<_> = list.labels.iter().map(widen).collect();
        if !started || union.is_empty() {
            union = labels;
        } else if !labels.is_empty() && labels != union {
            let known: HashSet<_> = union.iter().copied().collect();
            union.extend(labels.into_iter().filter(|label| !known.contains(label)));
            union.sort_unstable();
        }
        started = true;
    }
    Some(union)
}

/// Labels in the order of `natsort.natsorted`.
pub(super) fn natural_order<'a>(mut labels: Vec<Label<'a>>) -> Categories<'a> {
    let text: Option<Vec<&'a str>> = labels
        .iter()
        .map(|label| match label {
            Label::Text(text) => Some(*text),
            _ => None,
        })
        .collect();
    if let Some(mut text) = text {
        natsort(&mut text);
        labels = text.into_iter().map(Label::Text).collect();
    } else {
        labels.sort_unstable();
    }
    Categories { labels, column: None }
}

/// How missing text shows after combining two ways: `pd.NA` wins.
pub(super) fn combine_na(a: NaValue, b: NaValue) -> NaValue {
    if a == NaValue::NaN && b == NaValue::NaN { NaValue::NaN } else { NaValue::Na }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_labels_sort_as_floats() {
        let mut labels = [2.5, -1.0, 0.0, -3.5].map(Label::float);
        labels.sort_unstable();
        assert_eq!(labels.map(|label| label.to_f64().to_string()), ["-3.5", "-1", "0", "2.5"]);
        assert_eq!(Label::float(0.0), Label::float(-0.0));
    }

    #[test]
    fn union_keeps_equal_lists_and_sorts_others() {
        let (a, b) = (Column::text(["c", "a"]), Column::text(["b"]));
        let (a, b) = (Categories::of(&a).unwrap(), Categories::of(&b).unwrap());
        assert_eq!(union(&[&a, &a]), Some(vec![Label::Text("c"), Label::Text("a")]));
        assert_eq!(union(&[&a, &b]), Some(vec![Label::Text("a"), Label::Text("b"), Label::Text("c")]));
    }
}
