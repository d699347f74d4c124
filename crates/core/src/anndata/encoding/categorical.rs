//! `categorical`: codes into categories.

use std::collections::HashSet;

use annstream_store::{AttrValue, Buffer, DType, Error, Result, StoreWriter};

use super::{WriteOptions, array, column, tag, values};
use crate::anndata::ReadContext;
use crate::anndata::context::join;
use crate::table::Column;

/// Reads a categorical group.
pub(crate) fn read(context: &ReadContext, path: &str) -> Result<Column> {
    let codes = values::read_vector(context, &join(path, "codes"))?;
    let categories = column::read(context, &join(path, "categories"))?;
    let ordered = context.attrs(path)?.get("ordered").and_then(AttrValue::as_bool).unwrap_or(false);
    combine(&codes, categories, ordered).map_err(|error| error.at(path))
}

/// Checks codes against categories, by the rules of pandas: codes from −1 up, categories distinct and none missing.
pub(crate) fn combine(codes: &Buffer, categories: Column, ordered: bool) -> Result<Column> {
    check_categories(&categories)?;
    if !codes.dtype().is_integer() {
        return Err(Error::invalid(format!("codes are of type {}, integers expected", codes.dtype())));
    }
    let count = categories.len();
    let mut checked = Vec::with_capacity(codes.len());
    for row in 0..codes.len() {
        let code = codes.get_i64(row).and_then(|code| i32::try_from(code).ok());
        let Some(code) = code.filter(|&code| code == -1 || usize::try_from(code).is_ok_and(|code| code < count)) else {
            let found = codes.get_f64(row).unwrap_or(f64::NAN);
            return Err(Error::invalid(format!("code {found} is not in −1..{count}")).row(row));
        };
        checked.push(code);
    }
    Ok(Column::Categorical { codes: checked, categories: Box::new(categories), ordered })
}

/// Checks codes in memory by the same rules.
pub(crate) fn check(codes: &[i32], categories: &Column) -> Result<()> {
    check_categories(categories)?;
    let count = categories.len();
    let wrong = |code: i32| code != -1 && !usize::try_from(code).is_ok_and(|code| code < count);
    match codes.iter().position(|&code| wrong(code)) {
        None => Ok(()),
        Some(row) => Err(Error::invalid(format!("code {} is not in −1..{count}", codes[row])).row(row)),
    }
}

fn check_categories(categories: &Column) -> Result<()> {
    let values = match categories {
        Column::Plain(values) => values,
        Column::Nullable { values, missing, .. } if !missing.contains(&true) => values,
        Column::Nullable { .. } => return Err(Error::invalid("a category is missing")),
        Column::Categorical { .. } => return Err(Error::unsupported("categories that are categorical themselves")),
    };
    if values.dtype().is_float() && (0..values.len()).any(|i| values.get_f64(i).is_some_and(f64::is_nan)) {
        return Err(Error::invalid("a category is NaN"));
    }
    let distinct = match (values.as_strings(), values.as_bytes()) {
        (Some(text), _) => text.iter().collect::<HashSet<_>>().len(),
        (None, Some(bytes)) => bytes.chunks_exact(values.dtype().size()).collect::<HashSet<_>>().len(),
        (None, None) => values.len(),
    };
    if distinct != values.len() {
        return Err(Error::invalid(format!("{} categories, of which only {distinct} are distinct", values.len())));
    }
    Ok(())
}

/// The width pandas gives to codes.
fn code_type(categories: usize) -> DType {
    match categories {
        0..127 => DType::I8,
        127..32_767 => DType::I16,
        _ => DType::I32,
    }
}

/// Writes codes and categories.
pub(crate) fn write(
    writer: &dyn StoreWriter,
    path: &str,
    (codes, categories, ordered): (&[i32], &Column, bool),
    options: &WriteOptions,
) -> Result<()> {
    writer.group(path)?;
    writer.attr(path, "ordered", &AttrValue::bool(ordered))?;
    let narrow = Buffer::I32(codes.to_vec()).cast(code_type(categories.len()))?;
    array::write_vector(writer, &join(path, "codes"), &narrow, options)?;
    column::write(writer, &join(path, "categories"), categories, options)?;
    tag(writer, path, "categorical", "0.2.0")
}
