//! Colours of categories in `uns`, which follow their categories.

use annstream_store::{Buffer, Store, StoreWriter};
use indexmap::IndexMap;

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

/// Writes `uns` of one target. Colours are changed as anndata changes them: as many as there were categories, and only
/// those of the categories that are left stay; another number, and they go.
pub(super) fn write_uns(
    file: &AnnDataFile,
    uns: &IndexMap<String, Element>,
    kept: &KeptCategories,
    writer: &dyn StoreWriter,
    options: &WriteOptions,
) -> Result<()> {
    let stores: [&dyn Store; 1] = [file.store().as_ref()];
    writer.group("uns")?;
    for (name, element) in uns {
        check_name(name)?;
        let key = name.strip_suffix("_colors");
        let changes = kept.iter().filter(|(column, _)| Some(column.as_str()) == key);
        let mut changed: Option<Element> = None;
        let mut gone = false;
        for (_, kept) in changes {
            match recolored(changed.as_ref().unwrap_or(element), kept)? {
                Recolored::Same => {}
                Recolored::Gone => {
                    gone = true;
                    break;
                }
                Recolored::New(new) => changed = Some(new),
            }
        }
        if !gone {
            write_element(writer, &format!("uns/{name}"), changed.as_ref().unwrap_or(element), options, &stores)?;
        }
    }
    tag(writer, "uns", "dict", "0.1.0")
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
