//! The labels of the other axis: their intersection or union, and where each input's labels go.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::Arc;

use annstream_store::{Buffer, Error, Result, Strings};

use crate::budget::{Budget, Charge};
use crate::table::{Column, NaValue};

/// Which labels of the other axis the result has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// Those of all inputs.
    #[default]
    Inner,
    /// Those of any input.
    Outer,
}

impl FromStr for Join {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "inner" => Ok(Self::Inner),
            "outer" => Ok(Self::Outer),
            _ => Err(Error::argument(format!("join must be 'inner' or 'outer', not '{name}'"))),
        }
    }
}

/// The labels of the result and the way there from each input.
#[derive(Clone, Debug)]
pub struct Alignment {
    /// The labels of the result: text, or nullable text if a label is missing or all inputs have nullable text.
    pub index: Column,
    /// One map per input.
    pub maps: Vec<ColumnMap>,
    /// The memory of the maps.
    _charge: Arc<Charge>,
}

/// Where the labels of one input stand in the result. Cheap to clone; inputs with equal labels share one map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnMap {
    /// The input has the labels of the result, in the same order.
    Same,
    /// Anything else.
    Map {
        /// For each label of the input its position in the result, [`ColumnMap::DROPPED`] if it has none.
        to_new: Arc<[u32]>,
        /// For each label of the result its position in the input, −1 if it has none.
        from_new: Arc<[i64]>,
    },
}

impl ColumnMap {
    /// The new position of a label that the result does not have.
    pub const DROPPED: u32 = u32::MAX;

    /// Whether the result has labels that the input lacks.
    pub fn has_holes(&self) -> bool {
        match self {
            Self::Same => false,
            Self::Map { from_new, .. } => from_new.iter().any(|&old| old < 0),
        }
    }
}

/// Aligns the indexes of the inputs by the rules of `anndata.concat` (pandas 2.3). Inner: the common labels in the
/// order of the first input. Outer: a fold over the inputs; as long as each next index is the same as the union so far,
/// or one of the two is empty, the order stays, otherwise all labels are sorted by code point, missing ones last.
/// Indexes are text (see [`text_index`](crate::anndata::text_index)). Holds one hash table over all labels, and the
/// maps, which are charged to the budget.
///
/// # Errors
/// For a label that one input has twice; `name` says which input that is. `Memory` if the maps do not fit.
pub fn align(indexes: &[Column], join: Join, budget: &Budget, name: impl Fn(usize) -> String) -> Result<Alignment> {
    let mut inputs: Vec<Labels<'_>> = Vec::with_capacity(indexes.len());
    for (i, index) in indexes.iter().enumerate() {
        inputs.push(Labels::of(index).ok_or_else(|| Error::internal(format!("index of input {i} is not text")))?);
    }
    // Many inputs share one index; the work is done once per distinct one.
    let mut distinct: Vec<usize> = Vec::new();
    let mut group: Vec<usize> = Vec::with_capacity(inputs.len());
    for (i, labels) in inputs.iter().enumerate() {
        let known = distinct.iter().position(|&d| inputs[d].same(labels));
        group.push(known.unwrap_or(distinct.len()));
        if known.is_none() {
            labels.check_unique().map_err(|error| error.in_file(name(i)))?;
            distinct.push(i);
        }
    }
    let order: Vec<&Labels<'_>> = group.iter().map(|&g| &inputs[distinct[g]]).collect();
    let result: Vec<Option<&str>> = match join {
        Join::Inner => intersection(&order),
        Join::Outer => union(&order),
    };
    if u32::try_from(result.len()).is_err() {
        return Err(Error::unsupported(format!("{} labels on the other axis", result.len())));
    }
    let nullable = !inputs.is_empty() && inputs.iter().all(|labels| labels.nullable.is_some());
    let nan = inputs.iter().all(|labels| labels.nullable != Some(NaValue::Na));
    let index = to_column(&result, nullable, if nan { NaValue::NaN } else { NaValue::Na });
    let positions: HashMap<Option<&str>, u32> = result.iter().copied().zip(0..).collect();
    let bytes = distinct
        .iter()
        .filter(|&&d| !inputs[d].iter().eq(result.iter().copied()))
        .map(|&d| inputs[d].len() * size_of::<u32>() + result.len() * size_of::<i64>());
    let charge = Arc::new(budget.charge(bytes.sum::<usize>() as u64, "the alignment of the inputs' labels")?);
    let maps: Vec<ColumnMap> = distinct.iter().map(|&d| map(&inputs[d], &result, &positions)).collect();
    Ok(Alignment { index, maps: group.into_iter().map(|g| maps[g].clone()).collect(), _charge: charge })
}

/// A view of one index.
struct Labels<'a> {
    text: &'a Strings,
    missing: Option<&'a [bool]>,
    nullable: Option<NaValue>,
}

impl<'a> Labels<'a> {
    fn of(column: &'a Column) -> Option<Self> {
        match column {
            Column::Plain(Buffer::Str(text)) => Some(Self { text, missing: None, nullable: None }),
            Column::Nullable { values: Buffer::Str(text), missing, na } => {
                Some(Self { text, missing: missing.contains(&true).then_some(missing), nullable: Some(*na) })
            }
            _ => None,
        }
    }

