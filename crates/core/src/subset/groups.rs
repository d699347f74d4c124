//! The values of a column that a file is split by.

use annstream_store::{Buffer, DType};

use crate::table::Column;
use crate::{Error, Result};

/// The rows of each value: in the order of categories, of numbers, of text. Values that no row has are left out.
pub(super) struct Groups {
    /// Value and rows.
    pub(super) named: Vec<(String, Vec<u32>)>,
    /// Rows without a value.
    pub(super) missing: Vec<u32>,
}

/// Groups the rows of a column.
///
/// # Errors
/// `Argument` for real and complex numbers, which are no names.
pub(super) fn groups(column: &Column) -> Result<Groups> {
    let (codes, values): (Vec<i64>, Vec<String>) = match column {
        Column::Categorical { codes, categories, .. } => {
            (codes.iter().map(|&code| i64::from(code)).collect(), names(categories)?)
        }
        Column::Plain(values) => coded(values, &[])?,
        Column::Nullable { values, missing, .. } => coded(values, missing)?,
    };
    let mut named: Vec<(String, Vec<u32>)> = values.into_iter().map(|value| (value, Vec::new())).collect();
    let mut missing = Vec::new();
    for (row, code) in (0_u32..).zip(codes) {
        match usize::try_from(code).ok().and_then(|code| named.get_mut(code)) {
            Some((_, rows)) => rows.push(row),
            None => missing.push(row),
        }
    }
    named.retain(|(_, rows)| !rows.is_empty());
    Ok(Groups { named, missing })
}

/// Codes into the sorted values.
fn coded(values: &Buffer, missing: &[bool]) -> Result<(Vec<i64>, Vec<String>)> {
    let held = (0..values.len()).filter(|&row| missing.get(row) != Some(&true));
    let position = |found: usize| found.cast_signed() as i64;
    let mut codes = vec![-1; values.len()];
    if let Buffer::Str(texts) = values {
        let mut unique: Vec<&str> = held.clone().map(|row| texts.get(row)).collect();
        unique.sort_unstable();
        unique.dedup();
        for row in held {
            codes[row] = unique.binary_search(&texts.get(row)).map_or(-1, position);
        }
        return Ok((codes, unique.into_iter().map(str::to_owned).collect()));
    }
    let numbers = integers(values)?;
    let mut unique: Vec<i128> = held.clone().map(|row| numbers[row]).collect();
    unique.sort_unstable();
    unique.dedup();
    for row in held {
        codes[row] = unique.binary_search(&numbers[row]).map_or(-1, position);
    }
    Ok((codes, unique.into_iter().map(|value| name(value, values.dtype())).collect()))
}

fn integers(values: &Buffer) -> Result<Vec<i128>> {
    let dtype = values.dtype();
    if !dtype.is_integer() && dtype != DType::Bool {
        let message = format!("holds {dtype}, which is no name of a file");
        return Err(Error::argument(message).hint("split by categories, text, whole numbers or true and false"));
    }
    Ok(match values {
        Buffer::U64(values) => values.iter().map(|&value| i128::from(value)).collect(),
        Buffer::Bool(values) => values.iter().map(|&value| i128::from(value != 0)).collect(),
        other => (0..other.len()).map(|row| other.get_i64(row).map_or(0, i128::from)).collect(),
    })
}

/// As Python prints it.
fn name(value: i128, dtype: DType) -> String {
    match (dtype, value) {
        (DType::Bool, 0) => "False".to_owned(),
        (DType::Bool, _) => "True".to_owned(),
        _ => value.to_string(),
    }
}

/// The names of categories.
fn names(categories: &Column) -> Result<Vec<String>> {
    match categories {
        Column::Plain(Buffer::Str(texts)) | Column::Nullable { values: Buffer::Str(texts), .. } => {
            Ok(texts.iter().map(str::to_owned).collect())
        }
        Column::Plain(values) | Column::Nullable { values, .. } if values.dtype().is_float() => {
            Ok((0..values.len()).map(|i| values.get_f64(i).unwrap_or(f64::NAN).to_string()).collect())
        }
        Column::Plain(values) | Column::Nullable { values, .. } => {
            Ok(integers(values)?.into_iter().map(|value| name(value, values.dtype())).collect())
        }
        Column::Categorical { .. } => Err(Error::unsupported("categories that are categorical themselves")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::NaValue;

    fn of(column: &Column) -> (Vec<(String, Vec<u32>)>, Vec<u32>) {
        let groups = groups(column).unwrap();
        (groups.named, groups.missing)
    }

    fn pair(name: &str, rows: &[u32]) -> (String, Vec<u32>) {
        (name.to_owned(), rows.to_vec())
    }

    #[test]
    fn rows_are_grouped_in_the_order_of_values() {
        let categories = Box::new(Column::text(["z", "unused", "a"]));
        let column = Column::Categorical { codes: vec![2, 0, -1, 2], categories, ordered: false };
        assert_eq!(of(&column), (vec![pair("z", &[1]), pair("a", &[0, 3])], vec![2]));
        let numbers = Column::Plain(Buffer::I64(vec![10, 9, 10]));
        assert_eq!(of(&numbers), (vec![pair("9", &[1]), pair("10", &[0, 2])], vec![]));
        let missing = vec![false, true, false];
        let flags = Column::Nullable { values: Buffer::Bool(vec![1, 0, 0]), missing, na: NaValue::Na };
        assert_eq!(of(&flags), (vec![pair("False", &[2]), pair("True", &[0])], vec![1]));
        assert_eq!(of(&Column::text(["b", "a"])).0, [pair("a", &[1]), pair("b", &[0])]);
        assert!(groups(&Column::Plain(Buffer::F32(vec![0.5]))).is_err());
    }
}
