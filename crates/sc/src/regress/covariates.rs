//! What is known of the cells, from columns of `obs`.

use annstream_core::table::{Column, Factor};
use annstream_core::{Error, Result};
use annstream_store::{Buffer, DType};

use super::basis::Basis;

/// What a prediction is made from.
#[derive(Clone, Debug, PartialEq)]
pub enum Covariates {
    /// Numbers, with an intercept.
    Numbers(Basis),
    /// A group for each cell.
    Groups {
        /// The group of each cell; `count` for those that have none.
        codes: Vec<u32>,
        /// Number of groups that have cells.
        count: u32,
    },
}

/// From named columns of the cells of a matrix: numbers, or a single one of categories. Text counts as categories where it
/// repeats itself, since scanpy makes it so.
///
/// # Errors
/// If there is no column, one is neither of numbers nor of categories, a number is missing or not finite, or categories
/// stand beside another column.
pub fn covariates(columns: &[(String, Column)]) -> Result<Covariates> {
    let Some((_, first)) = columns.first() else {
        return Err(Error::argument("no keys to regress on").hint("name columns of obs, as keys = [\"total_counts\"]"));
    };
    if let Some((name, column)) = columns.iter().find(|(_, column)| !is_numbers(column)) {
        if is_truths(column) {
            let message = format!("the key '{name}' has truth values, expected numbers or categories");
            return Err(Error::argument(message).at("obs"));
        }
        if columns.len() > 1 {
            return Err(Error::argument(format!("the key '{name}' has categories, and there are other keys"))
                .hint("a categorical key stands alone")
                .at("obs"));
        }
        return groups(name, column);
    }
    let numbers = columns.iter().map(|(name, column)| numbers(name, column)).collect::<Result<Vec<_>>>()?;
    Ok(Covariates::Numbers(Basis::with_ones(first.len(), &numbers)))
}

fn values(column: &Column) -> Option<&Buffer> {
    match column {
        Column::Plain(values) | Column::Nullable { values, .. } => Some(values),
        Column::Categorical { .. } => None,
    }
}

fn is_numbers(column: &Column) -> bool {
    values(column).is_some_and(|values| !matches!(values.dtype(), DType::Str | DType::Bool))
}

fn is_truths(column: &Column) -> bool {
    values(column).is_some_and(|values| values.dtype() == DType::Bool)
}

fn numbers(name: &str, column: &Column) -> Result<Vec<f64>> {
    let Some(values) = values(column) else { return Err(Error::internal("categories are no numbers")) };
    let wrong = |row: usize, found: &str| {
        Error::invalid(format!("the key '{name}' has {found}, expected finite numbers")).at("obs").row(row as u64)
    };
    let number = |row: usize| match column {
        Column::Nullable { missing, .. } if missing.get(row).copied().unwrap_or(true) => Err(wrong(row, "no value")),
        _ => match values.get_f64(row) {
            _ if values.dtype().is_complex() => Err(wrong(row, "a complex number")),
            Some(value) if value.is_finite() => Ok(value),
            Some(value) => Err(wrong(row, &value.to_string())),
            None => Err(wrong(row, "no number")),
        },
    };
    (0..values.len()).map(number).collect()
}

fn groups(name: &str, column: &Column) -> Result<Covariates> {
    let factor = Factor::of(column).map_err(|error| error.at(format!("obs/{name}")))?;
    let count = u32::try_from(factor.names.len()).ok().filter(|count| *count < u32::MAX);
    let count = count.ok_or_else(|| Error::unsupported("more than 2^32 categories"))?;
    if !matches!(column, Column::Categorical { .. }) && factor.names.len() >= column.len() {
        return Err(Error::argument(format!("the key '{name}' has another text in every row")).at("obs"));
    }
    Ok(Covariates::Groups { codes: factor.codes.iter().map(|code| code.unwrap_or(count)).collect(), count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use annstream_core::table::NaValue;

    fn named(columns: Vec<Column>) -> Vec<(String, Column)> {
        columns.into_iter().enumerate().map(|(i, column)| (format!("k{i}"), column)).collect()
    }

    fn categories(codes: Vec<i32>) -> Column {
        Column::Categorical { codes, categories: Box::new(Column::text(["a", "b", "c"])), ordered: false }
    }

    #[test]
    fn numbers_and_categories_are_told_apart() {
        let ints = Column::Plain(Buffer::I32(vec![1, 2, 4]));
        let floats = Column::Plain(Buffer::F32(vec![0.5, 2.0, 1.0]));
        let Ok(Covariates::Numbers(basis)) = covariates(&named(vec![ints.clone(), floats])) else { panic!() };
        assert_eq!((basis.count, basis.deficient), (3, false));
        let found = covariates(&named(vec![categories(vec![2, -1, 0])])).unwrap();
        assert_eq!(found, Covariates::Groups { codes: vec![1, 2, 0], count: 2 });
        let found = covariates(&named(vec![Column::text(["y", "x", "y"])])).unwrap();
        assert_eq!(found, Covariates::Groups { codes: vec![1, 0, 1], count: 2 });
        for wrong in [
            vec![],
            vec![categories(vec![0, 0, 1]), ints.clone()],
            vec![ints, categories(vec![0, 0, 1])],
            vec![Column::text(["x", "y", "z"])],
            vec![Column::Plain(Buffer::Bool(vec![1, 0, 0]))],
            vec![Column::Plain(Buffer::F64(vec![1.0, f64::NAN, 0.0]))],
            vec![Column::Plain(Buffer::F64(vec![1.0, f64::INFINITY, 0.0]))],
            vec![Column::Plain(Buffer::C64(vec![[1.0, 0.0]; 3]))],
            vec![Column::Nullable {
                values: Buffer::I64(vec![1, 2, 3]),
                missing: vec![false, true, false],
                na: NaValue::Na,
            }],
        ] {
            assert!(covariates(&named(wrong.clone())).is_err(), "{wrong:?}");
        }
    }
}
