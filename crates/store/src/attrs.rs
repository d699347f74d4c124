//! The small named values that hang on groups and arrays.

use indexmap::IndexMap;

use crate::{Buffer, DType, Strings};

/// Attributes by name, in stored order.
pub type Attrs = IndexMap<String, AttrValue>;

/// One attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum AttrValue {
    /// Values of one type; an empty shape is a scalar.
    Values {
        /// Extent of each dimension; empty for a scalar.
        shape: Vec<usize>,
        /// The values in row-major order.
        values: Buffer,
    },
    /// An attribute without a value (HDF5 null dataspace, JSON null).
    Null,
    /// A pointer to another node of the same store, as its absolute path.
    Reference(String),
}

impl AttrValue {
    /// A scalar text.
    pub fn text(value: impl AsRef<str>) -> Self {
        Self::Values { shape: vec![], values: Buffer::Str(std::iter::once(value).collect()) }
    }

    /// A scalar boolean.
    pub fn bool(value: bool) -> Self {
        Self::Values { shape: vec![], values: Buffer::Bool(vec![u8::from(value)]) }
    }

    /// A scalar integer.
    pub fn int(value: i64) -> Self {
        Self::Values { shape: vec![], values: Buffer::I64(vec![value]) }
    }

    /// A one-dimensional array of integers.
    pub fn ints(values: Vec<i64>) -> Self {
        Self::Values { shape: vec![values.len()], values: Buffer::I64(values) }
    }

    /// A one-dimensional array of texts.
    pub fn texts(values: Strings) -> Self {
        Self::Values { shape: vec![values.len()], values: Buffer::Str(values) }
    }

    /// The text of a scalar (or one-element) text attribute.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Values { values: Buffer::Str(strings), .. } if strings.len() == 1 => Some(strings.get(0)),
            _ => None,
        }
    }

    /// The value of a scalar (or one-element) integer attribute.
    pub fn as_int(&self) -> Option<i64> {
        self.as_ints().and_then(|values| (values.len() == 1).then(|| values[0]))
    }

    /// The values of an integer attribute of any width, flattened.
    pub fn as_ints(&self) -> Option<Vec<i64>> {
        match self {
            Self::Values { values, .. } if values.dtype().is_integer() => match values.cast(DType::I64) {
                Ok(Buffer::I64(values)) => Some(values),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value of a scalar boolean attribute; integers 0 and 1 count.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Values { values: Buffer::Bool(values), .. } if values.len() == 1 => Some(values[0] != 0),
            _ => self.as_int().map(|value| value != 0),
        }
    }

    /// The texts of a text attribute, flattened. An empty numeric attribute counts as no texts: h5py stores an empty
    /// list as zero floats.
    pub fn as_texts(&self) -> Option<Strings> {
        match self {
            Self::Values { values: Buffer::Str(strings), .. } => Some(strings.clone()),
            Self::Values { values, .. } if values.is_empty() => Some(Strings::new()),
            _ => None,
        }
    }
}
