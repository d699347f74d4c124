//! From what the user asks for to positions along an axis.

use std::collections::HashMap;

use annstream_store::{Buffer, Compression};

use super::index::IndexList;
use super::selection::Selection;
use crate::anndata::{AnnDataFile, TableName};
use crate::query::{self, Expr, FileColumns, nearest};
use crate::table::Column;
use crate::{Error, Result};

/// What is kept of one axis; everything, if nothing is given. Labels or positions say what, and in which order; a
/// condition then leaves of that the rows it is true for.
#[derive(Clone, Debug, Default)]
pub struct AxisChoice {
    /// Rows for which this is true.
    pub condition: Option<Expr>,
    /// Labels, in the order of the result; they may repeat.
    pub labels: Option<Vec<String>>,
    /// Positions, likewise.
    pub positions: Option<IndexList>,
}

/// Options of a subset.
#[derive(Clone, Debug, Default)]
pub struct SubsetSpec {
    /// Cells to keep.
    pub obs: AxisChoice,
    /// Genes to keep.
    pub var: AxisChoice,
    /// Compression of the output; what the input uses by default.
    pub compression: Option<Compression>,
}

impl AxisChoice {
    /// Whether nothing is asked for.
    pub fn is_everything(&self) -> bool {
        self.condition.is_none() && self.labels.is_none() && self.positions.is_none()
    }

    /// Finds the positions. Reads the index for labels, and the columns that the condition names.
    pub(crate) fn resolve(&self, file: &AnnDataFile, table: TableName) -> Result<Selection> {
        let place = |error: Error| error.in_file(file.store().location()).at(table.to_string());
        let extent = file.table(table).map_or(0, crate::anndata::TableHeader::len);
        if u32::try_from(extent).is_err() {
            return Err(place(Error::unsupported("more than 2^32 entries along an axis")));
        }
        let listed = match (&self.labels, &self.positions) {
            (Some(_), Some(_)) => return Err(Error::argument("both labels and positions are given; give one of them")),
            (Some(labels), None) => Some(find(labels, &file.read_index(table)?).map_err(place)?),
            (None, Some(list)) => Some(list.positions(extent).map_err(place)?),
            (None, None) => None,
        };
        let Some(condition) = &self.condition else {
            return listed.map_or_else(|| Ok(Selection::all(extent)), |listed| Selection::new(extent, listed));
        };
        let holds = query::rows(condition, &FileColumns { file, table }).map_err(place)?;
        let kept = match listed {
            Some(listed) => listed.into_iter().filter(|&row| holds.get(row as usize) == Some(&true)).collect(),
            None => (0_u32..).zip(&holds).filter(|(_, holds)| **holds).map(|(row, _)| row).collect(),
        };
        Selection::new(extent, kept)
    }
}

/// The positions of labels.
fn find(labels: &[String], index: &Column) -> Result<Vec<u32>> {
    let (Column::Plain(Buffer::Str(names)) | Column::Nullable { values: Buffer::Str(names), .. }) = index else {
        return Err(Error::internal("an index that is not text"));
    };
    let missing = match index {
        Column::Nullable { missing, .. } => missing.as_slice(),
        _ => &[],
    };
    let mut wanted: HashMap<&str, Option<u32>> = labels.iter().map(|label| (label.as_str(), None)).collect();
    for (row, name) in (0_u32..).zip(names.iter()) {
        if missing.get(row as usize) == Some(&true) {
            continue;
        }
        if let Some(found) = wanted.get_mut(name) {
            if let Some(first) = found {
                let message = format!("the label '{name}' stands in row {first} and in row {row}");
                return Err(Error::invalid(message).hint("choose by position, or make the labels unique"));
            }
            *found = Some(row);
        }
    }
    let found: Option<Vec<u32>> = labels.iter().map(|label| wanted.get(label.as_str()).copied().flatten()).collect();
    found.ok_or_else(|| {
        let mut unknown: Vec<&str> =
            labels.iter().map(String::as_str).filter(|label| wanted[label].is_none()).collect();
        let mut seen = std::collections::HashSet::new();
        unknown.retain(|label| seen.insert(*label));
        let some = unknown.iter().take(5).map(|label| format!("'{label}'")).collect::<Vec<_>>().join(", ");
        let more = if unknown.len() > 5 { ", …" } else { "" };
        let of = seen.len().max(1);
        let error = Error::argument(format!("{of} of the labels to keep are not there: {some}{more}"));
        match unknown.first().and_then(|label| nearest(label, names.iter())) {
            Some(near) => error.hint(format!("the nearest label of the first is '{near}'")),
            None => {
                error.hint("labels are compared as they stand; is this the list for the other axis, or another file?")
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(labels: &[&str], index: &[&str]) -> Result<Vec<u32>> {
        find(&labels.iter().map(|&label| label.to_owned()).collect::<Vec<_>>(), &Column::text(index))
    }

    #[test]
    fn labels_give_order_and_may_repeat() {
        assert_eq!(found(&["c", "a", "c"], &["a", "b", "c"]).unwrap(), [2, 0, 2]);
        assert_eq!(found(&["b"], &["a", "b", "a"]).unwrap(), [1]);
        assert!(found(&["a"], &["a", "b", "a"]).unwrap_err().to_string().contains("row 0 and in row 2"));
        let error = found(&["a", "cell10", "q"], &["a", "cell1"]).unwrap_err();
        assert!(error.to_string().contains("2 of the labels to keep are not there: 'cell10', 'q'"), "{error}");
        assert!(error.next_step().unwrap_or("").contains("'cell1'"));
    }
}
