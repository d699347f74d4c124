//! The type of stacked columns: what `anndata.concat` (0.12) makes of them through `pandas.concat` (2.3).
//!
//! Two steps, as in anndata. `unify` makes categories alike and booleans with holes nullable; `concat` is pandas' own
//! rule, of which three traits surprise: columns without any value (empty or all missing) of a type that can be missing
//! do not count, booleans turn to integers only beside an integer block, and the result can depend on the order.

use std::cmp::Reverse;

use annstream_store::{DType, Result};

use super::categories::{Categories, combine_na, natural_order, union};
use super::{Column, ColumnKind, NaValue};

/// What the rule needs to know of one part of a stack.
#[derive(Clone, Copy, Debug)]
pub enum PartSchema<'a> {
    /// The table has the column.
    Present {
        /// Its type.
        kind: ColumnKind,
        /// Number of rows.
        len: usize,
        /// Whether no row has a value (true for no rows). Say `false` where the values are not known: a column of
        /// missing values then counts, which differs from pandas only where types differ.
        all_missing: bool,
        /// Whether some row has no value.
        any_missing: bool,
        /// The categories of a categorical column; without them they count as none.
        categories: Option<&'a Column>,
        /// How missing text shows.
        na: NaValue,
    },
    /// The table has other columns or rows, not this one.
    Missing(usize),
    /// The table has neither rows nor columns.
    Nothing,
}

/// The type that pandas gives the stack.
#[derive(Clone, Debug)]
pub(super) enum Target<'a> {
    Number(DType),
    Object,
    Masked(DType),
    Text(NaValue),
    Category {
        categories: Categories<'a>,
        ordered: bool,
    },
    /// Categories of text beside categories of numbers: no file can hold them.
    MixedCategories,
}

impl PartialEq for Target<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) | (Self::Masked(a), Self::Masked(b)) => a == b,
            (Self::Object, Self::Object) => true,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Category { categories: a, ordered: false }, Self::Category { categories: b, ordered: false }) => {
                a.same_set(b)
            }
            (Self::Category { categories: a, ordered: true }, Self::Category { categories: b, ordered: true }) => {
                a.labels == b.labels
            }
            _ => false,
        }
    }
}

impl Target<'_> {
    fn is_extension(&self) -> bool {
        matches!(self, Self::Masked(_) | Self::Text(_) | Self::Category { .. })
    }

    /// Whether pandas would call it one of the kinds `i`, `u` and `b`.
    fn is_integral(&self) -> bool {
        matches!(self, Self::Number(d) | Self::Masked(d) if d.is_integer() || *d == DType::Bool)
    }

    /// Whether a column of this type can hold a missing value.
    fn holds_missing(&self) -> bool {
        !matches!(self, Self::Number(_)) || !self.is_integral()
    }
}

/// One column on its way through the rule; no type where the table lacks the column.
#[derive(Clone, Debug)]
struct Unit<'a> {
    target: Option<Target<'a>>,
    len: usize,
    /// No values, of a type that could hold missing ones.
    ignored: bool,
    all_missing: bool,
    any_missing: bool,
}

/// The type of the stack of `parts`; `None` if no part is present.
pub(super) fn target<'a>(parts: &[PartSchema<'a>]) -> Result<Option<Target<'a>>> {
    let mut units = Vec::new();
    let mut holes = false;
    for part in parts {
        match *part {
            PartSchema::Present { kind, len, all_missing, any_missing, categories, na } => {
                let target = match kind {
                    ColumnKind::Plain(DType::Str) => Target::Object,
                    ColumnKind::Plain(dtype) => Target::Number(dtype),
                    ColumnKind::Nullable(DType::Str) => Target::Text(na),
                    ColumnKind::Nullable(dtype) => Target::Masked(dtype),
                    ColumnKind::Categorical { ordered, .. } => {
                        let categories = match categories {
                            Some(column) => Categories::of(column)?,
                            None => Categories { labels: Vec::new(), column: None },
                        };
                        Target::Category { categories, ordered }
                    }
                };
                units.push(Unit { target: Some(target), len, ignored: false, all_missing, any_missing });
            }
            PartSchema::Missing(len) => {
                holes = true;
                units.push(Unit { target: None, len, ignored: true, all_missing: true, any_missing: len > 0 });
            }
            PartSchema::Nothing => holes = true,
        }
    }
    if units.iter().all(|unit| unit.target.is_none()) {
        return Ok(None);
    }
    if !unify(&mut units, holes) {
        return Ok(Some(Target::MixedCategories));
    }
    for unit in &mut units {
        let can_miss = unit.target.as_ref().is_none_or(Target::holds_missing);
        unit.ignored = can_miss && (unit.len == 0 || unit.all_missing);
    }
    if let [Unit { target: Some(only), .. }] = units.as_slice() {
        return Ok(Some(only.clone()));
    }
    Ok(Some(concat(&units)))
}

