//! Elements that are read whole: tables, text, records, awkward arrays.

use super::selection::Selection;
use crate::concat::align::ColumnMap;
use crate::concat::reindex_axis;
use crate::element::Element;
use crate::table::Table;
use crate::{Error, Result};

/// The rows of an element along an axis, by position.
///
/// # Errors
/// `Unsupported` if the element has no rows that could be taken.
pub(super) fn take(element: &Element, axis: usize, positions: &[i64]) -> Result<Element> {
    match element {
        Element::Table(table) if axis == 0 => take_table(table, positions).map(Element::Table),
        Element::Opaque(opaque) => {
            let message = format!("of encoding '{}', which is not known: rows cannot be chosen", opaque.encoding);
            Err(Error::unsupported(message).hint("if a newer anndata wrote it, look for a newer annstream"))
        }
        other => {
            let old = other.shape().and_then(|shape| shape.get(axis).copied()).unwrap_or(0);
            if old == 0 && positions.is_empty() {
                return Ok(other.clone());
            }
            // Only its length counts: nothing here is sparse.
            let to_new = vec![ColumnMap::DROPPED; old].into();
            reindex_axis(other, axis, &ColumnMap::Map { to_new, from_new: positions.into() })
        }
    }
}

/// The chosen rows along an axis.
pub(super) fn select(element: Element, axis: usize, selection: &Selection) -> Result<Element> {
    match selection.taken() {
        None => Ok(element),
        Some(positions) => take(&element, axis, &positions),
    }
}

fn take_table(table: &Table, positions: &[i64]) -> Result<Table> {
    table.reindex(&table.index.reindex(positions)?, table.index_name.as_deref(), positions)
}
