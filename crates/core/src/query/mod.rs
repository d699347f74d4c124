//! Questions about a table: which rows does a condition hold for?
//!
//! The language is what may stand behind `WHERE` in SQL. [`parse`] turns text into an [`Expr`], a small tree of our own
//! (the grammar is that of the crate `sqlparser`); [`rows`] finds out names and types, and evaluates the condition column
//! by column.
//!
//! - Literals: `'text'`, numbers, `TRUE`, `FALSE`, `NULL`. Names: `n_genes`, `"with a space"`, `percent.mito`; the index is
//!   `obs_names` (`var_names`) or `index`, unless a column is called so.
//! - `=`, `<>`, `<`, `<=`, `>`, `>=`, `BETWEEN`, `IN (…)`, `LIKE`, `ILIKE` (`%` any text, `_` any character, `ESCAPE`),
//!   `IS [NOT] NULL`, `IS [NOT] TRUE`, `IS [NOT] FALSE`, `AND`, `OR`, `NOT`, parentheses, `+ - * /` of numbers.
//! - Logic has three values, as in SQL: a missing value (also NaN, code −1 of a categorical) compares to nothing, and a row
//!   is chosen where the condition is true.
//! - Text is ordered by code points; an ordered categorical is ordered by its categories when it is compared with one of
//!   them. A number is rounded to the type of a float32 column before they are compared, as in numpy. `/` gives a real
//!   number; what is divided by zero is missing.
//!
//! ```
//! use annstream_core::query::{parse, rows};
//! use annstream_core::table::{Column, Table};
//! use annstream_store::Buffer;
//!
//! let mut obs = Table::new(Column::text(["a", "b", "c"]));
//! obs.columns.insert("n_genes".to_owned(), Column::Plain(Buffer::I32(vec![200, 900, 1500])));
//! obs.columns.insert("sample".to_owned(), Column::text(["s1", "s2", "s1"]));
//! assert_eq!(rows(&parse("sample = 's1' AND n_genes BETWEEN 500 AND 2000")?, &obs)?, [false, false, true]);
//! # Ok::<(), annstream_core::Error>(())
//! ```

mod ast;
mod bind;
mod eval;
mod like;
mod nearest;
mod parse;
mod source;

pub use ast::{Arithmetic, Comparison, Expr, ExprKind, Literal, Position};
pub use eval::rows;
pub(crate) use nearest::nearest;
pub use parse::parse;
pub use source::{ColumnSource, FileColumns};
