//! Annotation tables (`obs`, `var`, data frames elsewhere) and their columns.
//!
//! A [`Table`] is an index and named [`Column`]s; a [`ColumnKind`] is the type of a column without its values.
//! [`stack_columns`] puts columns on top of each other, [`Table::reindex`] moves rows, [`Column::equals`] compares, all
//! three by the rules of pandas 2.3.

mod categories;
mod column;
mod equal;
mod factor;
mod kind;
mod natsort;
mod reindex;
mod rule;
mod stack;
#[cfg(test)]
pub(crate) mod testcase;

pub(crate) use categories::{Label, labels};
pub use column::{Column, NaValue, Table};
pub(crate) use equal::same_values;
pub use factor::Factor;
pub use kind::ColumnKind;
pub use natsort::natsort;
pub(crate) use reindex::take_or_nan;
pub use rule::PartSchema;
pub(crate) use rule::result_type;
pub use stack::{StackPart, stack_columns, stack_schema};
