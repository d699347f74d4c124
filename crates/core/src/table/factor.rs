//! The values of a column as codes into the distinct ones.

use annstream_store::{DType, Error};

use super::Column;
use super::categories::{Label, labels};
use crate::Result;

/// What `pandas.Categorical(values).remove_unused_categories()` holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor {
    /// The category of each value; `None` where it is missing.
    pub codes: Vec<Option<u32>>,
    /// The distinct values: categories in their order, other values sorted.
    pub categories: Column,
    /// The categories as `str` prints them in Python.
    pub names: Vec<String>,
}

impl Factor {
    /// Looks at a column.
    ///
    /// # Errors
    /// For complex values, or more than 2^31 categories.
    pub fn of(column: &Column) -> Result<Self> {
        match column {
            Column::Categorical { codes, categories, .. } => used(codes, categories),
            other => distinct(other),
        }
    }
}

/// The categories that some row has.
fn used(codes: &[i32], categories: &Column) -> Result<Factor> {
    let mut seen = vec![false; categories.len()];
    let at = |code: i32| usize::try_from(code).ok();
    for code in codes.iter().filter_map(|&code| at(code)) {
        *seen.get_mut(code).ok_or_else(|| Error::invalid("a code beyond the categories"))? = true;
    }
    let mut places = vec![None; seen.len()];
    let mut positions = Vec::new();
    for (old, _) in seen.iter().enumerate().filter(|(_, seen)| **seen) {
        places[old] = Some(narrow(positions.len())?);
        positions.push(old as i64);
    }
    let codes = codes.iter().map(|&code| at(code).and_then(|code| places[code])).collect();
    let categories = plain(categories.reindex(&positions)?);
    let names = names(&categories)?;
    Ok(Factor { codes, categories, names })
}

/// The values that some row has, sorted.
fn distinct(column: &Column) -> Result<Factor> {
    let labels = labels(column)?;
    let mut found: Vec<(Label<'_>, usize)> =
        labels.iter().enumerate().filter_map(|(row, label)| label.map(|label| (label, row))).collect();
    found.sort_unstable();
    let mut codes = vec![None; labels.len()];
    let mut positions: Vec<i64> = Vec::new();
    let mut last = None;
    for (label, row) in found {
        if last != Some(label) {
            positions.push(row as i64);
            last = Some(label);
        }
        codes[row] = Some(narrow(positions.len() - 1)?);
    }
    let categories = plain(column.reindex(&positions)?);
    let names = names(&categories)?;
    Ok(Factor { codes, categories, names })
}

/// Numbers without a mask: no category is missing, and anndata writes them so.
fn plain(categories: Column) -> Column {
    match categories {
        Column::Nullable { values, missing, .. } if values.dtype() != DType::Str && !missing.contains(&true) => {
            Column::Plain(values)
        }
        other => other,
    }
}

fn narrow(code: usize) -> Result<u32> {
    u32::try_from(code).map_err(|_| Error::unsupported("more than 2^32 categories"))
}

fn names(categories: &Column) -> Result<Vec<String>> {
    let print = |label: Option<Label<'_>>| match label {
        None => String::new(),
        Some(Label::Bool(true)) => "True".to_owned(),
        Some(Label::Bool(false)) => "False".to_owned(),
        Some(Label::Int(value)) => value.to_string(),
        Some(label @ Label::Float(_)) => float(label.to_f64()),
        Some(Label::Text(text)) => text.to_owned(),
    };
    Ok(labels(categories)?.into_iter().map(print).collect())
}

/// `str` of a float in Python: as Rust's, but for exponents, which have a sign and two digits.
fn float(value: f64) -> String {
    let text = format!("{value:?}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{digits}e-{exponent:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use annstream_store::Buffer;

    use super::*;
    use crate::table::NaValue;

    #[test]
    fn categories_keep_their_order_and_others_are_sorted() {
        let categories = Box::new(Column::text(["z", "unused", "a"]));
        let factor = Factor::of(&Column::Categorical { codes: vec![2, 0, -1], categories, ordered: true }).unwrap();
        assert_eq!(factor.codes, [Some(1), Some(0), None]);
        assert_eq!(factor.names, ["z", "a"]);
        let missing = vec![false, true, false];
        let flags = Column::Nullable { values: Buffer::Bool(vec![1, 0, 0]), missing, na: NaValue::Na };
        let factor = Factor::of(&flags).unwrap();
        assert_eq!(factor.categories, Column::Plain(Buffer::Bool(vec![0, 1])));
        assert_eq!((factor.codes, factor.names.join(" ")), (vec![Some(1), None, Some(0)], "False True".to_owned()));
        let factor = Factor::of(&Column::Plain(Buffer::I32(vec![10, 9, 10]))).unwrap();
        assert_eq!(factor.categories, Column::Plain(Buffer::I32(vec![9, 10])));
        assert_eq!(factor.codes, [Some(1), Some(0), Some(1)]);
    }

    #[test]
    fn floats_are_printed_as_in_python() {
        let factor = Factor::of(&Column::Plain(Buffer::F64(vec![2.0, f64::NAN, 1e-5, 1e16, 0.0001, -0.5]))).unwrap();
        assert_eq!(factor.names, ["-0.5", "1e-05", "0.0001", "2.0", "1e+16"]);
        assert_eq!(factor.codes[1], None);
        assert_eq!(float(1.5e-7), "1.5e-07");
        assert_eq!(float(1e300), "1e+300");
    }
}
