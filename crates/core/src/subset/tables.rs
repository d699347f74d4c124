//! `obs` and `var` of the results, column by column.

use std::borrow::Cow;

use super::colors::Kept;
use super::execute::Target;
use super::selection::Selection;
use crate::anndata::encoding::{column, dataframe, tag};
use crate::anndata::{AnnDataFile, TableName, WriteOptions};
use crate::table::Column;
use crate::{Error, Result};

/// Writes a table of all targets, and adds to each what is left of its categories. Reads every column once that a target
/// copies, and holds one at a time.
pub(super) fn write(
    file: &AnnDataFile,
    table: TableName,
    targets: &mut [Target<'_>],
    options: &WriteOptions,
) -> Result<()> {
    let path = table.to_string();
    let header = file.table(table).ok_or_else(|| Error::internal(format!("no table {path}")))?;
    let key = header.index_name.clone().filter(|name| !name.is_empty());
    let key = key.unwrap_or_else(|| dataframe::UNNAMED.to_owned());
    let mut index = Some(file.read_index(table)?);
    let place = |error: Error, name: &str| error.in_file(file.store().location()).at(format!("{path}/{name}"));
    for target in &*targets {
        let own = taken(index.as_ref(), target.selection(table))?;
        if target.edits.column(table, &key).is_some_and(|column| *column != *own) {
            return Err(place(both_called(&key), &key));
        }
        let new = target.edits.columns(table).into_iter().flatten();
        let new = new.filter(|(name, _)| !header.columns.contains_key(*name));
        let names = header.columns.keys().chain(new.clone().map(|(name, _)| name)).map(String::as_str);
        dataframe::begin(target.writer, &path, &key, names)?;
        column::write(target.writer, &format!("{path}/{key}"), &own, options)?;
        drop(own);
        for (name, column) in new.filter(|(name, _)| **name != key) {
            column::write(target.writer, &format!("{path}/{name}"), column, options)?;
        }
    }
    if !header.columns.contains_key(&key) {
        index = None;
    }
    for name in header.columns.keys() {
        dataframe::check_column(name).map_err(|error| place(error, name))?;
        let copied = targets.iter().any(|target| target.edits.column(table, name).is_none());
        let stored = if copied { Some(file.read_column(table, name)?) } else { None };
        if *name == key {
            if stored.is_some() && stored != index {
                return Err(place(both_called(name), name));
            }
            continue;
        }
        for target in &mut *targets {
            let path = format!("{path}/{name}");
            match (target.edits.column(table, name), &stored) {
                (Some(column), _) => column::write(target.writer, &path, column, options)?,
                (None, Some(stored)) => {
                    let own = taken(Some(stored), target.selection(table)).map_err(|error| place(error, name))?;
                    let mut own = own.into_owned();
                    if table != TableName::RawVar
                        && let Some(kept) = drop_unused(&mut own)?
                    {
                        target.kept.push((name.clone(), kept));
                    }
                    column::write(target.writer, &path, &own, options)?;
                }
                (None, None) => return Err(Error::internal("a column that was not read").at(path)),
            }
        }
    }
    for target in &*targets {
        tag(target.writer, &path, "dataframe", "0.2.0")?;
    }
    Ok(())
}

fn both_called(name: &str) -> Error {
    let message = format!("the index and a column of other values are both called '{name}'");
    Error::unsupported(message).hint("rename one of them")
}

fn taken<'a>(column: Option<&'a Column>, selection: Option<&Selection>) -> Result<Cow<'a, Column>> {
    let column = column.ok_or_else(|| Error::internal("a column that was let go"))?;
    match selection.and_then(Selection::taken) {
        None => Ok(Cow::Borrowed(column)),
        Some(positions) => column.reindex(&positions).map(Cow::Owned),
    }
}

/// Removes the categories that no row has; tells which are left.
pub(super) fn drop_unused(column: &mut Column) -> Result<Option<Kept>> {
    let Column::Categorical { codes, categories, .. } = column else { return Ok(None) };
    let of = categories.len();
    let mut used = vec![false; of];
    for &code in codes.iter() {
        if let Some(used) = usize::try_from(code).ok().and_then(|code| used.get_mut(code)) {
            *used = true;
        }
    }
    let positions: Vec<i64> = (0_i64..).zip(&used).filter(|(_, used)| **used).map(|(position, _)| position).collect();
    if positions.len() < of {
        let mut new = vec![-1_i32; of];
        for (i, &position) in (0_i32..).zip(&positions) {
            new[usize::try_from(position).unwrap_or(0)] = i;
        }
        for code in codes.iter_mut() {
            *code = usize::try_from(*code).map_or(-1, |code| new[code]);
        }
        **categories = categories.reindex(&positions)?;
    }
    Ok(Some(Kept { of, positions }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_that_no_row_has_go() {
        let categories = Box::new(Column::text(["a", "b", "c"]));
        let mut column = Column::Categorical { codes: vec![2, -1, 0, 2], categories, ordered: true };
        assert_eq!(drop_unused(&mut column).unwrap(), Some(Kept { of: 3, positions: vec![0, 2] }));
        let categories = Box::new(Column::text(["a", "c"]));
        assert_eq!(column, Column::Categorical { codes: vec![1, -1, 0, 1], categories, ordered: true });
    }
}
