//! Batches: cells grouped by a column of `obs`.

use annstream_core::table::Column;
use annstream_core::{Error, Result};
use annstream_store::Buffer;

/// Cells in groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    /// The names that have cells, in order: of the categories where there are some, else sorted.
    pub names: Vec<String>,
    /// The group of each cell.
    pub codes: Vec<u32>,
}

/// Groups the cells that are kept by a column.
///
/// # Errors
/// If a cell has no value there, or the column is of numbers that are not whole.
pub fn groups(column: &Column, kept: &[bool], name: &str) -> Result<Groups> {
    let missing =
        |row: usize| Error::invalid(format!("the batch column '{name}' has no value")).at("obs").row(row as u64);
    let mut labels: Vec<(usize, String)> = Vec::new();
    let mut order: Option<Vec<String>> = None;
    let text = |values: &Buffer, i: usize| -> Result<String> {
        match values {
            Buffer::Str(text) => Ok(text.get(i).to_owned()),
            Buffer::Bool(bits) => Ok(if bits[i] == 0 { "False" } else { "True" }.to_owned()),
            numbers => numbers
                .get_i64(i)
                .map(|value| value.to_string())
                .ok_or_else(|| Error::argument(format!("the batch column '{name}' has numbers that are not whole"))),
        }
    };
    for row in (0..column.len()).filter(|&row| kept[row]) {
        let label = match column {
            Column::Plain(values) => text(values, row)?,
            Column::Nullable { values, missing: holes, .. } => {
                if holes[row] {
                    return Err(missing(row));
                }
                text(values, row)?
            }
            Column::Categorical { codes, categories, .. } => {
                let names = if let Some(names) = order.as_mut() {
                    names
                } else {
                    let values = match categories.as_ref() {
                        Column::Plain(values) | Column::Nullable { values, .. } => values,
                        Column::Categorical { .. } => return Err(Error::internal("categories of categories")),
                    };
                    order.insert((0..values.len()).map(|i| text(values, i)).collect::<Result<Vec<_>>>()?)
                };
                let code = usize::try_from(codes[row]).map_err(|_| missing(row))?;
                names.get(code).cloned().ok_or_else(|| missing(row))?
            }
        };
        labels.push((row, label));
    }
    let mut present: Vec<String> = labels.iter().map(|(_, label)| label.clone()).collect();
    present.sort_unstable();
    present.dedup();
    let names: Vec<String> = match order {
        Some(order) => order.into_iter().filter(|name| present.binary_search(name).is_ok()).collect(),
        None => present,
    };
    let places: std::collections::HashMap<&str, u32> = names.iter().map(String::as_str).zip(0..).collect();
    let codes = labels.iter().map(|(_, label)| places.get(label.as_str()).copied().unwrap_or(0)).collect();
    Ok(Groups { names, codes })
}

/// A column of truth values as such; missing ones are false. `None` for other columns.
pub fn truths(column: &Column) -> Option<Vec<bool>> {
    match column {
        Column::Plain(Buffer::Bool(bits)) => Some(bits.iter().map(|&bit| bit != 0).collect()),
        Column::Nullable { values: Buffer::Bool(bits), missing, .. } => {
            Some(bits.iter().zip(missing).map(|(&bit, &missing)| bit != 0 && !missing).collect())
        }
        _ => None,
    }
}
