//! The labels of the axis that grows, and the column that says where each row came from.

use std::collections::HashSet;

use annstream_store::{Buffer, DType, Error, Result, Strings};

use crate::table::{Column, StackPart, stack_columns};

/// The labels of all inputs one after another; with a separator each becomes `{label}{separator}{key}`. Missing labels
/// stay missing. Nullable text stays nullable if all inputs have it, or if a label is missing. Indexes are text
/// (see [`text_index`](crate::anndata::text_index)).
///
/// # Errors
/// If there are not as many keys as inputs.
pub fn stack_index(indexes: &[Column], unique: Option<&str>, keys: &[String]) -> Result<Column> {
    if unique.is_some() && keys.len() != indexes.len() {
        return Err(Error::argument(format!("{} keys for {} inputs", keys.len(), indexes.len())));
    }
    let Some(separator) = unique else {
        return stack_columns(&indexes.iter().map(StackPart::Present).collect::<Vec<_>>());
    };
    let suffixed: Vec<Column> = indexes.iter().zip(keys).map(|(index, key)| suffix(index, separator, key)).collect();
    stack_columns(&suffixed.iter().map(StackPart::Present).collect::<Vec<_>>())
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
