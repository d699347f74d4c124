//! Entries of `obsm` that are neither arrays nor tables: records and awkward arrays, stacked in memory.

use super::Join;
use super::inputs::{Mapping, View};
use crate::element::{Element, RecordArray};
use crate::{Error, Result};

/// Stacks an entry of all inputs.
///
/// # Errors
/// If an input lacks it, the kinds differ, or the kind cannot be stacked.
pub(crate) fn stack(view: View<'_>, mapping: Mapping, name: &str, lengths: &[u64], _join: Join) -> Result<Element> {
    let mut stacked: Option<Element> = None;
    for (input, &length) in lengths.iter().enumerate() {
        let place = |error: Error| error.in_file(&view.inputs[input].name);
        if view.entries(input, mapping).is_none_or(|entries| !entries.contains_key(name)) {
            if length == 0 {
                continue;
            }
            let message = "is missing here; records and awkward arrays have no value that could stand in";
            return Err(place(Error::incompatible(message)));
        }
        let next = view.inputs[input].file.read(view.slot(mapping, name))?;
        stacked = Some(match (stacked.take(), next) {
            (None, next @ (Element::Records(_) | Element::Awkward(_))) => next,
            (Some(Element::Records(first)), Element::Records(next)) => {
                Element::Records(append_records(first, &next).map_err(place)?)
            }
            (_, other) => {
                let message = format!("a {} cannot be stacked with what comes before it", other.kind());
                return Err(place(Error::incompatible(message)));
            }
        });
    }
    stacked.ok_or_else(|| Error::internal("a stacked entry is in none of the inputs"))
}

fn append_records(mut first: RecordArray, next: &RecordArray) -> Result<RecordArray> {
    if first.fields != next.fields || first.shape.get(1..) != next.shape.get(1..) {
        return Err(Error::incompatible("record arrays of different fields cannot be stacked"));
    }
    for (values, more) in first.values.iter_mut().zip(&next.values) {
        values.extend_from(more, 0..more.len())?;
    }
    first.shape[0] += next.shape[0];
    Ok(first)
}
