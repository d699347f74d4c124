//! Groups of cells: categorical columns of a table.

use std::collections::HashMap;

use annstream_core::anndata::{AnnDataFile, TableName};
use annstream_core::table::{Column, Factor, natsort};
use annstream_store::Buffer;

use crate::{Error, Result};

/// Cells in groups, by a categorical column of `obs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// All categories, in their order, those that no cell has among them.
    pub names: Vec<String>,
    /// The category of each cell; `None` where it is missing.
    pub codes: Vec<Option<u32>>,
}

impl Groups {
    /// Number of cells of each category.
    pub fn sizes(&self) -> Vec<u64> {
        let mut sizes = vec![0; self.names.len()];
        for code in self.codes.iter().flatten() {
            sizes[*code as usize] += 1;
        }
        sizes
    }
}

/// Reads the groups of a column of `obs`: categories as they stand; text becomes categories in natural order, as
/// scanpy's functions make them of it.
///
/// # Errors
/// `Argument` if there is no such column, or it is one of numbers or truth values.
pub fn groups(file: &AnnDataFile, name: &str) -> Result<Groups> {
    let place = |error: Error| error.in_file(file.store().location());
    if !file.obs().columns.contains_key(name) {
        let known: Vec<&str> = file.obs().columns.keys().map(String::as_str).take(20).collect();
        let error = Error::argument(format!("obs has no column '{name}'"));
        return Err(place(if known.is_empty() { error } else { error.hint(format!("it has {}", known.join(", "))) }));
    }
    let column = file.read_column(TableName::Obs, name)?;
    match &column {
        Column::Categorical { codes, categories, .. } => {
            // Those that no cell has are part of it here.
            let all = i32::try_from(categories.len()).map_err(|_| Error::unsupported("more than 2^31 categories"))?;
            let each =
                Column::Categorical { codes: (0..all).collect(), categories: categories.clone(), ordered: false };
            let names = Factor::of(&each).map_err(place)?.names;
            let code = |&code: &i32| match u32::try_from(code) {
                Ok(code) if (code as usize) < names.len() => Ok(Some(code)),
                Ok(code) => Err(place(Error::invalid(format!("a code of {code} for {all} categories")))),
                Err(_) => Ok(None),
            };
            let codes = codes.iter().map(code).collect::<Result<_>>()?;
            Ok(Groups { names, codes })
        }
        Column::Plain(Buffer::Str(_)) | Column::Nullable { values: Buffer::Str(_), .. } => {
            let Factor { codes, names, .. } = Factor::of(&column).map_err(place)?;
            let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
            natsort(&mut sorted);
            let places: HashMap<&str, u32> = sorted.iter().copied().zip(0..).collect();
            let place = |code: u32| places.get(names[code as usize].as_str()).copied();
            let codes = codes.into_iter().map(|code| code.and_then(place)).collect();
            Ok(Groups { names: sorted.into_iter().map(str::to_owned).collect(), codes })
        }
        _ => Err(place(
            Error::argument(format!("the column '{name}' of obs is no categorical one"))
                .hint("groups are categories or text; make it one of them in Python, by astype('category')"),
        )),
    }
}
