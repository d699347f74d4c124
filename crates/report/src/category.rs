//! A column of `obs` as categories with colours, or as numbers.

use annstream_core::Result;
use annstream_core::anndata::{AnnDataFile, ColumnSchema, TableName};
use annstream_core::table::{Column, Factor};
use annstream_store::DType;

use crate::{palette, uns};

/// Most categories that a column may have to be looked at as such without being asked for.
const FEW: usize = 200;

/// A column of categories, of which each has cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Category {
    /// Name of the column.
    pub(crate) name: String,
    /// The categories in their order.
    pub(crate) labels: Vec<String>,
    /// A colour for each, as `#rrggbb`.
    pub(crate) colors: Vec<String>,
    /// The category of each cell.
    pub(crate) codes: Vec<Option<u32>>,
    /// Cells of each category.
    pub(crate) sizes: Vec<u64>,
}

impl Category {
    /// Reads a column; the colours are those of `uns["<name>_colors"]`, else scanpy's for so many categories.
    pub(crate) fn read(file: &AnnDataFile, name: &str) -> Result<Self> {
        let column = file.read_column(TableName::Obs, name)?;
        let (codes, labels) = all_labels(&column)?;
        let stored = uns::entry(file, &format!("{name}_colors"))?;
        let stored = stored.as_ref().and_then(uns::texts).filter(|colors| colors.len() >= labels.len());
        let colors: Option<Vec<String>> =
            stored.and_then(|colors| colors.iter().take(labels.len()).map(|color| palette::hex(color)).collect());
        let colors = colors.unwrap_or_else(|| palette::colors(labels.len()));
        let mut sizes = vec![0_u64; labels.len()];
        for code in codes.iter().flatten() {
            if let Some(size) = sizes.get_mut(*code as usize) {
                *size += 1;
            }
        }
        Ok(Self { name: name.to_owned(), labels, colors, codes, sizes }.used())
    }

    /// All cells as one category.
    pub(crate) fn whole(cells: usize) -> Self {
        Self {
            name: String::new(),
            labels: vec!["all cells".to_owned()],
            colors: palette::colors(1),
            codes: vec![Some(0); cells],
            sizes: vec![cells as u64],
        }
    }

    /// Whether it is not a column, but all cells together.
    pub(crate) fn is_whole(&self) -> bool {
        self.name.is_empty()
    }

    /// Without the categories that no cell has.
    fn used(self) -> Self {
        if !self.sizes.contains(&0) {
            return self;
        }
        let mut next = 0..;
        let places: Vec<Option<u32>> =
            self.sizes.iter().map(|size| if *size > 0 { next.next() } else { None }).collect();
        let keep = |values: Vec<String>| {
            values.into_iter().zip(&self.sizes).filter(|(_, size)| **size > 0).map(|(value, _)| value).collect()
        };
        Self {
            codes: self.codes.iter().map(|code| code.and_then(|code| places[code as usize])).collect(),
            labels: keep(self.labels),
            colors: keep(self.colors),
            sizes: self.sizes.iter().copied().filter(|size| *size > 0).collect(),
            name: self.name,
        }
    }
}

/// The category of each value, and the names of all categories, also of those that no value has.
fn all_labels(column: &Column) -> Result<(Vec<Option<u32>>, Vec<String>)> {
    let Column::Categorical { codes, categories, ordered } = column else {
        let factor = Factor::of(column)?;
        return Ok((factor.codes, factor.names));
    };
    let each = (0..i32::try_from(categories.len()).unwrap_or(i32::MAX)).collect();
    let all = Column::Categorical { codes: each, categories: categories.clone(), ordered: *ordered };
    let names = Factor::of(&all)?.names;
    let code = |code: &i32| u32::try_from(*code).ok().filter(|code| (*code as usize) < names.len());
    Ok((codes.iter().map(code).collect(), names))
}

/// Whether a column can be shown as categories, as far as its header tells.
pub(crate) fn may_be_category(file: &AnnDataFile, name: &str) -> bool {
    match file.obs().columns.get(name).map(|column| &column.schema) {
        Some(ColumnSchema::Categorical { len, .. }) => *len <= FEW,
        Some(ColumnSchema::Plain(dtype) | ColumnSchema::Nullable(dtype)) => {
            *dtype == DType::Str || *dtype == DType::Bool
        }
        None => false,
    }
}

/// The first of some columns that is there and has few categories.
pub(crate) fn first_of(file: &AnnDataFile, names: &[&str]) -> Result<Option<Category>> {
    for name in names.iter().filter(|name| may_be_category(file, name)) {
        let category = Category::read(file, name)?;
        if (1..=FEW).contains(&category.labels.len()) {
            return Ok(Some(category));
        }
    }
    Ok(None)
}

/// A column of numbers, missing ones NaN; `None` if there is no such one.
pub(crate) fn numbers(file: &AnnDataFile, name: &str) -> Result<Option<Vec<f64>>> {
    let numeric = |schema: &ColumnSchema| match schema {
        ColumnSchema::Plain(dtype) | ColumnSchema::Nullable(dtype) => {
            dtype.is_integer() || dtype.is_float() || *dtype == DType::Bool
        }
        ColumnSchema::Categorical { .. } => false,
    };
    if !file.obs().columns.get(name).is_some_and(|column| numeric(&column.schema)) {
        return Ok(None);
    }
    Ok(Some(as_numbers(&file.read_column(TableName::Obs, name)?)))
}

/// The values of a column as numbers; NaN where there is none.
pub(crate) fn as_numbers(column: &Column) -> Vec<f64> {
    match column {
        Column::Plain(values) => (0..values.len()).map(|i| values.get_f64(i).unwrap_or(f64::NAN)).collect(),
        Column::Nullable { values, missing, .. } => {
            let value = |i: usize| if missing[i] { f64::NAN } else { values.get_f64(i).unwrap_or(f64::NAN) };
            (0..values.len()).map(value).collect()
        }
        Column::Categorical { codes, .. } => vec![f64::NAN; codes.len()],
    }
}
