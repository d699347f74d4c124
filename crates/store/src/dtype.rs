//! The element types of arrays, and numpy's promotion between them.

use std::fmt;

/// The type of one value. A closed set: every place that must tell types apart matches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// True or false, one byte (`0` or `1`).
    Bool,
    /// Signed 8-bit.
    I8,
    /// Signed 16-bit.
    I16,
    /// Signed 32-bit.
    I32,
    /// Signed 64-bit.
    I64,
    /// Unsigned 8-bit.
    U8,
    /// Unsigned 16-bit.
    U16,
    /// Unsigned 32-bit.
    U32,
    /// Unsigned 64-bit.
    U64,
    /// Half-precision float.
    F16,
    /// Single-precision float.
    F32,
    /// Double-precision float.
    F64,
    /// Complex of two `F32`.
    C64,
    /// Complex of two `F64`.
    C128,
    /// UTF-8 text of any length.
    Str,
}

/// Runs `$body` with `$values` bound to the typed `Vec` of a [`Buffer`](crate::Buffer) that is not text, and
/// `$text` to its [`Strings`](crate::Strings) otherwise. The only dtype dispatch of the workspace.
#[macro_export]
macro_rules! match_buffer {
    ($buffer:expr, $values:ident => $body:expr, $text:ident => $otherwise:expr $(,)?) => {
        match $buffer {
            $crate::Buffer::Bool($values) | $crate::Buffer::U8($values) => $body,
            $crate::Buffer::I8($values) => $body,
            $crate::Buffer::I16($values) => $body,
            $crate::Buffer::I32($values) => $body,
            $crate::Buffer::I64($values) => $body,
            $crate::Buffer::U16($values) => $body,
            $crate::Buffer::U32($values) => $body,
            $crate::Buffer::U64($values) => $body,
            $crate::Buffer::F16($values) => $body,
            $crate::Buffer::F32($values) => $body,
            $crate::Buffer::F64($values) => $body,
            $crate::Buffer::C64($values) => $body,
            $crate::Buffer::C128($values) => $body,
            $crate::Buffer::Str($text) => $otherwise,
        }
    };
}

impl DType {
    /// Every type, in declaration order.
    pub const ALL: [Self; 15] = [
        Self::Bool,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::F16,
        Self::F32,
        Self::F64,
        Self::C64,
        Self::C128,
        Self::Str,
    ];

    /// Bytes of one value in memory; text counts as 16 (an offset and a short string).
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 | Self::C64 => 8,
            Self::C128 | Self::Str => 16,
        }
    }

    /// Whether this is a real floating-point type.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }

    /// Whether this is a complex type.
    pub fn is_complex(self) -> bool {
        matches!(self, Self::C64 | Self::C128)
    }

    /// Whether this is a signed or unsigned integer (not a boolean).
    pub fn is_integer(self) -> bool {
        self.is_signed() || self.is_unsigned()
    }

    /// Whether this is a signed integer.
    pub fn is_signed(self) -> bool {
        matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64)
    }

    /// Whether this is an unsigned integer.
    pub fn is_unsigned(self) -> bool {
        matches!(self, Self::U8 | Self::U16 | Self::U32 | Self::U64)
    }

    /// The type that holds the values of both, by the rules of `numpy.promote_types`; `None` between text and
    /// anything else.
    ///
    /// ```
    /// use annstream_store::DType::{F32, F64, I8, I16, I32, I64, Str, U8, U64};
    /// assert_eq!(I8.promote(U8), Some(I16));
    /// assert_eq!(I64.promote(U64), Some(F64));
    /// assert_eq!(I16.promote(F32), Some(F32));
    /// assert_eq!(I32.promote(F32), Some(F64));
    /// assert_eq!(Str.promote(F32), None);
    /// ```
    pub fn promote(self, other: Self) -> Option<Self> {
        if self == other {
            return Some(self);
        }
        if self == Self::Str || other == Self::Str {
            return None;
        }
        if self == Self::Bool {
            return Some(other);
        }
        if other == Self::Bool {
            return Some(self);
        }
        if self.is_complex() || other.is_complex() {
            let wide = self.float_width().max(other.float_width()) > 4;
            return Some(if wide { Self::C128 } else { Self::C64 });
        }
        if self.is_float() || other.is_float() {
            return Some(match self.float_width().max(other.float_width()) {
                2 => Self::F16,
                4 => Self::F32,
                _ => Self::F64,
            });
        }
        if self.is_signed() == other.is_signed() {
            return Some(if self.size() >= other.size() { self } else { other });
        }
        let (signed, unsigned) = if self.is_signed() { (self, other) } else { (other, self) };
        Some(match unsigned.size().max(signed.size() / 2) {
            1 => Self::I16,
            2 => Self::I32,
            4 => Self::I64,
            _ => Self::F64,
        })
    }

    /// Bytes of the narrowest float that holds this type for promotion.
    fn float_width(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 | Self::F16 => 2,
            Self::I16 | Self::U16 | Self::F32 | Self::C64 => 4,
            _ => 8,
        }
    }

    /// numpy's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::C64 => "complex64",
            Self::C128 => "complex128",
            Self::Str => "str",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One field of a record array: its name, the type of its values, and the shape of one value (empty for a scalar).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name of the field.
    pub name: String,
    /// Type of its values.
    pub dtype: DType,
    /// Shape of one value; empty for scalars.
    pub shape: Vec<u64>,
}

/// What an array holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArrayType {
    /// Values of one type.
    Plain(DType),
    /// Records of named fields (numpy structured arrays, HDF5 compounds); read field by field.
    Records(Vec<Field>),
    /// No values at all (HDF5's null dataspace).
    Null,
    /// Something else, described in words; such arrays cannot be read.
    Opaque(String),
}

impl ArrayType {
    /// The type of a plain array.
    pub fn plain(&self) -> Option<DType> {
        match self {
            Self::Plain(dtype) => Some(*dtype),
            _ => None,
        }
    }
}

impl fmt::Display for ArrayType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(dtype) => dtype.fmt(f),
            Self::Records(fields) => write!(f, "record of {} fields", fields.len()),
            Self::Null => f.write_str("null"),
            Self::Opaque(what) => f.write_str(what),
        }
    }
}
