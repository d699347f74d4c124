//! What a file that is being written has not from the input.

use indexmap::IndexMap;

use super::uns::assign;
use super::{Additions, UnsEntry, XSource};
use crate::Result;
use crate::anndata::{Slot, TableName};
use crate::element::{Dict, Element};
use crate::table::Column;

/// The edits of one target; none by default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Edits<'a> {
    /// Columns and entries.
    pub(crate) additions: Option<&'a Additions>,
    /// Where `X` comes from.
    pub(crate) x: XSource,
    /// Layers that the caller writes.
    pub(crate) layers: &'a [String],
    /// Entries of `obsm` that are written.
    pub(crate) obsm: &'a [String],
}

impl<'a> Edits<'a> {
    /// Whether what the input has in a slot is copied.
    pub(crate) fn copies(self, slot: Slot<'_>) -> bool {
        let kept = |entries: fn(&'a Additions) -> &'a Dict, name: &str| {
            self.additions.is_none_or(|additions| !entries(additions).contains_key(name))
        };
        match slot {
            Slot::X => self.x == XSource::Keep,
            Slot::Layer(name) => !self.layers.iter().any(|layer| layer == name),
            Slot::Obsm(name) => !self.obsm.iter().any(|written| written == name),
            Slot::Varm(name) => kept(|additions| &additions.varm, name),
            Slot::Obsp(name) => kept(|additions| &additions.obsp, name),
            Slot::Varp(name) => kept(|additions| &additions.varp, name),
            Slot::RawX | Slot::RawVarm(_) | Slot::Uns(_) => true,
        }
    }

    /// The entries that a mapping gets, by the name of its group.
    pub(crate) fn entries(self, mapping: &str) -> Option<&'a Dict> {
        let additions = self.additions?;
        match mapping {
            "varm" => Some(&additions.varm),
            "obsp" => Some(&additions.obsp),
            "varp" => Some(&additions.varp),
            _ => None,
        }
    }

    /// The columns that a table gets.
    pub(crate) fn columns(self, table: TableName) -> Option<&'a IndexMap<String, Column>> {
        let additions = self.additions?;
        match table {
            TableName::Obs => Some(&additions.obs),
            TableName::Var => Some(&additions.var),
            TableName::RawVar => None,
        }
    }

    /// The column that a table gets by this name.
    pub(crate) fn column(self, table: TableName, name: &str) -> Option<&'a Column> {
        self.columns(table)?.get(name)
    }

    /// The outermost names in `uns` that get values, in order, each once.
    pub(crate) fn uns_names(self) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.uns().filter_map(|entry| entry.path.first()) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// What stands at an outermost name of `uns` after all that is assigned there; `element` is what stood there.
    pub(crate) fn edited_uns(self, name: &str, element: Option<Element>) -> Result<Option<Element>> {
        let mut edited = element;
        for entry in self.uns() {
            if let Some((first, inner)) = entry.path.split_first()
                && first == name
            {
                assign(&mut edited, inner, &entry.value)
                    .map_err(|error| error.at(format!("uns/{}", entry.path.join("/"))))?;
            }
        }
        Ok(edited)
    }

    fn uns(self) -> impl Iterator<Item = &'a UnsEntry> {
        self.additions.into_iter().flat_map(|additions| &additions.uns)
    }
}
