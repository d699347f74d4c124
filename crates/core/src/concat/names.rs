//! The labels of the axis that grows, and the column that says where each row came from.

use std::borrow::Cow;
use std::collections::HashSet;

use annstream_store::{Buffer, DType, Error, Result, Strings};

use crate::table::{Column, StackPart, stack_columns};

/// An index as text. AnnData turns any other index into text when it reads a file: numbers as Python writes them,
/// categories as their values; missing numbers as `<NA>` or `nan`.
///
/// # Errors
/// For complex numbers, and codes without a category.
pub fn index_text(index: &Column) -> Result<Cow<'_, Column>> {
    Ok(match index {
        Column::Plain(Buffer::Str(_)) | Column::Nullable { values: Buffer::Str(_), .. } => Cow::Borrowed(index),
        Column::Plain(values) => Cow::Owned(Column::Plain(Buffer::Str(number_texts(values)?))),
        Column::Nullable { values, missing, .. } => {
            let texts = number_texts(values)?;
            let shown = texts.iter().zip(missing).map(|(text, &missing)| if missing { "<NA>" } else { text });
            Cow::Owned(Column::Plain(Buffer::Str(shown.collect())))
        }
        Column::Categorical { codes, categories, .. } => {
            let categories = index_text(categories)?;
            let (Column::Plain(Buffer::Str(texts)) | Column::Nullable { values: Buffer::Str(texts), .. }) =
                &*categories
            else {
                return Err(Error::internal("categories of an index are not text"));
            };
            let mut out = Strings::new();
            for (row, &code) in codes.iter().enumerate() {
                match usize::try_from(code) {
                    Ok(code) if code < texts.len() => out.push(texts.get(code)),
                    Ok(_) => return Err(Error::invalid(format!("code {code} has no category")).row(row)),
                    Err(_) => out.push("nan"),
                }
            }
            Cow::Owned(Column::Plain(Buffer::Str(out)))
        }
    })
}

fn number_texts(values: &Buffer) -> Result<Strings> {
    let len = values.len();
    let texts = match values {
        Buffer::Bool(values) => values.iter().map(|&value| if value == 0 { "False" } else { "True" }).collect(),
        Buffer::U64(values) => values.iter().map(u64::to_string).collect(),
        Buffer::F32(values) => values.iter().map(|&value| python_float(value, f64::from(value))).collect(),
        Buffer::F16(_) | Buffer::F64(_) => {
            (0..len).filter_map(|i| values.get_f64(i)).map(|value| python_float(value, value)).collect()
        }
        _ => (0..len).filter_map(|i| values.get_i64(i)).map(|value| value.to_string()).collect::<Strings>(),
    };
    if texts.len() == len {
        Ok(texts)
    } else {
        Err(Error::unsupported(format!("an index of {} values", values.dtype())))
    }
}

/// `repr(float)`: the shortest digits, with an exponent below 1e-4 and from 1e16.
fn python_float(value: impl std::fmt::LowerExp + std::fmt::Debug, wide: f64) -> String {
    if wide.is_nan() {
        return "nan".into();
    }
    if wide.is_infinite() {
        return if wide > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let size = wide.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) => match exponent.strip_prefix('-') {
                Some(exponent) => format!("{digits}e-{exponent:0>2}"),
                None => format!("{digits}e+{exponent:0>2}"),
            },
            None => text,
        };
    }
    let (digits, exponent) = match format!("{value:e}").split_once('e') {
        Some((digits, exponent)) => (digits.to_owned(), exponent.parse::<i32>().unwrap_or(0)),
        None => (String::new(), 0),
    };
    // Positional notation of the shortest digits.
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest.replace('.', "")),
        None => ("", digits.replace('.', "")),
    };
    if exponent < 0 {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0));
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = usize::try_from(exponent).unwrap_or(0) + 1;
    if digits.len() <= whole {
        format!("{sign}{digits:0<whole$}.0")
    } else {
        format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
    }
}

/// The labels of all inputs one after another; with a separator each becomes `{label}{separator}{key}`. Missing labels
/// stay missing. Nullable text stays nullable if all inputs have it, or if a label is missing.
///
/// # Errors
/// If there are not as many keys as inputs.
pub fn stack_index(indexes: &[Column], unique: Option<&str>, keys: &[String]) -> Result<Column> {
    if unique.is_some() && keys.len() != indexes.len() {
        return Err(Error::argument(format!("{} keys for {} inputs", keys.len(), indexes.len())));
    }
    let texts: Vec<Cow<'_, Column>> = indexes.iter().map(index_text).collect::<Result<_>>()?;
    let stacked = match unique {
        None => stack_columns(&texts.iter().map(|text| StackPart::Present(text)).collect::<Vec<_>>())?,
        Some(separator) => {
            let suffixed: Vec<Column> =
                texts.iter().zip(keys).map(|(text, key)| suffix(text, separator, key)).collect();
            stack_columns(&suffixed.iter().map(StackPart::Present).collect::<Vec<_>>())?
        }
    };
    Ok(stacked)
}

