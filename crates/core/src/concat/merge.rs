//! What becomes of values that are not aligned to the growing axis.

use std::str::FromStr;

use annstream_store::{Error, Result};
use indexmap::{IndexMap, IndexSet};

use super::equal::equal;
use super::names::empty_index;
use crate::element::{Dict, Element};
use crate::table::{Column, Table};

/// Which values of the inputs the result keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeStrategy {
    /// None.
    #[default]
    None,
    /// Those that all inputs have and that are equal in all.
    Same,
    /// Those that are equal in all inputs that have them.
    Unique,
    /// The first there is.
    First,
    /// Those that only one input has.
    Only,
}

impl FromStr for MergeStrategy {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "none" => Ok(Self::None),
            "same" => Ok(Self::Same),
            "unique" => Ok(Self::Unique),
            "first" => Ok(Self::First),
            "only" => Ok(Self::Only),
            _ => Err(Error::argument(format!(
                "merge strategy must be 'none', 'same', 'unique', 'first' or 'only', not '{name}'"
            ))),
        }
    }
}

/// Merges mappings key by key, as `anndata.concat` does with `uns_merge` and `merge`. A key that is a mapping in all
/// inputs that have it is merged in turn, and dropped if nothing remains. Keys come in order of first appearance; with
/// [`MergeStrategy::Same`] in the order of the last input, as in anndata.
pub fn merge_dicts(inputs: &[&Dict], strategy: MergeStrategy) -> Dict {
    let mut out = Dict::new();
    for key in keys(inputs, strategy) {
        let values: Vec<&Element> = inputs.iter().filter_map(|input| input.get(key)).collect();
        let dicts: Option<Vec<&Dict>> = values
            .iter()
            .map(|value| match value {
                Element::Dict(dict) => Some(dict),
                _ => None,
            })
            .collect();
        if let Some(dicts) = dicts {
            let merged = merge_dicts(&dicts, strategy);
            if !merged.is_empty() {
                out.insert(key.to_owned(), Element::Dict(merged));
            }
        } else if let Some(value) = choose(&values, strategy, equal) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    out
}

/// Merges tables of one index column by column, as `anndata.concat` does with the annotation of the other axis.
pub fn merge_tables(tables: &[Table], strategy: MergeStrategy) -> Table {
    let columns: Vec<&IndexMap<String, Column>> = tables.iter().map(|table| &table.columns).collect();
    let mut out = match tables.first() {
        Some(first) => {
            Table { index: first.index.clone(), index_name: first.index_name.clone(), columns: IndexMap::new() }
        }
        None => Table::new(empty_index()),
    };
    for key in keys(&columns, strategy) {
        let values: Vec<&Column> = columns.iter().filter_map(|columns| columns.get(key)).collect();
        if let Some(column) = choose(&values, strategy, Column::equals) {
            out.columns.insert(key.to_owned(), column.clone());
        }
    }
    out
}

/// The keys in question, in order.
fn keys<'a, V>(inputs: &[&'a IndexMap<String, V>], strategy: MergeStrategy) -> IndexSet<&'a str> {
    match (strategy, inputs.split_last()) {
        (MergeStrategy::None, _) | (_, None) => IndexSet::new(),
        (MergeStrategy::Same, Some((last, others))) => {
            last.keys().map(String::as_str).filter(|&key| others.iter().all(|input| input.contains_key(key))).collect()
        }
        _ => inputs.iter().flat_map(|input| input.keys()).map(String::as_str).collect(),
    }
}

fn choose<'a, V>(values: &[&'a V], strategy: MergeStrategy, equal: impl Fn(&V, &V) -> bool) -> Option<&'a V> {
    let (first, rest) = values.split_first()?;
    let chosen = match strategy {
        MergeStrategy::None => false,
        MergeStrategy::Same | MergeStrategy::Unique => rest.iter().all(|value| equal(value, first)),
        MergeStrategy::First => true,
        MergeStrategy::Only => rest.is_empty(),
    };
    chosen.then_some(*first)
}

#[cfg(test)]
mod tests {
    use annstream_store::Buffer;
    use proptest::prelude::*;

    use super::*;

    const ALL: [MergeStrategy; 5] =
        [MergeStrategy::None, MergeStrategy::Same, MergeStrategy::Unique, MergeStrategy::First, MergeStrategy::Only];

    fn int(value: i64) -> Element {
        Element::Scalar(Buffer::I64(vec![value]))
    }

