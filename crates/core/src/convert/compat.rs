//! Which encodings a version of anndata reads, and what stands in for the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use annstream_store::{Buffer, Strings};

use crate::table::Column;
use crate::{Error, Result};

/// The oldest anndata that must read what is written. Encodings came with these versions: those of today's arrays,
/// tables and nullable numbers with 0.8, awkward arrays with 0.9, nullable strings with 0.11, `null` and zarr 3
/// with 0.12; 0.13 added none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compat {
    /// anndata 0.8.
    V0_8,
    /// anndata 0.10.
    V0_10,
    /// anndata 0.12.
    V0_12,
    /// anndata 0.13.
    #[default]
    V0_13,
}

impl Compat {
    /// Whether awkward arrays are read.
    pub fn awkward(self) -> bool {
        self >= Self::V0_10
    }

    /// Whether nullable strings are read.
    pub fn nullable_strings(self) -> bool {
        self >= Self::V0_12
    }

    /// Whether `null` is read.
    pub fn null(self) -> bool {
        self >= Self::V0_12
    }

    /// Whether zarr format 3 is read.
    pub fn zarr_3(self) -> bool {
        self >= Self::V0_12
    }

    /// A column in an encoding that is read, with the same values: nullable strings become plain ones, or categories
    /// where some are missing. The second value says what was changed.
    pub(super) fn column(self, column: Column) -> (Column, Option<&'static str>) {
        if self.nullable_strings() {
            return (column, None);
        }
        match column {
            Column::Nullable { values: Buffer::Str(text), missing, .. } => {
                if missing.contains(&true) {
                    (categories(&text, &missing), Some("nullable strings with missing values became categories"))
                } else {
                    (Column::Plain(Buffer::Str(text)), Some("nullable strings became plain ones; none is missing"))
                }
            }
            Column::Categorical { codes, categories, ordered } => {
                let (categories, changed) = self.column(*categories);
                (Column::Categorical { codes, categories: Box::new(categories), ordered }, changed)
            }
            other => (other, None),
        }
    }

    /// An index in an encoding that is read: plain text.
    ///
    /// # Errors
    /// If a label is missing, which plain text cannot say.
    pub(super) fn index(self, index: Column) -> Result<Column> {
        match index {
            Column::Nullable { values: Buffer::Str(text), missing, .. } if !self.nullable_strings() => {
                match missing.iter().position(|&gone| gone) {
                    None => Ok(Column::Plain(Buffer::Str(text))),
                    Some(row) => {
                        let message = format!("a label is missing, which anndata {self} cannot read");
                        Err(Error::unsupported(message).row(row).hint("name it, or ask for --compat anndata=0.12"))
                    }
                }
            }
            other => Ok(other),
        }
    }
}

/// Text as categories in order, as pandas makes them.
fn categories(text: &Strings, missing: &[bool]) -> Column {
    let present = || text.iter().zip(missing).map(|(value, &gone)| (!gone).then_some(value));
    let distinct: BTreeSet<&str> = present().flatten().collect();
    let numbers: BTreeMap<&str, i32> = distinct.iter().copied().zip(0..).collect();
    let code = |value: Option<&str>| value.and_then(|value| numbers.get(value).copied()).unwrap_or(-1);
    let codes = present().map(code).collect();
    Column::Categorical { codes, categories: Box::new(Column::text(distinct)), ordered: false }
}

impl fmt::Display for Compat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0_8 => "0.8",
            Self::V0_10 => "0.10",
            Self::V0_12 => "0.12",
            Self::V0_13 => "0.13",
        })
    }
}

impl FromStr for Compat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix("anndata=").unwrap_or(text) {
            "0.8" => Ok(Self::V0_8),
            "0.10" => Ok(Self::V0_10),
            "0.12" => Ok(Self::V0_12),
            "0.13" => Ok(Self::V0_13),
            _ => Err(Error::argument(format!("'{text}' is no version of anndata known here"))
                .hint("use anndata=0.8, anndata=0.10, anndata=0.12 or anndata=0.13")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::NaValue;

    fn nullable(missing: Vec<bool>) -> Column {
        let values = Buffer::Str(["b", "", "a", "b"].into_iter().collect());
        Column::Nullable { values, missing, na: NaValue::Na }
    }

    #[test]
    fn nullable_strings_become_plain_or_categories() {
        assert_eq!(Compat::V0_12.column(nullable(vec![false; 4])), (nullable(vec![false; 4]), None));
        assert_eq!(Compat::V0_10.column(nullable(vec![false; 4])).0, Column::text(["b", "", "a", "b"]));
        let expected = Column::Categorical {
            codes: vec![1, -1, 0, 1],
            categories: Box::new(Column::text(["a", "b"])),
            ordered: false,
        };
        assert_eq!(Compat::V0_8.column(nullable(vec![false, true, false, false])).0, expected);
    }

    #[test]
    fn an_index_must_be_complete() {
        assert!(Compat::V0_8.index(nullable(vec![false; 4])).is_ok());
        assert!(Compat::V0_8.index(nullable(vec![true; 4])).is_err());
        assert!(Compat::V0_13.index(nullable(vec![true; 4])).is_ok());
    }

    #[test]
    fn versions_round_trip() {
        for text in ["0.8", "0.10", "0.12", "0.13"] {
            assert_eq!(format!("anndata={text}").parse::<Compat>().unwrap().to_string(), text);
        }
        assert!("0.7".parse::<Compat>().is_err());
        assert!(Compat::V0_8 < Compat::V0_10 && Compat::default() == Compat::V0_13);
    }
}