/// anndata's `unify_dtypes`; false for categories without a common type.
fn unify(units: &mut [Unit<'_>], holes: bool) -> bool {
    let present: Vec<&Target<'_>> = units.iter().filter_map(|unit| unit.target.as_ref()).collect();
    let lists: Vec<(&Categories<'_>, bool)> = present
        .iter()
        .filter_map(|target| match target {
            Target::Category { categories, ordered } => Some((categories, *ordered)),
            _ => None,
        })
        .collect();
    let unified = if lists.is_empty() {
        let booleans =
            |target: &&Target<'_>| matches!(target, Target::Number(DType::Bool) | Target::Masked(DType::Bool));
        (holes && present.iter().all(booleans)).then_some(Target::Masked(DType::Bool))
    } else if lists.len() < present.len() {
        None
    } else {
        let all = union(&lists.iter().map(|(list, _)| *list).collect::<Vec<_>>());
        let ordered = lists.iter().any(|(_, ordered)| *ordered);
        match all {
            None if ordered => Some(Target::Object),
            None => return false,
            Some(all) if !ordered => Some(Target::Category { categories: natural_order(all), ordered: false }),
            Some(all) => {
                let mut filled = lists.iter().filter(|(list, _)| !list.labels.is_empty());
                let alike = filled.clone().all(|(list, ordered)| *ordered && same_labels(&list.labels, &all));
                match filled.next() {
                    Some((first, _)) if alike => Some(Target::Category { categories: (*first).clone(), ordered: true }),
                    _ => Some(Target::Object),
                }
            }
        }
    };
    if let Some(unified) = unified {
        for unit in units {
            // A column that is of an equal type stays as it is, with its own order of categories.
            if unit.target.as_ref().is_some_and(|target| *target != unified) {
                unit.target = Some(unified.clone());
            }
        }
    }
    true
}

fn same_labels(a: &[super::Label<'_>], b: &[super::Label<'_>]) -> bool {
    use super::Label::{Float, Int};
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| match (a, b) {
            (Int(x), Float(_)) => super::Label::float(*x as f64) == *b,
            (Float(_), Int(y)) => super::Label::float(*y as f64) == *a,
            _ => a == b,
        })
}

/// pandas' `concatenate_managers`, for one column.
fn concat<'a>(units: &[Unit<'a>]) -> Target<'a> {
    if uniform(units) {
        let targets: Vec<Target<'a>> = units.iter().filter_map(|unit| unit.target.clone()).collect();
        return match &targets[0] {
            Target::Number(_) => promote(&targets),
            Target::Object => Target::Object,
            _ => concat_arrays(&targets, units),
        };
    }
    let holes = units.iter().any(|unit| unit.target.is_none());
    let counting = |all: bool| -> Vec<Target<'a>> {
        units.iter().filter(|unit| all || !unit.ignored).filter_map(|unit| unit.target.clone()).collect()
    };
    let all_equal = !holes && counting(true).windows(2).all(|pair| pair[0] == pair[1]);
    let mut counted = counting(all_equal);
    if counted.is_empty() {
        counted = counting(true);
    }
    let mut empty = if all_equal { counted[0].clone() } else { common(&counted) };
    if holes {
        empty = match empty {
            Target::Number(DType::Bool) => Target::Object,
            Target::Number(dtype) if dtype.is_integer() => Target::Number(DType::F64),
            other => other,
        };
    }
    // Integers and booleans have no missing value, so columns without values keep their own type then.
    let replace = empty.holds_missing();
    let targets: Vec<Target<'a>> = units
        .iter()
        .map(|unit| match &unit.target {
            Some(target) if !(replace && unit.ignored) => target.clone(),
            _ => empty.clone(),
        })
        .collect();
    concat_arrays(&targets, units)
}