fn suffix(index: &Column, separator: &str, key: &str) -> Column {
    let joined = |text: &Strings, missing: Option<&[bool]>| {
        let mut out = Strings::new();
        for (i, label) in text.iter().enumerate() {
            if missing.is_some_and(|missing| missing[i]) {
                out.push("");
            } else {
                out.push_pieces(&[label, separator, key]);
            }
        }
        Buffer::Str(out)
    };
    match index {
        Column::Plain(Buffer::Str(text)) => Column::Plain(joined(text, None)),
        Column::Nullable { values: Buffer::Str(text), missing, na } => {
            Column::Nullable { values: joined(text, Some(missing)), missing: missing.clone(), na: *na }
        }
        other => other.clone(),
    }
}

/// The name of a combined index: that of the inputs if all have the same.
pub fn common_name<'a>(names: &[Option<&'a str>]) -> Option<&'a str> {
    let first = names.first().copied().flatten()?;
    names.iter().all(|name| *name == Some(first)).then_some(first)
}

/// The column that says which input a row came from: categories are the keys in the given order, also those without
/// rows.
///
/// # Errors
/// If a key is given twice, or there are not as many keys as inputs.
pub fn label_column(keys: &[String], lens: &[usize]) -> Result<Column> {
    if keys.len() != lens.len() {
        return Err(Error::argument(format!("{} keys for {} inputs", keys.len(), lens.len())));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = keys.iter().find(|key| !seen.insert(key.as_str())) {
        return Err(Error::argument(format!("key '{twice}' is given more than once")));
    }
    let mut codes = Vec::with_capacity(lens.iter().sum());
    for (code, len) in (0_i32..).zip(lens) {
        codes.resize(codes.len() + len, code);
    }
    Ok(Column::Categorical { codes, categories: Box::new(Column::text(keys)), ordered: false })
}

/// An index of no labels, of the type that an index of text has.
pub fn empty_index() -> Column {
    Column::Plain(Buffer::empty(DType::Str))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::NaValue;

    fn keys(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|&key| key.to_owned()).collect()
    }

    fn nullable(values: &[&str], missing: &[bool]) -> Column {
        Column::Nullable { values: Buffer::Str(values.iter().collect()), missing: missing.to_vec(), na: NaValue::Na }
    }

    /// `obs_names` of `anndata.concat` (0.12.19, pandas 2.3.3).
    #[test]
    fn labels_are_appended_and_suffixed() {
        let inputs = [Column::text(["a", "a"]), Column::text(["b"])];
        let keys = keys(&["x", "y"]);
        assert_eq!(stack_index(&inputs, None, &keys).unwrap(), Column::text(["a", "a", "b"]));
        assert_eq!(stack_index(&inputs, Some("-"), &keys).unwrap(), Column::text(["a-x", "a-x", "b-y"]));
        let missing = [nullable(&["a", ""], &[false, true]), nullable(&["b"], &[false])];
        assert_eq!(
            stack_index(&missing, Some("-"), &keys).unwrap(),
            nullable(&["a-x", "", "b-y"], &[false, true, false])
        );
    }

    /// `str(x)` of Python 3.11.
    #[test]
    fn floats_are_written_as_python_does() {
        let texts = number_texts(&Buffer::F64(vec![
            1.0,
            0.1,
            1e16,
            1e15,
            1e-5,
            0.0001,
            123_456_789.5,
            1e22,
            -2.5,
            f64::NAN,
            0.0,
            -0.0,
            1.5e-7,
        ]));
        assert_eq!(
            texts.unwrap().iter().collect::<Vec<_>>(),
            [
                "1.0",
                "0.1",
                "1e+16",
                "1000000000000000.0",
                "1e-05",
                "0.0001",
                "123456789.5",
                "1e+22",
                "-2.5",
                "nan",
                "0.0",
                "-0.0",
                "1.5e-07"
            ]
        );
    }

    #[test]
    fn numbers_and_categories_become_text() {
        let category =
            Column::Categorical { codes: vec![1, -1], categories: Box::new(Column::text(["a", "b"])), ordered: false };
        assert_eq!(*index_text(&category).unwrap(), Column::text(["b", "nan"]));
        assert_eq!(*index_text(&Column::Plain(Buffer::Bool(vec![1, 0]))).unwrap(), Column::text(["True", "False"]));
        assert!(index_text(&Column::Plain(Buffer::C64(vec![[0.0, 0.0]]))).is_err());
    }

    #[test]
    fn names_stay_if_all_agree() {
        assert_eq!(common_name(&[Some("g"), Some("g")]), Some("g"));
        assert_eq!(common_name(&[Some("g"), None]), None);
        assert_eq!(common_name(&[Some("g"), Some("h")]), None);
        assert_eq!(common_name(&[]), None);
    }

    #[test]
    fn label_column_keeps_unused_keys() {
        let column = label_column(&keys(&["z", "a", "m"]), &[1, 0, 2]).unwrap();
        let expected = Column::Categorical {
            codes: vec![0, 2, 2],
            categories: Box::new(Column::text(["z", "a", "m"])),
            ordered: false,
        };
        assert_eq!(column, expected);
        assert!(label_column(&keys(&["a", "a"]), &[1, 1]).is_err());
    }

    proptest! {
        #[test]
        fn every_label_is_kept(inputs in proptest::collection::vec(proptest::collection::vec("[a-c]{0,3}", 0..5), 1..4)) {
            let columns: Vec<Column> = inputs.iter().map(Column::text).collect();
            prop_assert_eq!(stack_index(&columns, None, &[]).unwrap(), Column::text(inputs.concat()));
        }
    }
}
