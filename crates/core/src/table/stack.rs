//! Columns on top of each other.

use std::collections::HashMap;

use annstream_store::{Buffer, DType, Error, Result, Strings};

use super::categories::{Categories, combine_na, labels};
use super::reindex::take_or_nan;
use super::rule::{PartSchema, Target, target};
use super::{Column, ColumnKind, NaValue};

/// One table's share of a stacked column.
#[derive(Clone, Copy, Debug)]
pub enum StackPart<'a> {
    /// The table has the column.
    Present(&'a Column),
    /// The table has rows or other columns, but not this one: so many missing values.
    Missing(usize),
    /// The table has neither rows nor columns; pandas leaves it out of an outer join (it still makes booleans
    /// nullable).
    Nothing,
}

/// The columns as one, as `anndata.concat` 0.12 with pandas 2.3 makes it. Types: numbers promote as in numpy; integers
/// with holes become float64 and booleans nullable; categories become their union in natural order; text with holes
/// becomes nullable text that shows NaN. A column without values (no rows, or all missing) that could hold missing
/// values does not count for the type.
///
/// # Errors
/// [`ErrorKind::Incompatible`](annstream_store::ErrorKind) where pandas makes a column of Python objects or of its
/// `Float64` type, neither of which an AnnData file can hold: text beside numbers, booleans beside floats, nullable
/// integers beside floats, categories of text beside categories of numbers.
pub fn stack_columns(parts: &[StackPart<'_>]) -> Result<Column> {
    let schemas: Vec<PartSchema<'_>> = parts.iter().map(StackPart::schema).collect();
    let target = target(&schemas)?.ok_or_else(|| Error::internal("a stacked column is in none of the tables"))?;
    let target = writable(target, &schemas)?;
    match target {
        Target::Number(dtype) => stack_numbers(parts, dtype),
        Target::Masked(dtype) => stack_masked(parts, dtype),
        Target::Text(na) => stack_text(parts, na, true),
        Target::Object => stack_text(parts, text_na(&schemas), false),
        Target::Category { categories, ordered } => stack_categories(parts, &categories, ordered),
        Target::MixedCategories => Err(conflict(&schemas)),
    }
}

/// The type that [`stack_columns`] gives, from the types of the parts.
///
/// # Errors
/// As [`stack_columns`], as far as types show it.
pub fn stack_schema(parts: &[PartSchema<'_>]) -> Result<ColumnKind> {
    let target = target(parts)?.ok_or_else(|| Error::internal("a stacked column is in none of the tables"))?;
    Ok(match writable(target, parts)? {
        Target::Number(dtype) => ColumnKind::Plain(dtype),
        Target::Masked(dtype) => ColumnKind::Nullable(dtype),
        Target::Text(_) => ColumnKind::Nullable(DType::Str),
        Target::Object if parts.iter().any(|part| matches!(part, PartSchema::Missing(1..))) => {
            ColumnKind::Nullable(DType::Str)
        }
        Target::Object => ColumnKind::Plain(DType::Str),
        Target::Category { categories, ordered } => {
            ColumnKind::Categorical { categories: categories.dtype().0, ordered }
        }
        Target::MixedCategories => return Err(conflict(parts)),
    })
}

impl<'a> StackPart<'a> {
    /// What the type rule needs to know of this part.
    pub fn schema(&self) -> PartSchema<'a> {
        match *self {
            Self::Present(column) => column.schema(),
            Self::Missing(len) => PartSchema::Missing(len),
            Self::Nothing => PartSchema::Nothing,
        }
    }
}

impl Column {
    /// What the type rule of [`stack_schema`] needs to know of this column.
    pub fn schema(&self) -> PartSchema<'_> {
        let (categories, na) = match self {
            Self::Plain(_) => (None, NaValue::NaN),
            Self::Nullable { na, .. } => (None, *na),
            Self::Categorical { categories, .. } => (Some(&**categories), NaValue::NaN),
        };
        PartSchema::Present {
            kind: self.kind(),
            len: self.len(),
            all_missing: (0..self.len()).all(|i| self.is_missing(i)),
            any_missing: (0..self.len()).any(|i| self.is_missing(i)),
            categories,
            na,
        }
    }

    /// Whether the `i`-th value is missing: masked, without a category, or NaN.
    pub fn is_missing(&self, i: usize) -> bool {
        match self {
            Self::Plain(Buffer::C64(values)) => values[i][0].is_nan() || values[i][1].is_nan(),
            Self::Plain(Buffer::C128(values)) => values[i][0].is_nan() || values[i][1].is_nan(),
            Self::Plain(values) => values.dtype().is_float() && values.get_f64(i).is_some_and(f64::is_nan),
            Self::Nullable { missing, .. } => missing[i],
            Self::Categorical { codes, .. } => codes[i] < 0,
        }
    }
}