/// pandas' `_is_uniform_join_units`.
fn uniform(units: &[Unit<'_>]) -> bool {
    let Some(first) = &units[0].target else { return false };
    units.iter().all(|unit| {
        unit.target.as_ref().is_some_and(|target| {
            let same_block = match (first, target) {
                (Target::Number(_), Target::Number(_)) | (Target::Object, Target::Object) => true,
                _ => first.is_extension() && target.is_extension(),
            };
            same_block && (target == first || target.is_integral()) && (!unit.ignored || target.is_extension())
        })
    })
}

/// pandas' `concat_compat`.
fn concat_arrays<'a>(targets: &[Target<'a>], units: &[Unit<'a>]) -> Target<'a> {
    if targets.windows(2).all(|pair| pair[0] == pair[1]) {
        return targets[0].clone();
    }
    if targets.iter().any(Target::is_extension) {
        let result = common(targets);
        let missing_category = units
            .iter()
            .zip(targets)
            .any(|(unit, target)| matches!(target, Target::Category { .. }) && unit.any_missing);
        return match result {
            Target::Number(dtype) if dtype.is_integer() && missing_category => Target::Number(DType::F64),
            other => other,
        };
    }
    let number = |target: &Target<'_>| match target {
        Target::Number(dtype) => Some(*dtype),
        _ => None,
    };
    let Some(dtypes) = targets.iter().map(number).collect::<Option<Vec<_>>>() else { return Target::Object };
    let bools = dtypes.contains(&DType::Bool);
    if units.iter().all(|unit| unit.len == 0) {
        // Only empty columns: numpy promotes numbers alike, anything else is objects.
        let floats = dtypes.iter().any(|dtype| dtype.is_float());
        let complex = dtypes.iter().any(|dtype| dtype.is_complex());
        if complex && !dtypes.iter().all(|dtype| dtype.is_complex()) || bools && floats {
            return Target::Object;
        }
    }
    match promote(targets) {
        Target::Number(dtype) if bools && dtype != DType::Bool && !dtype.is_complex() => Target::Object,
        other => other,
    }
}

/// pandas' `find_common_type`.
fn common<'a>(targets: &[Target<'a>]) -> Target<'a> {
    let mut distinct: Vec<Target<'a>> = Vec::new();
    for target in targets {
        if !distinct.contains(target) {
            distinct.push(target.clone());
        }
    }
    if distinct.len() == 1 {
        return distinct.swap_remove(0);
    }
    for target in &distinct {
        let found = match target {
            Target::Category { .. } => Some(common(&distinct.iter().map(of_categories).collect::<Vec<_>>())),
            Target::Masked(_) => match common(&distinct.iter().map(unmasked).collect::<Vec<_>>()) {
                Target::Number(dtype) if dtype != DType::F16 && !dtype.is_complex() => Some(Target::Masked(dtype)),
                _ => None,
            },
            Target::Text(na) => distinct
                .iter()
                .try_fold(*na, |na, target| match target {
                    Target::Text(other) => Some(combine_na(na, *other)),
                    _ => None,
                })
                .map(Target::Text),
            Target::Number(_) | Target::Object | Target::MixedCategories => None,
        };
        if let Some(found) = found {
            return found;
        }
    }
    let bools = distinct.contains(&Target::Number(DType::Bool));
    if bools || distinct.iter().any(|target| !matches!(target, Target::Number(_))) {
        return Target::Object;
    }
    promote(&distinct)
}

fn of_categories<'a>(target: &Target<'a>) -> Target<'a> {
    match target {
        Target::Category { categories, .. } => match categories.dtype() {
            (DType::Str, false) => Target::Object,
            (DType::Str, true) => Target::Text(NaValue::Na),
            (dtype, true) => Target::Masked(dtype),
            (dtype, false) => Target::Number(dtype),
        },
        other => other.clone(),
    }
}

fn unmasked<'a>(target: &Target<'a>) -> Target<'a> {
    match target {
        Target::Masked(dtype) => Target::Number(*dtype),
        other => other.clone(),
    }
}

fn promote<'a>(targets: &[Target<'a>]) -> Target<'a> {
    let number = |target: &Target<'_>| match target {
        Target::Number(dtype) => Some(*dtype),
        _ => None,
    };
    let dtypes = targets.iter().map(number).collect::<Option<Vec<_>>>();
    dtypes.and_then(|dtypes| result_type(&dtypes)).map_or(Target::Object, Target::Number)
}

/// `numpy.result_type`: the widest class first, then the others one by one. `None` for nothing, and text among numbers.
pub(crate) fn result_type(dtypes: &[DType]) -> Option<DType> {
    let mut dtypes = dtypes.to_vec();
    dtypes.sort_by_key(|dtype| Reverse((dtype.is_complex(), dtype.is_float(), dtype.size())));
    dtypes.into_iter().map(Some).reduce(|a, b| a?.promote(b?)).flatten()
}