    fn len(&self) -> usize {
        self.text.len()
    }

    fn iter(&self) -> impl Iterator<Item = Option<&'a str>> + use<'a> {
        let (text, missing) = (self.text, self.missing);
        (0..text.len()).map(move |i| (!missing.is_some_and(|missing| missing[i])).then(|| text.get(i)))
    }

    fn same(&self, other: &Self) -> bool {
        match (self.missing, other.missing) {
            (None, None) => self.text == other.text,
            _ => self.len() == other.len() && self.iter().eq(other.iter()),
        }
    }

    fn check_unique(&self) -> Result<()> {
        let mut seen = HashSet::with_capacity(self.len());
        for label in self.iter() {
            if !seen.insert(label) {
                let label = label.map_or_else(|| "a missing label".to_owned(), |label| format!("label '{label}'"));
                return Err(Error::incompatible(format!(
                    "{label} stands more than once in the index, so it cannot be aligned"
                ))
                .hint("make the labels of the other axis unique (AnnData.var_names_make_unique)"));
            }
        }
        Ok(())
    }
}

fn intersection<'a>(inputs: &[&Labels<'a>]) -> Vec<Option<&'a str>> {
    let Some((first, rest)) = inputs.split_first() else { return Vec::new() };
    let mut result: Vec<Option<&str>> = first.iter().collect();
    for other in rest {
        if std::ptr::eq(*first, *other) || other.iter().eq(result.iter().copied()) {
            continue;
        }
        let theirs: HashSet<Option<&str>> = other.iter().collect();
        result.retain(|label| theirs.contains(label));
    }
    result
}

fn union<'a>(inputs: &[&Labels<'a>]) -> Vec<Option<&'a str>> {
    let Some((first, rest)) = inputs.split_first() else { return Vec::new() };
    let mut result: Vec<Option<&str>> = first.iter().collect();
    // Empty until two indexes differ; from then on every step leaves the union sorted, so it is sorted once at the end.
    let mut seen: HashSet<Option<&str>> = HashSet::new();
    for other in rest {
        if seen.is_empty() {
            if other.len() == 0 || other.iter().eq(result.iter().copied()) {
                continue;
            }
            if result.is_empty() {
                result = other.iter().collect();
                continue;
            }
            seen = result.iter().copied().collect();
        }
        result.extend(other.iter().filter(|label| seen.insert(*label)));
    }
    if !seen.is_empty() {
        result.sort_unstable_by_key(|label| (label.is_none(), *label));
    }
    result
}

fn to_column(labels: &[Option<&str>], nullable: bool, na: NaValue) -> Column {
    let values = Buffer::Str(labels.iter().map(|label| label.unwrap_or("")).collect());
    let missing: Vec<bool> = labels.iter().map(Option::is_none).collect();
    if nullable || missing.contains(&true) { Column::Nullable { values, missing, na } } else { Column::Plain(values) }
}

