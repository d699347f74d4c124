//! The tree of an awkward array.

use annstream_store::{Buffer, Error, Result};
use serde_json::{Map, Value};

/// What a form says about its use (`{"__array__": "string"}`).
pub(super) type Parameters = Map<String, Value>;

/// An awkward array, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// No entries of no known type.
    Empty,
    /// Numbers, or blocks of them.
    Numbers { values: Buffer, shape: Vec<usize>, parameters: Parameters },
    /// Lists of any length; strings too.
    Lists { offsets: Vec<i64>, content: Box<Node>, parameters: Parameters },
    /// Lists of one length.
    Regular { size: usize, len: usize, content: Box<Node>, parameters: Parameters },
    /// Records; tuples have no names.
    Records { names: Option<Vec<String>>, contents: Vec<Node>, len: usize, parameters: Parameters },
    /// Entries that may be missing: position in the content, or −1.
    Optional { index: Vec<i64>, content: Box<Node> },
}

impl Node {
    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Numbers { values, shape, .. } => values.len().checked_div(shape.iter().product()).unwrap_or(0),
            Self::Lists { offsets, .. } => offsets.len().saturating_sub(1),
            Self::Regular { len, .. } | Self::Records { len, .. } => *len,
            Self::Optional { index, .. } => index.len(),
        }
    }

    /// Whether the entries are single values (numbers, strings), which have no second axis.
    pub(crate) fn is_flat(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Numbers { shape, .. } => shape.is_empty(),
            Self::Lists { parameters, .. } | Self::Regular { parameters, .. } => {
                matches!(parameters.get("__array__").and_then(Value::as_str), Some("string" | "bytestring"))
            }
            Self::Records { .. } => false,
            Self::Optional { content, .. } => content.is_flat(),
        }
    }

    /// Names of the fields of the records in this array, if there are any.
    pub(crate) fn fields(&self) -> Vec<String> {
        match self {
            Self::Records { names: Some(names), .. } => names.clone(),
            Self::Records { contents, .. } => (0..contents.len()).map(|i| i.to_string()).collect(),
            Self::Lists { content, .. } | Self::Regular { content, .. } | Self::Optional { content, .. } => {
                content.fields()
            }
            Self::Empty | Self::Numbers { .. } => Vec::new(),
        }
    }

    /// The array with some fields of its records only, in the given order.
    ///
    /// # Errors
    /// If there is no record with these fields.
    pub(crate) fn project(self, fields: &[String]) -> Result<Self> {
        if self.fields() == fields {
            return Ok(self);
        }
        let inside = |content: Box<Self>| Ok::<_, Error>(Box::new(content.project(fields)?));
        Ok(match self {
            Self::Records { names: Some(names), contents, len, parameters } => {
                let position = |field: &String| names.iter().position(|name| name == field);
                let chosen = fields.iter().map(|field| position(field).and_then(|at| contents.get(at)).cloned());
                let contents = chosen.collect::<Option<Vec<_>>>();
                let contents = contents.ok_or_else(|| Error::internal("a common field is not in all records"))?;
                Self::Records { names: Some(fields.to_vec()), contents, len, parameters }
            }
            Self::Lists { offsets, content, parameters } => {
                Self::Lists { offsets, content: inside(content)?, parameters }
            }
            Self::Regular { size, len, content, parameters } => {
                Self::Regular { size, len, content: inside(content)?, parameters }
            }
            Self::Optional { index, content } => Self::Optional { index, content: inside(content)? },
            Self::Records { .. } | Self::Empty | Self::Numbers { .. } => {
                return Err(Error::incompatible("awkward arrays without common fields cannot be stacked"));
            }
        })
    }
}
