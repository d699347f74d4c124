//! `dataframe`: an index and columns of one length. How its parts are found is [`TableHeader`]'s knowledge.

use annstream_store::{AttrValue, Buffer, Error, Result, StoreWriter, Strings};

use super::{WriteOptions, check_name, column, tag};
use crate::anndata::context::join;
use crate::anndata::{ReadContext, TableHeader};
use crate::table::Table;

/// The name of the index member of a table whose index has no name.
pub(crate) const UNNAMED: &str = "_index";

/// Reads a table of any version.
pub(crate) fn read(context: &ReadContext, path: &str) -> Result<Table> {
    TableHeader::open(context, path)?.read(context)
}

/// Writes a table in version 0.2.0.
pub(crate) fn write(writer: &dyn StoreWriter, path: &str, table: &Table, options: &WriteOptions) -> Result<()> {
    let index_name = table.index_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(UNNAMED);
    check(table, index_name)?;
    begin(writer, path, index_name, table.columns.keys().map(String::as_str))?;
    column::write(writer, &join(path, index_name), &table.index, options)?;
    for (name, values) in table.columns.iter().filter(|(name, _)| *name != index_name) {
        column::write(writer, &join(path, name), values, options)?;
    }
    tag(writer, path, "dataframe", "0.2.0")
}

/// Starts a table whose columns are written one by one.
pub(crate) fn begin<'a>(
    writer: &dyn StoreWriter,
    path: &str,
    index: &str,
    columns: impl Iterator<Item = &'a str>,
) -> Result<()> {
    writer.group(path)?;
    let names: Strings = columns.collect();
    let order = if names.is_empty() {
        AttrValue::Values { shape: vec![0], values: Buffer::F64(vec![]) } // as numpy makes of an empty list
    } else {
        AttrValue::texts(names)
    };
    writer.attr(path, "column-order", &order)?;
    writer.attr(path, "_index", &AttrValue::text(index))
}

fn check(table: &Table, index_name: &str) -> Result<()> {
    for (name, column) in &table.columns {
        check_column(name)?;
        if column.len() != table.len() {
            let message = format!("has {} values, the index {}", column.len(), table.len());
            return Err(Error::internal(message).at(name));
        }
        if name == index_name && *column != table.index {
            return Err(Error::unsupported(format!("the index and a column of other values are both called '{name}'"))
                .hint("rename one of them"));
        }
    }
    Ok(())
}

/// Refuses names that no column can have.
pub(crate) fn check_column(name: &str) -> Result<()> {
    check_name(name)?;
    if name == UNNAMED {
        return Err(Error::unsupported("a column cannot be called '_index', which is the index"));
    }
    Ok(())
}
