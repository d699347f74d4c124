//! What one value of an array is in bytes.

use crate::{ArrayType, Buffer, DType, Error, Field, Result, Strings};

/// Largest value of fixed size, in bytes.
const LARGEST: usize = 1 << 24;

/// One value of an array.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Element {
    /// A number or boolean; `swap` is the width of what must be reversed, or 0.
    Number { dtype: DType, swap: usize },
    /// Text of a fixed number of characters of four bytes.
    Utf32 { chars: usize, big: bool },
    /// Text of a fixed number of bytes.
    Bytes { size: usize },
    /// Text of any length.
    Text,
    /// Named fields, each at its offset.
    Record { fields: Vec<(Field, usize, Element)>, size: usize },
    /// Not readable, in words.
    Other(String),
}

impl Element {
    /// A number of the given type.
    pub(super) fn number(dtype: DType, big: bool) -> Self {
        let width = match dtype {
            DType::C64 => 4,
            DType::C128 => 8,
            other => other.size(),
        };
        Self::Number { dtype, swap: if big && width > 1 { width } else { 0 } }
    }

    /// Fields one after the other.
    pub(super) fn record(members: Vec<(String, Vec<u64>, Self)>) -> Result<Self> {
        let large = || Error::invalid("records are too large");
        let mut fields = Vec::with_capacity(members.len());
        let mut size = 0_usize;
        for (name, shape, element) in members {
            let (Some(dtype), Some(width)) = (element.array_type().plain(), element.size()) else {
                return Ok(Self::Other(format!("records with a field '{name}' of {}", element.array_type())));
            };
            let count = shape.iter().try_fold(1_u64, |all, &extent| all.checked_mul(extent)).ok_or_else(large)?;
            let bytes = usize::try_from(count).ok().and_then(|count| count.checked_mul(width)).ok_or_else(large)?;
            fields.push((Field { name, dtype, shape }, size, element));
            size = size.checked_add(bytes).filter(|&size| size <= LARGEST).ok_or_else(large)?;
        }
        Ok(Self::Record { fields, size })
    }

    /// Text of a fixed size.
    pub(super) fn fixed(utf32: bool, count: usize, big: bool) -> Result<Self> {
        if count > LARGEST / 4 {
            return Err(Error::invalid(format!("texts of {count} characters are too large")));
        }
        Ok(if utf32 { Self::Utf32 { chars: count, big } } else { Self::Bytes { size: count } })
    }

    /// Bytes of one value, if that is fixed.
    pub(super) fn size(&self) -> Option<usize> {
        match self {
            Self::Number { dtype, .. } => Some(dtype.size()),
            Self::Utf32 { chars, .. } => Some(chars * 4),
            Self::Bytes { size } | Self::Record { size, .. } => Some(*size),
            Self::Text | Self::Other(_) => None,
        }
    }

    /// The type as the seam names it.
    pub(super) fn array_type(&self) -> ArrayType {
        match self {
            Self::Number { dtype, .. } => ArrayType::Plain(*dtype),
            Self::Utf32 { .. } | Self::Bytes { .. } | Self::Text => ArrayType::Plain(DType::Str),
            Self::Record { fields, .. } => ArrayType::Records(fields.iter().map(|(field, ..)| field.clone()).collect()),
            Self::Other(what) => ArrayType::Opaque(what.clone()),
        }
    }

    /// Appends texts of a fixed size, `bytes`, of which each is one value.
    pub(super) fn push_texts(&self, bytes: &[u8], count: usize, out: &mut Strings) -> Result<()> {
        let size = self.size().unwrap_or(0);
        if size == 0 {
            (0..count).for_each(|_| out.push(""));
            return Ok(());
        }
        let mut text = String::new();
        for value in bytes.chunks_exact(size).take(count) {
            if let Self::Utf32 { big, .. } = self {
                text.clear();
                let mut end = 0;
                for unit in value.as_chunks::<4>().0 {
                    let code = if *big { u32::from_be_bytes(*unit) } else { u32::from_le_bytes(*unit) };
                    let wrong = || Error::invalid(format!("{code:#x} is not a character"));
                    text.push(char::from_u32(code).ok_or_else(wrong)?);
                    if code != 0 {
                        end = text.len();
                    }
                }
                out.push(&text[..end]);
            } else {
                let end = value.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                let text = std::str::from_utf8(&value[..end]);
                out.push(text.map_err(|_| Error::invalid("a text is not UTF-8"))?);
            }
        }
        Ok(())
    }

    /// Appends the values of a run of `bytes`, each of this element.
    pub(super) fn push(&self, bytes: &[u8], count: usize, out: &mut Buffer) -> Result<()> {
        if let Buffer::Str(texts) = out {
            return self.push_texts(bytes, count, texts);
        }
        let Self::Number { dtype, swap } = self else { return Err(Error::internal("not a number")) };
        let start = out.len();
        out.resize(start + count);
        let target = out.as_bytes_mut().and_then(|all| all.get_mut(start * dtype.size()..));
        let target = target.filter(|target| target.len() == bytes.len());
        let target = target.ok_or_else(|| Error::internal("values of another length"))?;
        target.copy_from_slice(bytes);
        native(*dtype, *swap, target);
        Ok(())
    }
}

/// Turns numbers as stored into numbers of this machine.
pub(super) fn native(dtype: DType, swap: usize, bytes: &mut [u8]) {
    crate::raw::swap(bytes, swap);
    if dtype == DType::Bool {
        crate::raw::normalise(bytes);
    }
}

/// The type that zarr 3 names so, and the name of a type.
pub(super) fn by_name(name: &str) -> Option<DType> {
    DType::ALL.into_iter().find(|dtype| *dtype != DType::Str && dtype.name() == name)
}