/// Refuses what AnnData files cannot hold, from types alone.
fn writable<'a>(target: Target<'a>, parts: &[PartSchema<'_>]) -> Result<Target<'a>> {
    match &target {
        Target::MixedCategories => Err(conflict(parts)),
        Target::Masked(dtype) if dtype.is_float() => Err(conflict(parts)),
        Target::Object if parts.iter().any(holds_no_text) => Err(conflict(parts)),
        _ => Ok(target),
    }
}

/// Whether a part has values that are not text.
fn holds_no_text(part: &PartSchema<'_>) -> bool {
    match part {
        PartSchema::Present { kind, len, all_missing, .. } => {
            let dtype = match kind {
                ColumnKind::Plain(dtype) | ColumnKind::Nullable(dtype) => dtype,
                ColumnKind::Categorical { categories, .. } => categories,
            };
            *len > 0 && !all_missing && *dtype != DType::Str
        }
        _ => false,
    }
}

fn conflict(parts: &[PartSchema<'_>]) -> Error {
    let mut kinds: Vec<String> = Vec::new();
    for part in parts {
        if let PartSchema::Present { kind, .. } = part {
            let name = kind.to_string();
            if !kinds.contains(&name) {
                kinds.push(name);
            }
        }
    }
    let message = match kinds.as_slice() {
        [only] => format!("columns of {only} with different categories have no common type that a file can hold"),
        _ => format!("columns of {} have no common type that a file can hold", kinds.join(" and ")),
    };
    Error::incompatible(message).hint("give the column one type in all inputs, or rename it in some of them")
}

/// How missing text shows where pandas has Python objects: as in the nullable parts, NaN without any.
fn text_na(parts: &[PartSchema<'_>]) -> NaValue {
    parts
        .iter()
        .filter_map(|part| match part {
            PartSchema::Present { kind: ColumnKind::Nullable(DType::Str), na, .. } => Some(*na),
            _ => None,
        })
        .reduce(combine_na)
        .unwrap_or(NaValue::NaN)
}

fn stack_numbers(parts: &[StackPart<'_>], dtype: DType) -> Result<Column> {
    let mut out = Buffer::empty(dtype);
    let mut append = |values: &Buffer| out.extend_from(values, 0..values.len());
    for part in parts {
        match part {
            StackPart::Present(column) if column.is_empty() => {}
            StackPart::Present(Column::Plain(values)) if values.dtype() == dtype => append(values)?,
            StackPart::Present(column) => append(&numbers(column, dtype)?)?,
            StackPart::Missing(len) => append(&nans(dtype, *len)?)?,
            StackPart::Nothing => {}
        }
    }
    Ok(Column::Plain(out))
}

/// The values as plain numbers, NaN where missing.
fn numbers(column: &Column, dtype: DType) -> Result<Buffer> {
    let positions = |missing: &[bool]| -> Vec<i64> {
        (0_i64..).zip(missing).map(|(i, &missing)| if missing { -1 } else { i }).collect()
    };
    match column {
        // Complex values that are all missing do not count for the type.
        Column::Plain(values) if values.dtype().is_complex() && !dtype.is_complex() => nans(dtype, values.len()),
        Column::Plain(values) => values.cast(dtype),
        Column::Nullable { missing, .. } if missing.iter().all(|&missing| missing) => nans(dtype, missing.len()),
        Column::Nullable { values, missing, .. } => take_or_nan(values, &positions(missing))?.cast(dtype),
        Column::Categorical { codes, .. } if codes.iter().all(|&code| code < 0) => nans(dtype, codes.len()),
        Column::Categorical { codes, categories, .. } => {
            let categories = numbers(categories, dtype)?;
            take_or_nan(&categories, &codes.iter().map(|&code| i64::from(code)).collect::<Vec<_>>())?.cast(dtype)
        }
    }
}

fn nans(dtype: DType, len: usize) -> Result<Buffer> {
    take_or_nan(&Buffer::empty(dtype), &vec![-1; len])?.cast(dtype)
}

fn stack_masked(parts: &[StackPart<'_>], dtype: DType) -> Result<Column> {
    let mut values = Buffer::empty(dtype);
    let mut missing = Vec::new();
    let mut append = |part: &Buffer, mask: &mut dyn Iterator<Item = bool>| -> Result<()> {
        values.extend_from(&part.cast(dtype)?, 0..part.len())?;
        missing.extend(mask);
        Ok(())
    };
    for part in parts {
        match part {
            StackPart::Present(column) if (0..column.len()).all(|i| column.is_missing(i)) => {
                append(&Buffer::zeros(dtype, column.len()), &mut (0..column.len()).map(|_| true))?;
            }
            StackPart::Present(Column::Plain(part)) => append(part, &mut (0..part.len()).map(|_| false))?,
            StackPart::Present(Column::Nullable { values: part, missing: mask, .. }) => {
                append(&clean(part, mask), &mut mask.iter().copied())?;
            }
            StackPart::Present(Column::Categorical { codes, categories, .. }) => {
                let (Column::Plain(values) | Column::Nullable { values, .. }) = &**categories else {
                    return Err(Error::invalid("categories of a categorical column are categorical"));
                };
                let part = values.take(&codes.iter().map(|&code| i64::from(code)).collect::<Vec<_>>());
                append(&part, &mut codes.iter().map(|&code| code < 0))?;
            }
            StackPart::Missing(len) => append(&Buffer::zeros(dtype, *len), &mut (0..*len).map(|_| true))?,
            StackPart::Nothing => {}
        }
    }
    Ok(Column::Nullable { values, missing, na: NaValue::Na })
}

/// The values with zero under the mask.
fn clean(values: &Buffer, missing: &[bool]) -> Buffer {
    let positions: Vec<i64> = (0_i64..).zip(missing).map(|(i, &missing)| if missing { -1 } else { i }).collect();
    values.take(&positions)
}

fn stack_text(parts: &[StackPart<'_>], na: NaValue, always_nullable: bool) -> Result<Column> {
    let mut values = Strings::new();
    let mut missing: Vec<bool> = Vec::new();
    for part in parts {
        match part {
            StackPart::Present(Column::Plain(Buffer::Str(part))) => {
                values.extend_from(part, 0..part.len());
                missing.resize(values.len(), false);
            }
            StackPart::Present(column) => push_text(column, &mut values, &mut missing)?,
            StackPart::Missing(len) => {
                (0..*len).for_each(|_| values.push(""));
                missing.resize(values.len(), true);
            }
            StackPart::Nothing => {}
        }
    }
    let nullable = always_nullable || missing.contains(&true);
    let values = Buffer::Str(values);
    Ok(if nullable { Column::Nullable { values, missing, na } } else { Column::Plain(values) })
}

fn push_text(column: &Column, values: &mut Strings, missing: &mut Vec<bool>) -> Result<()> {
    for i in 0..column.len() {
        let text = if column.is_missing(i) { None } else { Some(text_at(column, i)?) };
        values.push(text.unwrap_or(""));
        missing.push(text.is_none());
    }
    Ok(())
}

fn text_at(column: &Column, i: usize) -> Result<&str> {
    match column {
        Column::Plain(Buffer::Str(text)) | Column::Nullable { values: Buffer::Str(text), .. } => Ok(text.get(i)),
        Column::Categorical { codes, categories, .. } => usize::try_from(codes[i])
            .ok()
            .filter(|&code| code < categories.len())
            .ok_or_else(|| Error::invalid(format!("code {} has no category", codes[i])).row(i))
            .and_then(|code| text_at(categories, code)),
        _ => Err(Error::internal(format!("a value of {} is not text", column.kind()))),
    }
}

fn stack_categories(parts: &[StackPart<'_>], categories: &Categories<'_>, ordered: bool) -> Result<Column> {
    let all = categories.to_column()?;
    // Labels of the written column, so that integers and floats compare as they are stored.
    let codes_of: HashMap<_, i32> = labels(&all)?.into_iter().flatten().zip(0..).collect();
    let floats = all.value_type().is_float();
    let widen = |label| match label {
        super::Label::Int(value) if floats => super::Label::float(value as f64),
        other => other,
    };
    let mut codes: Vec<i32> = Vec::new();
    for part in parts {
        match part {
            StackPart::Present(Column::Categorical { codes: old, categories, .. }) => {
                let new: Vec<i32> = labels(categories)?
                    .into_iter()
                    .map(|label| label.and_then(|label| codes_of.get(&widen(label)).copied()).unwrap_or(-1))
                    .collect();
                for (row, &code) in old.iter().enumerate() {
                    let code = match usize::try_from(code) {
                        Ok(code) => *new
                            .get(code)
                            .ok_or_else(|| Error::invalid(format!("code {code} has no category")).row(row))?,
                        Err(_) => -1,
                    };
                    codes.push(code);
                }
            }
            StackPart::Present(column) => codes.resize(codes.len() + column.len(), -1),
            StackPart::Missing(len) => codes.resize(codes.len() + len, -1),
            StackPart::Nothing => {}
        }
    }
    Ok(Column::Categorical { codes, categories: Box::new(all), ordered })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::table::testcase;

    /// Every case of `testdata/stack.json`, made by `testdata/stack.py` with anndata and pandas.
    #[test]
    fn equals_anndata() {
        let path = std::env::var("STACK_CASES");
        let text =
            path.map_or_else(|_| include_str!("testdata/stack.json").into(), |p| std::fs::read_to_string(p).unwrap());
        let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
        let mut failures = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            let columns: Vec<Option<Column>> = case["parts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|part| part.get("t").map(|_| testcase::column(part)))
                .collect();
            let parts: Vec<StackPart<'_>> = columns
                .iter()
                .zip(case["parts"].as_array().unwrap())
                .map(|(column, part)| match (column, part.get("missing")) {
                    (Some(column), _) => StackPart::Present(column),
                    (None, Some(len)) => StackPart::Missing(usize::try_from(len.as_u64().unwrap()).unwrap()),
                    (None, None) => StackPart::Nothing,
                })
                .collect();
            let schemas: Vec<PartSchema<'_>> = parts.iter().map(StackPart::schema).collect();
            let (got, planned) = (stack_columns(&parts), stack_schema(&schemas));
            let fine = match (&got, case["expected"].get("error")) {
                (Err(_), Some(_)) => true,
                (Ok(got), None) => {
                    let expected = testcase::column(&case["expected"]);
                    let text = |kind| matches!(kind, ColumnKind::Plain(DType::Str) | ColumnKind::Nullable(DType::Str));
                    let kind = planned.unwrap();
                    // How missing text shows among Python objects is no promise.
                    let object = case["expected"]["t"] == "object";
                    let got = &if object { shown_as_nan(got) } else { got.clone() };
                    got.equals(&if object { shown_as_nan(&expected) } else { expected.clone() })
                        && (kind == got.kind() || text(kind) && text(got.kind()))
                        && same_order(got, &expected)
                }
                _ => false,
            };
            if !fine {
                failures.push(format!("case {number}: {case}\n  got {got:?}"));
            }
        }
        assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), cases.len(), failures.join("\n"));
    }

    fn shown_as_nan(column: &Column) -> Column {
        match column.clone() {
            Column::Nullable { values, missing, .. } => Column::Nullable { values, missing, na: NaValue::NaN },
            other => other,
        }
    }

    fn same_order(a: &Column, b: &Column) -> bool {
        match (a, b) {
            (Column::Categorical { categories: a, .. }, Column::Categorical { categories: b, .. }) => a.equals(b),
            _ => true,
        }
    }

    #[test]
    fn errors_name_the_types() {
        let (text, numbers) = (Column::text(["a"]), Column::Plain(Buffer::F64(vec![1.0])));
        let error = stack_columns(&[StackPart::Present(&text), StackPart::Present(&numbers)]).unwrap_err();
        assert_eq!(error.kind(), annstream_store::ErrorKind::Incompatible);
        assert_eq!(error.message(), "columns of str and float64 have no common type that a file can hold");
        assert!(error.next_step().is_some());
    }

    proptest! {
        #[test]
        fn one_part_is_identity(values in proptest::collection::vec(any::<i16>(), 0..20)) {
            let column = Column::Plain(Buffer::I16(values));
            prop_assert_eq!(stack_columns(&[StackPart::Present(&column)]).unwrap(), column);
        }

        #[test]
        fn stacking_twice_is_stacking_once(
            a in proptest::collection::vec("[a-c]{0,2}", 1..6),
            b in proptest::collection::vec("[a-c]{0,2}", 1..6),
            c in proptest::collection::vec("[a-c]{0,2}", 1..6),
        ) {
            let (a, b, c) = (Column::text(a), Column::text(b), Column::text(c));
            let part = StackPart::Present;
            let ab = stack_columns(&[part(&a), part(&b)]).unwrap();
            prop_assert_eq!(
                stack_columns(&[part(&ab), part(&c)]).unwrap(),
                stack_columns(&[part(&a), part(&b), part(&c)]).unwrap()
            );
        }
    }
}
