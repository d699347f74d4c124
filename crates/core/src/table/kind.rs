//! The type of a column, without its values.

use std::fmt;

use annstream_store::DType;

use super::Column;

/// What a column holds. Two columns of one kind can still differ in their categories.
///
/// ```
/// use annstream_core::table::{Column, ColumnKind};
/// let column = Column::text(["a", "b"]);
/// assert_eq!(column.kind(), ColumnKind::Plain(annstream_store::DType::Str));
/// assert_eq!(column.kind().to_string(), "str");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// Numbers, booleans or text.
    Plain(DType),
    /// Numbers, booleans or text with a mask.
    Nullable(DType),
    /// Codes into categories.
    Categorical {
        /// The type of the categories.
        categories: DType,
        /// Whether their order means something.
        ordered: bool,
    },
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(dtype) => dtype.fmt(f),
            Self::Nullable(DType::Bool) => f.write_str("nullable boolean"),
            Self::Nullable(DType::Str) => f.write_str("nullable string"),
            Self::Nullable(dtype) => write!(f, "nullable {dtype}"),
            Self::Categorical { categories, ordered: false } => write!(f, "category[{categories}]"),
            Self::Categorical { categories, ordered: true } => write!(f, "ordered category[{categories}]"),
        }
    }
}

impl Column {
    /// The type of this column.
    pub fn kind(&self) -> ColumnKind {
        match self {
            Self::Plain(values) => ColumnKind::Plain(values.dtype()),
            Self::Nullable { values, .. } => ColumnKind::Nullable(values.dtype()),
            Self::Categorical { categories, ordered, .. } => {
                ColumnKind::Categorical { categories: categories.value_type(), ordered: *ordered }
            }
        }
    }

    /// The type of the values: of the categories for a categorical column.
    pub fn value_type(&self) -> DType {
        match self {
            Self::Plain(values) | Self::Nullable { values, .. } => values.dtype(),
            Self::Categorical { categories, .. } => categories.value_type(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_names_that_messages_use() {
        let category =
            Column::Categorical { codes: vec![0], categories: Box::new(Column::text(["a"])), ordered: false };
        assert_eq!(category.kind().to_string(), "category[str]");
        assert_eq!(ColumnKind::Nullable(DType::Bool).to_string(), "nullable boolean");
        assert_eq!(ColumnKind::Plain(DType::I64).to_string(), "int64");
    }
}