    fn dict(entries: &[(&str, Element)]) -> Dict {
        entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    /// The example of `anndata.concat`'s documentation.
    #[test]
    fn equals_the_documented_example() {
        let nested = |entries: &[(&str, i64)]| {
            Element::Dict(entries.iter().map(|&(key, value)| (key.to_owned(), int(value))).collect())
        };
        let a = dict(&[("a", int(1)), ("b", int(2)), ("c", nested(&[("c.a", 3), ("c.b", 4)]))]);
        let b = dict(&[("a", int(1)), ("b", int(3)), ("c", nested(&[("c.b", 4)]))]);
        let c = dict(&[("a", int(1)), ("b", int(4)), ("c", nested(&[("c.a", 3), ("c.b", 4), ("c.c", 5)]))]);
        let merged = |strategy| merge_dicts(&[&a, &b, &c], strategy);
        assert_eq!(merged(MergeStrategy::None), Dict::new());
        assert_eq!(merged(MergeStrategy::Same), dict(&[("a", int(1)), ("c", nested(&[("c.b", 4)]))]));
        assert_eq!(
            merged(MergeStrategy::Unique),
            dict(&[("a", int(1)), ("c", nested(&[("c.a", 3), ("c.b", 4), ("c.c", 5)]))])
        );
        assert_eq!(merged(MergeStrategy::Only), dict(&[("c", nested(&[("c.c", 5)]))]));
        assert_eq!(
            merged(MergeStrategy::First),
            dict(&[("a", int(1)), ("b", int(2)), ("c", nested(&[("c.a", 3), ("c.b", 4), ("c.c", 5)]))])
        );
    }

    #[test]
    fn same_has_the_order_of_the_last_input() {
        let a = dict(&[("a", int(1)), ("b", int(2)), ("c", int(3))]);
        let b = dict(&[("c", int(3)), ("b", int(2))]);
        let merged = merge_dicts(&[&a, &b], MergeStrategy::Same);
        assert_eq!(merged.keys().collect::<Vec<_>>(), ["c", "b"]);
    }

    #[test]
    fn a_mapping_beside_a_leaf_is_a_value() {
        let a = dict(&[("k", Element::Dict(dict(&[("x", int(1))])))]);
        let b = dict(&[("k", int(1))]);
        assert_eq!(merge_dicts(&[&a, &b], MergeStrategy::First), a);
        for strategy in [MergeStrategy::Same, MergeStrategy::Unique, MergeStrategy::Only] {
            assert_eq!(merge_dicts(&[&a, &b], strategy), Dict::new());
        }
    }

    #[test]
    fn names_are_parsed() {
        assert_eq!("unique".parse::<MergeStrategy>().unwrap(), MergeStrategy::Unique);
        assert!("all".parse::<MergeStrategy>().is_err());
    }

    #[test]
    fn tables_merge_by_column() {
        let table = |columns: &[(&str, i64)]| {
            let mut table = Table::new(Column::text(["g"]));
            table.columns = columns
                .iter()
                .map(|&(name, value)| (name.to_owned(), Column::Plain(Buffer::I64(vec![value]))))
                .collect();
            table
        };
        let tables = [table(&[("a", 1), ("b", 2)]), table(&[("b", 2), ("a", 9), ("c", 3)])];
        let names = |strategy| merge_tables(&tables, strategy).columns.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(MergeStrategy::None), Vec::<String>::new());
        assert_eq!(names(MergeStrategy::Same), ["b"]);
        assert_eq!(names(MergeStrategy::Unique), ["b", "c"]);
        assert_eq!(names(MergeStrategy::First), ["a", "b", "c"]);
        assert_eq!(names(MergeStrategy::Only), ["c"]);
    }

    proptest! {
        #[test]
        fn strategies_are_nested(inputs in proptest::collection::vec(
            proptest::collection::hash_map("[a-d]", 0_i64..3, 0..4), 1..4))
        {
            let inputs: Vec<Dict> =
                inputs.iter().map(|map| map.iter().map(|(key, &value)| (key.clone(), int(value))).collect()).collect();
            let inputs: Vec<&Dict> = inputs.iter().collect();
            let [none, same, unique, first, only] = ALL.map(|strategy| merge_dicts(&inputs, strategy));
            prop_assert!(none.is_empty());
            prop_assert!(same.keys().all(|key| unique.contains_key(key)));
            prop_assert!(only.keys().all(|key| unique.contains_key(key)));
            prop_assert!(unique.iter().all(|(key, value)| first.get(key) == Some(value)));
            prop_assert!(inputs.iter().all(|input| input.keys().all(|key| first.contains_key(key))));
        }
    }
}
