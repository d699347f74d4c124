//! A column with the AnnData encoding it came from, and a table of columns.

use annstream_store::Buffer;
use indexmap::IndexMap;

/// What pandas shows for a missing string (`na-value` of `nullable-string-array`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NaValue {
    /// `pd.NA`, the default.
    #[default]
    Na,
    /// `np.nan`, as pandas 3's `str` has it.
    NaN,
}

/// One column. The variant is the encoding, so that what is read is written the same.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Numbers, booleans (`array`) or text (`string-array`); missing floats are NaN.
    Plain(Buffer),
    /// Values with a mask (`nullable-integer`, `nullable-boolean`, `nullable-string-array`).
    Nullable {
        /// The values; those under the mask are zero, false or empty.
        values: Buffer,
        /// Whether each value is missing.
        missing: Vec<bool>,
        /// How pandas shows the missing ones (text only).
        na: NaValue,
    },
    /// Codes into categories (`categorical`).
    Categorical {
        /// Position of each value in `categories`, or −1 where missing.
        codes: Vec<i32>,
        /// The distinct values: any plain or nullable column.
        categories: Box<Column>,
        /// Whether their order means something.
        ordered: bool,
    },
}

/// A table: an index and named columns of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The index (`obs_names`, `var_names`).
    pub index: Column,
    /// Its name, if it has one.
    pub index_name: Option<String>,
    /// Columns by name, in order.
    pub columns: IndexMap<String, Column>,
}

impl Column {
    /// A column of text.
    pub fn text<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Self {
        Self::Plain(Buffer::Str(values.into_iter().collect()))
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Plain(values) => values.len(),
            Self::Nullable { missing, .. } => missing.len(),
            Self::Categorical { codes, .. } => codes.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Table {
    /// A table of an index only.
    pub fn new(index: Column) -> Self {
        Self { index, index_name: None, columns: IndexMap::new() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
