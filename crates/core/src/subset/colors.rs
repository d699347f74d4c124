//! Colours of categories in `uns`, which follow their categories.

use std::borrow::Cow;

use annstream_store::{Buffer, Store};
use indexmap::IndexMap;

use super::execute::Target;
use super::whole::take;
use crate::Result;
use crate::anndata::encoding::{check_name, tag};
use crate::anndata::{AnnDataFile, WriteOptions, write_element};
use crate::element::{DenseArray, Element};
use crate::table::Column;

/// Which categories of a column are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// How many there were.
    pub(super) of: usize,
    /// Positions of those that are left.
    pub(super) positions: Vec<i64>,
}

/// The categories left of each categorical column: those of `obs`, then those of `var`.
pub(super) type KeptCategories = Vec<(String, Kept)>;

/// Writes `uns` of one target, with what is assigned to it. Colours are changed before that, as anndata changes them: as
/// many as there were categories, and only those of the categories that are left stay; another number, and they go.
pub(super) fn write_uns(
    file: &AnnDataFile,
    uns: &IndexMap<String, Element>,
    target: &Target<'_>,
    options: &WriteOptions,
) -> Result<()> {
    let stores: [&dyn Store; 1] = [file.store().as_ref()];
    let writer = target.writer;
    writer.group("uns")?;
    let assigned = target.edits.uns_names();
    for (name, element) in uns {
        check_name(name)?;
        let mut own = follow(name, element, &target.kept)?;
        if assigned.contains(&name.as_str()) {
            own = target.edits.edited_uns(name, own.map(Cow::into_owned))?.map(Cow::Owned);
        }
        if let Some(own) = own {
            write_element(writer, &format!("uns/{name}"), &own, options, &stores)?;
        }
    }
    for name in assigned.into_iter().filter(|&name| !uns.contains_key(name)) {
        if let Some(own) = target.edits.edited_uns(name, None)? {
            write_element(writer, &format!("uns/{name}"), &own, options, &stores)?;
        }
    }
    tag(writer, "uns", "dict", "0.1.0")
}

/// An element of `uns` after the categories that went; `None` for colours that go.
fn follow<'e>(name: &str, element: &'e Element, kept: &KeptCategories) -> Result<Option<Cow<'e, Element>>> {
    let key = name.strip_suffix("_colors");
    let mut own = Cow::Borrowed(element);
    for (_, kept) in kept.iter().filter(|(column, _)| Some(column.as_str()) == key) {
        match recolored(&own, kept)? {
            Recolored::Same => {}
            Recolored::Gone => return Ok(None),
            Recolored::New(new) => own = Cow::Owned(new),
        }
    }
    Ok(Some(own))
}

enum Recolored {
    Same,
    Gone,
    New(Element),
}

fn recolored(colors: &Element, kept: &Kept) -> Result<Recolored> {
    let colors = match colors {
        // One colour is a list of one.
        Element::Scalar(value) => {
            return Ok(Recolored::New(Element::Array(DenseArray { shape: vec![1], values: value.clone() })));
        }
        Element::Column(Column::Nullable { values: values @ Buffer::Str(_), missing, .. })
            if !missing.contains(&true) =>
        {
            &Element::Array(DenseArray { shape: vec![values.len()], values: values.clone() })
        }
        Element::Array(_) | Element::Records(_) | Element::Column(_) => colors,
        // Not a list of colours.
        _ => return Ok(Recolored::Same),
    };
    if colors.shape().and_then(|shape| shape.first().copied()) != Some(kept.of) {
        return Ok(Recolored::Gone);
    }
    Ok(Recolored::New(take(colors, 0, &kept.positions)?))
}
