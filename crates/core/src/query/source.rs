//! Where the columns of a condition come from.

use crate::anndata::{AnnDataFile, ColumnSchema, TableName};
use crate::table::{Column, ColumnKind, Table};
use crate::{Error, Result};

/// A table that hands out one column at a time.
pub trait ColumnSource {
    /// Number of rows.
    fn rows(&self) -> usize;

    /// Names of the columns.
    fn names(&self) -> Vec<String>;

    /// Type of a column, if there is one of this name.
    fn kind(&self, name: &str) -> Option<ColumnKind>;

    /// Whether the index is called so, where no column is.
    fn is_index(&self, name: &str) -> bool;

    /// Reads a column.
    ///
    /// # Errors
    /// If it is not there or damaged.
    fn read(&self, name: &str) -> Result<Column>;

    /// Reads the index, as text.
    ///
    /// # Errors
    /// If it is damaged.
    fn read_index(&self) -> Result<Column>;
}

/// The columns of a table of a file; nothing that was read is kept.
#[derive(Clone, Copy)]
pub struct FileColumns<'a> {
    /// The file.
    pub file: &'a AnnDataFile,
    /// The table.
    pub table: TableName,
}

impl FileColumns<'_> {
    fn header(&self) -> Option<&crate::anndata::TableHeader> {
        self.file.table(self.table)
    }
}

impl ColumnSource for FileColumns<'_> {
    fn rows(&self) -> usize {
        self.header().map_or(0, crate::anndata::TableHeader::len)
    }

    fn names(&self) -> Vec<String> {
        self.header().map(|header| header.columns.keys().cloned().collect()).unwrap_or_default()
    }

    fn kind(&self, name: &str) -> Option<ColumnKind> {
        Some(match self.header()?.columns.get(name)?.schema {
            ColumnSchema::Plain(dtype) => ColumnKind::Plain(dtype),
            ColumnSchema::Nullable(dtype) => ColumnKind::Nullable(dtype),
            ColumnSchema::Categorical { categories, ordered, .. } => ColumnKind::Categorical { categories, ordered },
        })
    }

    fn is_index(&self, name: &str) -> bool {
        let own = self.header().and_then(|header| header.index_name.as_deref());
        let usual = if self.table == TableName::Obs { "obs_names" } else { "var_names" };
        name == usual || name == "index" || own == Some(name)
    }

    fn read(&self, name: &str) -> Result<Column> {
        self.file.read_column(self.table, name)
    }

    fn read_index(&self) -> Result<Column> {
        self.file.read_index(self.table)
    }
}

impl ColumnSource for Table {
    fn rows(&self) -> usize {
        self.len()
    }

    fn names(&self) -> Vec<String> {
        self.columns.keys().cloned().collect()
    }

    fn kind(&self, name: &str) -> Option<ColumnKind> {
        self.columns.get(name).map(Column::kind)
    }

    fn is_index(&self, name: &str) -> bool {
        matches!(name, "obs_names" | "var_names" | "index") || self.index_name.as_deref() == Some(name)
    }

    fn read(&self, name: &str) -> Result<Column> {
        self.columns.get(name).cloned().ok_or_else(|| Error::not_found(format!("has no column '{name}'")))
    }

    fn read_index(&self) -> Result<Column> {
        Ok(self.index.clone())
    }
}
