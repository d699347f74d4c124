//! Annotation tables (`obs`, `var`, data frames elsewhere) and their columns.

mod column;

pub use column::{Column, NaValue, Table};