fn map<'a>(labels: &Labels<'a>, result: &[Option<&'a str>], positions: &HashMap<Option<&'a str>, u32>) -> ColumnMap {
    if labels.iter().eq(result.iter().copied()) {
        return ColumnMap::Same;
    }
    let to_new: Arc<[u32]> =
        labels.iter().map(|label| positions.get(&label).copied().unwrap_or(ColumnMap::DROPPED)).collect();
    let mut from_new = vec![-1_i64; result.len()];
    for (old, &new) in (0_i64..).zip(to_new.iter()) {
        if let Some(slot) = from_new.get_mut(new as usize) {
            *slot = old;
        }
    }
    ColumnMap::Map { to_new, from_new: from_new.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::{labels, testcase};

    fn aligned_all(indexes: &[Column], join: Join) -> Result<Alignment> {
        align(indexes, join, &Budget::unlimited(), |input| format!("input {input}"))
    }

    fn text(labels: &[&str]) -> Column {
        Column::text(labels)
    }

    fn aligned(indexes: &[&[&str]], join: Join) -> Column {
        aligned_all(&indexes.iter().map(|labels| text(labels)).collect::<Vec<_>>(), join).unwrap().index
    }

    /// Every case of `testdata/align.json`, made by `testdata/align.py` with anndata and pandas.
    #[test]
    fn equals_anndata() {
        let path = std::env::var("ALIGN_CASES");
        let text =
            path.map_or_else(|_| include_str!("testdata/align.json").into(), |p| std::fs::read_to_string(p).unwrap());
        let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        for case in &cases {
            let indexes: Vec<Column> = case["parts"].as_array().unwrap().iter().map(testcase::column).collect();
            for (name, join) in [("inner", Join::Inner), ("outer", Join::Outer)] {
                let got = aligned_all(&indexes, join).unwrap().index;
                let expected = testcase::column(&case[name]);
                // Of mixed inputs only the labels count: pandas' type then depends on which are empty.
                let mixed = case["parts"].as_array().unwrap().iter().any(|part| part["t"] != case["parts"][0]["t"]);
                let same =
                    if mixed { labels(&got).unwrap() == labels(&expected).unwrap() } else { got.equals(&expected) };
                assert!(same, "{name} {case}\n got {got:?}");
            }
        }
    }

    /// The index of `anndata.concat` (0.12.19, pandas 2.3.3).
    #[test]
    fn the_fold_is_that_of_pandas() {
        /// Indexes, and their inner and outer join.
        type Case = (&'static [&'static [&'static str]], &'static [&'static str], &'static [&'static str]);
        let cases: [Case; 8] = [
            (&[&["c", "a", "b"], &["c", "a", "b"], &["x"]], &[], &["a", "b", "c", "x"]),
            (&[&["c", "a"], &["a", "c"]], &["c", "a"], &["a", "c"]),
            (&[&["c", "a"], &["c", "a"]], &["c", "a"], &["c", "a"]),
            (&[&["c", "a"], &[]], &[], &["c", "a"]),
            (&[&[], &["c", "a"]], &[], &["c", "a"]),
            (&[&["c", "a"], &["b"], &["c", "a"]], &[], &["a", "b", "c"]),
            (&[&["é", "z", "Z", "ｚ", "𐐀"], &["e"]], &[], &["Z", "e", "z", "é", "ｚ", "𐐀"]),
            (&[&["b", "a"]], &["b", "a"], &["b", "a"]),
        ];
        for (inputs, inner, outer) in cases {
            assert_eq!(aligned(inputs, Join::Inner), text(inner), "inner {inputs:?}");
            assert_eq!(aligned(inputs, Join::Outer), text(outer), "outer {inputs:?}");
        }
    }

    #[test]
    fn missing_labels_meet_and_come_last() {
        let index = |values: &[&str], missing: &[bool]| Column::Nullable {
            values: Buffer::Str(values.iter().collect()),
            missing: missing.to_vec(),
            na: NaValue::Na,
        };
        let (a, b) = (index(&["", "c"], &[true, false]), index(&["b", ""], &[false, true]));
        let outer = aligned_all(&[a.clone(), b.clone()], Join::Outer).unwrap();
        assert_eq!(outer.index, index(&["b", "c", ""], &[false, false, true]));
        assert_eq!(aligned_all(&[a, b], Join::Inner).unwrap().index, index(&[""], &[true]));
    }

    #[test]
    fn duplicates_are_named() {
        for join in [Join::Inner, Join::Outer] {
            let error = aligned_all(&[text(&["a", "b"]), text(&["b", "x", "x"])], join).unwrap_err();
            assert_eq!(error.kind(), annstream_store::ErrorKind::Incompatible);
            assert!(error.message().contains("'x'") && error.to_string().contains("input 1"), "{error}");
            assert!(aligned_all(&[text(&["a", "a"]), text(&["a", "a"])], join).is_err());
            assert!(aligned_all(&[text(&["a", "a"])], join).is_err());
        }
    }

    fn index() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::hash_set("[a-f]{1,2}", 0..12).prop_map(|set| set.into_iter().collect())
    }

    proptest! {
        #[test]
        fn maps_lead_there_and_back(inputs in proptest::collection::vec(index(), 1..5), outer in any::<bool>()) {
            let columns: Vec<Column> = inputs.iter().map(Column::text).collect();
            let join = if outer { Join::Outer } else { Join::Inner };
            let Alignment { index, maps, .. } = aligned_all(&columns, join).unwrap();
            let Column::Plain(Buffer::Str(result)) = &index else { panic!("not text") };
            let set: HashSet<&str> = result.iter().collect();
            prop_assert_eq!(set.len(), result.len());
            for (labels, map) in inputs.iter().zip(&maps) {
                let mine: HashSet<&str> = labels.iter().map(String::as_str).collect();
                let (small, large) = if outer { (&mine, &set) } else { (&set, &mine) };
                prop_assert!(small.is_subset(large));
                if let ColumnMap::Map { to_new, from_new } = map {
                    prop_assert_eq!((to_new.len(), from_new.len()), (labels.len(), result.len()));
                    for (new, &old) in from_new.iter().enumerate() {
                        match usize::try_from(old) {
                            Ok(old) => {
                                prop_assert_eq!(labels[old].as_str(), result.get(new));
                                prop_assert_eq!(to_new[old] as usize, new);
                            }
                            Err(_) => prop_assert!(!mine.contains(result.get(new))),
                        }
                    }
                } else {
                    prop_assert!(labels.iter().map(String::as_str).eq(result.iter()));
                }
            }
        }

        #[test]
        fn equal_indexes_stay(labels in index(), copies in 1_usize..4) {
            for join in [Join::Inner, Join::Outer] {
                let alignment = aligned_all(&vec![Column::text(&labels); copies], join).unwrap();
                prop_assert!(alignment.maps.iter().all(|map| *map == ColumnMap::Same));
                prop_assert_eq!(&alignment.index, &Column::text(&labels));
            }
        }
    }
}
