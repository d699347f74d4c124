//! The files being joined, seen as one list.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::Axis;
use crate::anndata::{AnnDataFile, MatrixHeader, Slot, TableHeader, TableName};
use crate::table::Column;
use crate::{Error, Result};

/// One input.
pub struct Input {
    /// Its name for messages: the path as given.
    pub name: String,
    /// The file.
    pub file: AnnDataFile,
}

/// A group of matrices aligned with one axis (or with both).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mapping {
    /// `layers`.
    Layers,
    /// `obsm` or `varm`.
    Aligned(Axis),
    /// `obsp` or `varp`.
    Pairwise(Axis),
}

/// The inputs, or their `raw` parts: what one concatenation works on.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) inputs: &'a [Input],
    pub(crate) raw: bool,
}

impl Mapping {
    /// Name of the group.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Aligned(Axis::Obs) => "obsm",
            Self::Aligned(Axis::Var) => "varm",
            Self::Pairwise(Axis::Obs) => "obsp",
            Self::Pairwise(Axis::Var) => "varp",
        }
    }
}

impl<'a> View<'a> {
    /// Path of an element of the result.
    pub(crate) fn path(self, element: &str) -> String {
        if self.raw { format!("raw/{element}") } else { element.to_owned() }
    }

    pub(crate) fn len(self, input: usize, axis: Axis) -> u64 {
        let file = &self.inputs[input].file;
        let length = match (axis, self.raw, file.raw()) {
            (Axis::Obs, ..) => file.n_obs(),
            (Axis::Var, true, Some(raw)) => raw.var.len(),
            (Axis::Var, ..) => file.n_vars(),
        };
        length as u64
    }

    pub(crate) fn index(self, input: usize, axis: Axis) -> Result<Column> {
        self.inputs[input].file.read_index(self.table_name(axis))
    }

    pub(crate) fn index_name(self, input: usize, axis: Axis) -> Option<&'a str> {
        self.inputs[input].file.table(self.table_name(axis)).and_then(|table| table.index_name.as_deref())
    }

    fn table_name(self, axis: Axis) -> TableName {
        match (axis, self.raw) {
            (Axis::Obs, _) => TableName::Obs,
            (Axis::Var, false) => TableName::Var,
            (Axis::Var, true) => TableName::RawVar,
        }
    }

    /// The table of an axis; `None` where there is only an index (the observations of `raw`).
    pub(crate) fn table(self, input: usize, axis: Axis) -> Option<&'a TableHeader> {
        if self.raw && axis == Axis::Obs { None } else { self.inputs[input].file.table(self.table_name(axis)) }
    }

    pub(crate) fn column(self, input: usize, axis: Axis, name: &str) -> Result<Column> {
        self.inputs[input].file.read_column(self.table_name(axis), name)
    }

    pub(crate) fn x(self, input: usize) -> Option<&'a MatrixHeader> {
        self.inputs[input].file.matrix(if self.raw { Slot::RawX } else { Slot::X })
    }

    /// The entries of a mapping; those of `raw` are its `varm` only.
    pub(crate) fn entries(self, input: usize, mapping: Mapping) -> Option<&'a IndexMap<String, MatrixHeader>> {
        let file = &self.inputs[input].file;
        match (mapping, self.raw) {
            (Mapping::Layers, false) => Some(file.layers()),
            (Mapping::Aligned(Axis::Obs), false) => Some(file.obsm()),
            (Mapping::Aligned(Axis::Var), false) => Some(file.varm()),
            (Mapping::Pairwise(Axis::Obs), false) => Some(file.obsp()),
            (Mapping::Pairwise(Axis::Var), false) => Some(file.varp()),
            (Mapping::Aligned(Axis::Var), true) => file.raw().map(|raw| &raw.varm),
            (_, true) => None,
        }
    }

    /// The slot of an entry.
    pub(crate) fn slot(self, mapping: Mapping, name: &str) -> Slot<'_> {
        match (mapping, self.raw) {
            (Mapping::Aligned(Axis::Var), true) => Slot::RawVarm(name),
            (Mapping::Layers, _) => Slot::Layer(name),
            (Mapping::Aligned(Axis::Obs), _) => Slot::Obsm(name),
            (Mapping::Aligned(Axis::Var), _) => Slot::Varm(name),
            (Mapping::Pairwise(Axis::Obs), _) => Slot::Obsp(name),
            (Mapping::Pairwise(Axis::Var), _) => Slot::Varp(name),
        }
    }

    /// Names in a mapping: those common to all inputs in the order of the first, or all in order of appearance.
    pub(crate) fn names(self, mapping: Mapping, common: bool) -> Vec<String> {
        let lists = (0..self.inputs.len()).map(|input| {
            self.entries(input, mapping).map(|entries| entries.keys().cloned().collect()).unwrap_or_default()
        });
        joined(&lists.collect::<Vec<_>>(), common)
    }

    /// Columns of the tables of an axis, likewise.
    pub(crate) fn columns(self, axis: Axis, common: bool) -> Vec<String> {
        let lists = (0..self.inputs.len()).map(|input| {
            self.table(input, axis).map(|table| table.columns.keys().cloned().collect()).unwrap_or_default()
        });
        joined(&lists.collect::<Vec<_>>(), common)
    }
}

/// Names common to all lists in the order of the first, or of any list in order of appearance.
fn joined(lists: &[Vec<String>], common: bool) -> Vec<String> {
    let mut seen = HashSet::new();
    let all = lists.iter().flatten().filter(|name| seen.insert(name.as_str())).cloned();
    if !common {
        return all.collect();
    }
    all.filter(|name| lists.iter().all(|list| list.contains(name))).collect()
}

/// One key per input: those given, or `0`, `1`, ….
///
/// # Errors
/// If their number is not that of the inputs, or two are equal.
pub(crate) fn keys(given: Option<&[String]>, inputs: usize) -> Result<Vec<String>> {
    let Some(keys) = given else { return Ok((0..inputs).map(|i| i.to_string()).collect()) };
    if keys.len() != inputs {
        return Err(Error::argument(format!("{} keys for {inputs} inputs", keys.len())));
    }
    let mut seen = HashSet::new();
    if let Some(key) = keys.iter().find(|key| !seen.insert(key.as_str())) {
        return Err(Error::argument(format!("the key '{key}' is given twice; keys must differ"))
            .hint("give --keys, or key=path for each input"));
    }
    Ok(keys.to_vec())
}
