//! Entries of `uns`, looked at without complaint: what is not as expected is as good as not there.

use annstream_core::Result;
use annstream_core::anndata::{AnnDataFile, Slot};
use annstream_core::element::{Dict, Element, RecordArray};
use annstream_core::table::Column;
use annstream_store::Buffer;

/// Reads an entry; `None` if there is no such one.
pub(crate) fn entry(file: &AnnDataFile, name: &str) -> Result<Option<Element>> {
    if !file.uns_names().iter().any(|known| known == name) {
        return Ok(None);
    }
    file.read(Slot::Uns(name)).map(Some)
}

/// Reads an entry that is a mapping.
pub(crate) fn mapping(file: &AnnDataFile, name: &str) -> Result<Option<Dict>> {
    Ok(entry(file, name)?.and_then(|element| match element {
        Element::Dict(dict) => Some(dict),
        _ => None,
    }))
}

/// The values of an element that is a scalar, an array or a column.
fn values(element: &Element) -> Option<&Buffer> {
    match element {
        Element::Scalar(values) | Element::Column(Column::Plain(values) | Column::Nullable { values, .. }) => {
            Some(values)
        }
        Element::Array(array) => Some(&array.values),
        _ => None,
    }
}

/// Texts of an array or scalar.
pub(crate) fn texts(element: &Element) -> Option<Vec<String>> {
    let texts = values(element)?.as_strings()?;
    Some((0..texts.len()).map(|i| texts.get(i).to_owned()).collect())
}

/// Numbers of an array or scalar.
pub(crate) fn numbers(element: &Element) -> Option<Vec<f64>> {
    let values = values(element)?;
    (0..values.len()).map(|i| values.get_f64(i)).collect()
}

/// A text under a name.
pub(crate) fn text(dict: &Dict, name: &str) -> Option<String> {
    texts(dict.get(name)?)?.into_iter().next()
}

/// A number, or truth value, under a name.
pub(crate) fn number(dict: &Dict, name: &str) -> Option<f64> {
    let values = values(dict.get(name)?)?;
    if values.is_empty() { None } else { values.get_f64(0) }
}

/// A mapping under a name.
pub(crate) fn inner<'a>(dict: &'a Dict, name: &str) -> Option<&'a Dict> {
    match dict.get(name)? {
        Element::Dict(inner) => Some(inner),
        _ => None,
    }
}

/// Records under a name.
pub(crate) fn records<'a>(dict: &'a Dict, name: &str) -> Option<&'a RecordArray> {
    match dict.get(name)? {
        Element::Records(records) => Some(records),
        _ => None,
    }
}

/// A parameter as Python would print it; `None` for what is no scalar or short list.
pub(crate) fn printed(element: &Element) -> Option<String> {
    let one = |values: &Buffer, i: usize| match values {
        Buffer::Str(texts) => Some(texts.get(i).to_owned()),
        Buffer::Bool(bits) => Some(if bits[i] == 0 { "False" } else { "True" }.to_owned()),
        numbers => numbers
            .get_i64(i)
            .filter(|_| numbers.dtype().is_integer())
            .map(|value| value.to_string())
            .or_else(|| numbers.get_f64(i).map(|value| value.to_string())),
    };
    match element {
        Element::Null => Some("None".to_owned()),
        Element::Scalar(values) => one(values, 0),
        Element::Array(array) if array.shape.len() == 1 && array.values.len() <= 8 => {
            let all: Option<Vec<String>> = (0..array.values.len()).map(|i| one(&array.values, i)).collect();
            all.map(|all| all.join(", "))
        }
        _ => None,
    }
}
