//! Groups by the values of several columns.

use std::collections::BTreeMap;

use super::means::NOWHERE;
use crate::inputs::Groups;
use crate::{Error, Result};

/// Groups that have cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Combined {
    /// Names, in the order of the categories; those of several columns are joined by `_` and sorted.
    pub(super) names: Vec<String>,
    /// The group of each cell, or [`NOWHERE`].
    pub(super) codes: Vec<u32>,
    /// Categories that no cell has, which were left out.
    pub(super) unused: Vec<String>,
}

/// Groups cells as `scanpy.tl.dendrogram` does. A cell without a value is in no group where there is one column; where
/// there are several, its value is called `nan`.
pub(super) fn combined(columns: Vec<Groups>) -> Result<Combined> {
    let mut columns = columns.into_iter();
    let first = columns.next().ok_or_else(|| Error::argument("no column to group by"))?;
    let mut rest = columns.peekable();
    if rest.peek().is_none() {
        return one(first);
    }
    let label = |column: &Groups, code: Option<u32>| match code {
        Some(code) => column.names[code as usize].clone(),
        None => "nan".to_owned(),
    };
    let mut labels: Vec<String> = first.codes.iter().map(|code| label(&first, *code)).collect();
    for column in rest {
        for (text, code) in labels.iter_mut().zip(&column.codes) {
            text.push('_');
            text.push_str(&label(&column, *code));
        }
    }
    let mut places: BTreeMap<&str, u32> = labels.iter().map(|text| (text.as_str(), 0)).collect();
    for (place, entry) in (0..).zip(places.values_mut()) {
        *entry = place;
    }
    let codes = labels.iter().map(|text| places.get(text.as_str()).copied().unwrap_or(NOWHERE)).collect();
    Ok(Combined { names: places.keys().map(|name| (*name).to_owned()).collect(), codes, unused: Vec::new() })
}

fn one(column: Groups) -> Result<Combined> {
    let sizes = column.sizes();
    let mut places = vec![NOWHERE; sizes.len()];
    let mut combined = Combined { names: Vec::new(), codes: Vec::new(), unused: Vec::new() };
    for ((name, size), place) in column.names.into_iter().zip(&sizes).zip(&mut places) {
        if *size == 0 {
            combined.unused.push(name);
        } else {
            *place = u32::try_from(combined.names.len()).map_err(|_| Error::unsupported("more than 2^32 groups"))?;
            combined.names.push(name);
        }
    }
    combined.codes = column.codes.into_iter().map(|code| code.map_or(NOWHERE, |code| places[code as usize])).collect();
    Ok(combined)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(names: &[&str], codes: &[i32]) -> Groups {
        let codes = codes.iter().map(|code| u32::try_from(*code).ok()).collect();
        Groups { names: names.iter().map(|name| (*name).to_owned()).collect(), codes }
    }

    #[test]
    fn names_are_joined_and_sorted() {
        let first = column(&["z", "none", "a"], &[2, 0, -1, 0]);
        let alone = combined(vec![first.clone()]).unwrap();
        assert_eq!((alone.names.join(" "), alone.codes), ("z a".to_owned(), vec![1, 0, NOWHERE, 0]));
        assert_eq!(alone.unused, ["none"]);
        let both = combined(vec![first, column(&["2", "10"], &[0, 1, 0, 0])]).unwrap();
        assert_eq!(both.names, ["a_2", "nan_2", "z_10", "z_2"]);
        assert_eq!(both.codes, [0, 2, 1, 3]);
        assert!(combined(vec![]).is_err());
    }
}
