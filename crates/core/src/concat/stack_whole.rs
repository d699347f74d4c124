//! Entries of `obsm` that are no streams of numbers: records, text and awkward arrays, stacked in memory.

use super::Join;
use super::inputs::{Mapping, View};
use crate::awkward::Node;
use crate::element::{AwkwardArray, DenseArray, Element, RecordArray};
use crate::table::result_type;
use crate::{Error, Result};

/// Stacks an entry of all inputs.
///
/// # Errors
/// `Incompatible` if kinds, fields or widths differ, records or text are missing in an input, or an inner join meets an
/// awkward array of single values; `Unsupported` for uncommon awkward arrays.
pub(crate) fn stack(view: View<'_>, mapping: Mapping, name: &str, lengths: &[u64], join: Join) -> Result<Element> {
    let mut elements = Vec::with_capacity(lengths.len());
    for input in 0..lengths.len() {
        let held = view.entries(input, mapping).is_some_and(|entries| entries.contains_key(name));
        elements.push(if held { Some(view.inputs[input].file.read(view.slot(mapping, name))?) } else { None });
    }
    let place = |input: usize| move |error: Error| error.in_file(&view.inputs[input].name);
    if elements.iter().any(|element| matches!(element, Some(Element::Awkward(_)))) {
        let awkward = elements.iter().enumerate().map(|(input, element)| match element {
            Some(Element::Awkward(array)) => Ok(Some(array)),
            None => Ok(None),
            Some(other) => Err(place(input)(unlike(other))),
        });
        return stack_awkward(&awkward.collect::<Result<Vec<_>>>()?, lengths, join, place).map(Element::Awkward);
    }
    let mut stacked: Option<Element> = None;
    let text = elements.iter().any(|element| matches!(element, Some(Element::Array(_))));
    for (input, element) in elements.into_iter().enumerate() {
        if element.is_none() && text && lengths[input] == 0 {
            continue;
        }
        let missing = || Error::incompatible("is missing here, and has no value that could stand in");
        let next = element.ok_or_else(missing).map_err(place(input))?;
        stacked = Some(match (stacked.take(), next) {
            (None, next @ (Element::Records(_) | Element::Array(_))) => Ok(next),
            (Some(Element::Records(first)), Element::Records(next)) => {
                append_records(first, &next).map(Element::Records)
            }
            (Some(Element::Array(first)), Element::Array(next)) => append_array(first, &next).map(Element::Array),
            (_, other) => Err(unlike(&other)),
        })
        .transpose()
        .map_err(place(input))?;
    }
    stacked.ok_or_else(|| Error::internal("a stacked entry is in none of the inputs"))
}

fn unlike(element: &Element) -> Error {
    Error::incompatible(format!("a {} cannot be stacked with other arrays", element.kind()))
}

/// Inner: the fields common to the records of all inputs. Outer: inputs that lack the array have missing values.
fn stack_awkward<P: FnOnce(Error) -> Error>(
    arrays: &[Option<&AwkwardArray>],
    lengths: &[u64],
    join: Join,
    place: impl Fn(usize) -> P,
) -> Result<AwkwardArray> {
    let mut nodes = Vec::with_capacity(arrays.len());
    for (input, array) in arrays.iter().enumerate() {
        nodes.push(if let Some(array) = array {
            Node::decode(array).map_err(place(input))?
        } else {
            let len = usize::try_from(lengths[input]).map_err(|_| Error::internal("length exceeds memory"))?;
            Node::Optional { index: vec![-1; len], content: Box::new(Node::Empty) }
        });
    }
    if join == Join::Inner {
        if let Some(input) = nodes.iter().position(Node::is_flat) {
            let message = "an awkward array of single values cannot be stacked by an inner join";
            return Err(place(input)(Error::incompatible(message).hint("use an outer join, or drop the element")));
        }
        // In the order of the last input, as anndata's intersection of keys.
        let mut common = nodes.last().map(Node::fields).unwrap_or_default();
        common.retain(|field| nodes.iter().all(|node| node.fields().contains(field)));
        for (input, node) in nodes.iter_mut().enumerate() {
            let whole = std::mem::replace(node, Node::Empty);
            if common.is_empty() && !whole.fields().is_empty() {
                return Err(place(input)(Error::incompatible(
                    "awkward arrays without common fields cannot be stacked",
                )));
            }
            *node = whole.project(&common).map_err(place(input))?;
        }
    }
    let append_all = |held: &dyn Fn(&Node) -> bool| {
        let mut stacked: Option<Node> = None;
        for (input, node) in nodes.iter().enumerate().filter(|(_, node)| held(node)) {
            stacked = Some(match stacked {
                Some(stacked) => stacked.append(node.clone()).map_err(place(input))?,
                None => node.clone(),
            });
        }
        Ok::<_, Error>(stacked)
    };
    let stacked = match append_all(&|_| true) {
        // Arrays without entries have no say where the forms differ.
        Err(error) => append_all(&|node| node.len() > 0)?.ok_or(error)?,
        Ok(stacked) => stacked.ok_or_else(|| Error::internal("a stacked entry is in none of the inputs"))?,
    };
    Ok(stacked.encode())
}

fn append_records(mut first: RecordArray, next: &RecordArray) -> Result<RecordArray> {
    let names = |records: &RecordArray| records.fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    if names(&first) != names(next) || width(&first.shape) != width(&next.shape) {
        return Err(Error::incompatible("record arrays of different fields or widths cannot be stacked"));
    }
    for ((field, other), (values, more)) in
        first.fields.iter_mut().zip(&next.fields).zip(first.values.iter_mut().zip(&next.values))
    {
        let dtype = result_type(&[field.dtype, other.dtype]).filter(|_| field.shape == other.shape);
        let dtype = dtype.ok_or_else(|| {
            Error::incompatible(format!(
                "field '{}' is {} here, {} in other inputs",
                field.name, other.dtype, field.dtype
            ))
        })?;
        field.dtype = dtype;
        *values = values.cast(dtype)?;
        values.extend_from(&more.cast(dtype)?, 0..more.len())?;
    }
    first.shape = grown(&first.shape, &next.shape);
    Ok(first)
}

fn append_array(mut first: DenseArray, next: &DenseArray) -> Result<DenseArray> {
    if width(&first.shape) != width(&next.shape) || first.values.dtype() != next.values.dtype() {
        return Err(Error::incompatible("text of different widths cannot be stacked"));
    }
    first.values.extend_from(&next.values, 0..next.values.len())?;
    first.shape = grown(&first.shape, &next.shape);
    Ok(first)
}

/// The extents after the first; one dimension counts as one column.
fn width(shape: &[usize]) -> Vec<usize> {
    match shape {
        [_] | [] => vec![1],
        [_, rest @ ..] => rest.to_vec(),
    }
}

fn grown(shape: &[usize], more: &[usize]) -> Vec<usize> {
    let rows = [shape, more].iter().filter_map(|shape| shape.first()).sum();
    std::iter::once(rows).chain(width(shape)).collect()
}
