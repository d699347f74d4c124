//! From a form and its buffers to a tree.

use annstream_store::{Buffer, Error, Result};
use indexmap::IndexMap;
use serde_json::Value;

use super::Node;
use super::node::Parameters;
use crate::element::{AwkwardArray, DenseArray};

type Buffers = IndexMap<String, DenseArray>;

impl Node {
    /// The tree of an array as it is stored.
    ///
    /// # Errors
    /// If a buffer is missing or too short; `Unsupported` for unions, categories and other forms without a variant.
    pub(crate) fn decode(array: &AwkwardArray) -> Result<Self> {
        let form: Value = serde_json::from_str(&array.form)
            .map_err(|error| Error::invalid(format!("form of the awkward array: {error}")))?;
        decode(&form, &array.buffers, array.length)
    }
}

fn decode(form: &Value, buffers: &Buffers, len: usize) -> Result<Node> {
    let class = form["class"].as_str().unwrap_or("an unnamed form");
    let parameters: Parameters = form["parameters"].as_object().cloned().unwrap_or_default();
    match class {
        "EmptyArray" if len == 0 => Ok(Node::Empty),
        "NumpyArray" => {
            let shape: Vec<usize> = match form["inner_shape"].as_array() {
                Some(shape) => shape.iter().map(extent).collect::<Result<_>>()?,
                None => Vec::new(),
            };
            let wanted = len.saturating_mul(shape.iter().product());
            let values = start(buffer(form, buffers, "data")?, wanted, form)?;
            if form["primitive"].as_str() != Some(values.dtype().name()) {
                return Err(unsupported(&format!("{} of {}", class, form["primitive"])));
            }
            Ok(Node::Numbers { values, shape, parameters })
        }
        "ListOffsetArray" => {
            let mut offsets = integers(&start(buffer(form, buffers, "offsets")?, len + 1, form)?);
            let (first, last) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
            if first < 0 || !offsets.is_sorted() {
                return Err(Error::invalid("offsets of an awkward array do not rise"));
            }
            let mut inside = content(form, buffers, last)?;
            if first > 0 {
                inside = inside.take(&(first..last).collect::<Vec<_>>())?;
                offsets = offsets.into_iter().map(|offset| offset - first).collect();
            }
            Ok(Node::Lists { offsets, content: inside, parameters })
        }
        "RegularArray" => {
            let size = extent(&form["size"])?;
            let inside = content(form, buffers, len.saturating_mul(size).cast_signed() as i64)?;
            Ok(Node::Regular { size, len, content: inside, parameters })
        }
        "RecordArray" => {
            let (names, forms): (Option<Vec<String>>, Vec<&Value>) = match &form["contents"] {
                Value::Array(forms) => {
                    let names = form["fields"].as_array();
                    let names = names.map(|names| names.iter().map(|n| n.as_str().unwrap_or("").to_owned()).collect());
                    (names, forms.iter().collect())
                }
                Value::Object(forms) => (Some(forms.keys().cloned().collect()), forms.values().collect()),
                _ => return Err(Error::invalid("awkward record without contents")),
            };
            if names.as_ref().is_some_and(|names| names.len() != forms.len()) {
                return Err(Error::invalid("awkward record with another number of names than contents"));
            }
            let contents = forms.into_iter().map(|form| decode(form, buffers, len)).collect::<Result<_>>()?;
            Ok(Node::Records { names, contents, len, parameters })
        }
        "IndexedOptionArray" => {
            let index = integers(&start(buffer(form, buffers, "index")?, len, form)?);
            optional(form, buffers, index.into_iter().map(|i| i.max(-1)).collect())
        }
        "IndexedArray" if parameters.is_empty() => {
            let index = integers(&start(buffer(form, buffers, "index")?, len, form)?);
            let inside = content(form, buffers, index.iter().max().map_or(0, |last| last + 1))?;
            inside.take(&index).map(|taken| *taken)
        }
        "ByteMaskedArray" => {
            let mask = start(buffer(form, buffers, "mask")?, len, form)?;
            let valid = i64::from(form["valid_when"].as_bool().unwrap_or(true));
            let mask = integers(&mask).into_iter().map(|byte| i64::from(byte != 0));
            optional(form, buffers, mask.zip(0..).map(|(byte, i)| if byte == valid { i } else { -1 }).collect())
        }
        "UnmaskedArray" if buffers.values().any(|buffer| buffer.values.len() >= len) => {
            optional(form, buffers, (0..).take(len).collect())
        }
        _ => Err(unsupported(class)),
    }
}

fn optional(form: &Value, buffers: &Buffers, index: Vec<i64>) -> Result<Node> {
    let inside = content(form, buffers, index.iter().max().map_or(0, |last| last + 1))?;
    Ok(match *inside {
        // An option of an option is one option.
        Node::Optional { index: inner, content } => {
            let at = |i: i64| usize::try_from(i).ok().and_then(|i| inner.get(i)).copied().unwrap_or(-1);
            Node::Optional { index: index.into_iter().map(at).collect(), content }
        }
        content => Node::Optional { index, content: Box::new(content) },
    })
}

fn content(form: &Value, buffers: &Buffers, len: i64) -> Result<Box<Node>> {
    let len = usize::try_from(len).map_err(|_| Error::invalid("an awkward array with a negative length"))?;
    decode(&form["content"], buffers, len).map(Box::new)
}

fn buffer<'a>(form: &Value, buffers: &'a Buffers, role: &str) -> Result<&'a Buffer> {
    let name = format!("{}-{role}", form["form_key"].as_str().unwrap_or(""));
    let found = buffers.get(&name).map(|array| &array.values);
    found.ok_or_else(|| Error::invalid(format!("awkward array without buffer {name}")))
}

fn start(buffer: &Buffer, len: usize, form: &Value) -> Result<Buffer> {
    if buffer.len() < len {
        let key = form["form_key"].as_str().unwrap_or("");
        return Err(Error::invalid(format!("{len} entries in awkward {key} expected, {} found", buffer.len())));
    }
    let mut values = Buffer::empty(buffer.dtype());
    values.extend_from(buffer, 0..len)?;
    Ok(values)
}

fn integers(buffer: &Buffer) -> Vec<i64> {
    (0..buffer.len()).map(|i| buffer.get_i64(i).unwrap_or(-1)).collect()
}

fn extent(value: &Value) -> Result<usize> {
    let extent = value.as_u64().and_then(|extent| usize::try_from(extent).ok());
    extent.ok_or_else(|| Error::invalid("an extent in the form of an awkward array is no number"))
}

fn unsupported(class: &str) -> Error {
    Error::unsupported(format!("awkward arrays with {class} cannot be joined"))
        .hint("drop the element, or give all inputs the same labels")
}
