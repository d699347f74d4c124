//! What is assigned to a file.

use indexmap::IndexMap;

use crate::element::{Dict, Element};
use crate::table::Column;

/// Columns and entries that a result has beside, or instead of, those of the input. Values are those of the cells and
/// genes that are *kept*, in the order of the result.
///
/// A name that the input has already is replaced, and a column keeps its place; new ones come after all others, in
/// order. Python's assignments do the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Additions {
    /// Columns of `obs`.
    pub obs: IndexMap<String, Column>,
    /// Columns of `var`.
    pub var: IndexMap<String, Column>,
    /// Entries of `obsm`.
    pub obsm: Dict,
    /// Entries of `varm`.
    pub varm: Dict,
    /// Entries of `obsp`.
    pub obsp: Dict,
    /// Entries of `varp`.
    pub varp: Dict,
    /// Entries of `uns`, assigned in this order.
    pub uns: Vec<UnsEntry>,
}

/// An assignment to `uns`: `uns[path[0]][path[1]]… = value`. Mappings on the way are made where there are none, and stay
/// where there are; the value replaces what stood at the end of the path, a mapping as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct UnsEntry {
    /// The keys, from the outermost; at least one.
    pub path: Vec<String>,
    /// The value. One of [`Element::Opaque`] is copied from the input.
    pub value: Element,
}

impl Additions {
    /// Adds those that come later; where both have a name, theirs stay.
    pub fn merge(&mut self, later: Self) {
        let Self { obs, var, obsm, varm, obsp, varp, uns } = later;
        self.obs.extend(obs);
        self.var.extend(var);
        self.obsm.extend(obsm);
        self.varm.extend(varm);
        self.obsp.extend(obsp);
        self.varp.extend(varp);
        self.uns.extend(uns);
    }

    /// Adds an entry of `uns`, by its keys from the outermost.
    pub fn set_uns<K: Into<String>>(&mut self, path: impl IntoIterator<Item = K>, value: Element) {
        self.uns.push(UnsEntry { path: path.into_iter().map(Into::into).collect(), value });
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        let Self { obs, var, obsm, varm, obsp, varp, uns } = self;
        obs.is_empty()
            && var.is_empty()
            && [obsm, varm, obsp, varp].into_iter().all(IndexMap::is_empty)
            && uns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use annstream_store::Buffer;

    use super::*;

    fn of(name: &str, value: i32) -> Additions {
        let mut additions = Additions::default();
        additions.obs.insert(name.to_owned(), Column::Plain(Buffer::I32(vec![value])));
        additions.varm.insert(name.to_owned(), Element::Scalar(Buffer::I32(vec![value])));
        additions.set_uns([name], Element::Scalar(Buffer::I32(vec![value])));
        additions
    }

    #[test]
    fn later_ones_replace_and_keep_the_place() {
        let mut additions = of("a", 1);
        assert!(!additions.is_empty() && Additions::default().is_empty());
        additions.merge(of("b", 2));
        additions.merge(of("a", 3));
        assert_eq!(additions.obs.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(additions.obs["a"], Column::Plain(Buffer::I32(vec![3])));
        assert_eq!(additions.varm["a"], Element::Scalar(Buffer::I32(vec![3])));
        assert_eq!(additions.uns.iter().map(|entry| entry.path[0].as_str()).collect::<Vec<_>>(), ["a", "b", "a"]);
    }
}
