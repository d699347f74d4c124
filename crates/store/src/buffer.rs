//! A run of values of one type.

#![expect(clippy::cast_possible_truncation, reason = "casts to narrower floats round, as in numpy")]

use std::ops::Range;

use half::f16;

use crate::{DType, Error, Result, Strings, match_buffer};

/// Values of one [`DType`] in memory, one typed vector per type. Booleans are bytes `0` and `1`.
#[derive(Clone, Debug, PartialEq)]
pub enum Buffer {
    /// Booleans, one byte each.
    Bool(Vec<u8>),
    /// Signed 8-bit.
    I8(Vec<i8>),
    /// Signed 16-bit.
    I16(Vec<i16>),
    /// Signed 32-bit.
    I32(Vec<i32>),
    /// Signed 64-bit.
    I64(Vec<i64>),
    /// Unsigned 8-bit.
    U8(Vec<u8>),
    /// Unsigned 16-bit.
    U16(Vec<u16>),
    /// Unsigned 32-bit.
    U32(Vec<u32>),
    /// Unsigned 64-bit.
    U64(Vec<u64>),
    /// Half floats.
    F16(Vec<f16>),
    /// Single floats.
    F32(Vec<f32>),
    /// Double floats.
    F64(Vec<f64>),
    /// Complex of singles.
    C64(Vec<[f32; 2]>),
    /// Complex of doubles.
    C128(Vec<[f64; 2]>),
    /// Text.
    Str(Strings),
}

impl Buffer {
    /// No values of the given type.
    pub fn empty(dtype: DType) -> Self {
        Self::zeros(dtype, 0)
    }

    /// `len` zeros (false, empty text) of the given type.
    pub fn zeros(dtype: DType, len: usize) -> Self {
        match dtype {
            DType::Bool => Self::Bool(vec![0; len]),
            DType::I8 => Self::I8(vec![0; len]),
            DType::I16 => Self::I16(vec![0; len]),
            DType::I32 => Self::I32(vec![0; len]),
            DType::I64 => Self::I64(vec![0; len]),
            DType::U8 => Self::U8(vec![0; len]),
            DType::U16 => Self::U16(vec![0; len]),
            DType::U32 => Self::U32(vec![0; len]),
            DType::U64 => Self::U64(vec![0; len]),
            DType::F16 => Self::F16(vec![f16::ZERO; len]),
            DType::F32 => Self::F32(vec![0.0; len]),
            DType::F64 => Self::F64(vec![0.0; len]),
            DType::C64 => Self::C64(vec![[0.0; 2]; len]),
            DType::C128 => Self::C128(vec![[0.0; 2]; len]),
            DType::Str => Self::Str((0..len).map(|_| "").collect()),
        }
    }

    /// `len` copies of `value`, which must be exactly representable for integer types (`cast` rules otherwise).
    ///
    /// # Errors
    /// For text, or a value that an integer type cannot hold.
    pub fn full(dtype: DType, value: f64, len: usize) -> Result<Self> {
        let one = Self::F64(vec![value]).cast(dtype)?;
        let mut out = Self::empty(dtype);
        for _ in 0..len {
            out.extend_from(&one, 0..1)?;
        }
        Ok(out)
    }

    /// The type of the values.
    pub fn dtype(&self) -> DType {
        match self {
            Self::Bool(_) => DType::Bool,
            Self::I8(_) => DType::I8,
            Self::I16(_) => DType::I16,
            Self::I32(_) => DType::I32,
            Self::I64(_) => DType::I64,
            Self::U8(_) => DType::U8,
            Self::U16(_) => DType::U16,
            Self::U32(_) => DType::U32,
            Self::U64(_) => DType::U64,
            Self::F16(_) => DType::F16,
            Self::F32(_) => DType::F32,
            Self::F64(_) => DType::F64,
            Self::C64(_) => DType::C64,
            Self::C128(_) => DType::C128,
            Self::Str(_) => DType::Str,
        }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        match_buffer!(self, values => values.len(), text => text.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory in use by the values.
    pub fn bytes(&self) -> usize {
        match_buffer!(self, values => std::mem::size_of_val(values.as_slice()), text => text.bytes())
    }

    /// Removes all values, keeping the memory.
    pub fn clear(&mut self) {
        match_buffer!(self, values => values.clear(), text => text.clear());
    }

    /// Makes this an empty buffer of `dtype`, keeping the memory when the type already fits.
    pub fn reset(&mut self, dtype: DType) {
        if self.dtype() == dtype {
            self.clear();
        } else {
            *self = Self::empty(dtype);
        }
    }

    /// Sets the length, adding zeros or dropping values at the end.
    pub fn resize(&mut self, len: usize) {
        match_buffer!(self, values => values.resize(len, bytemuck::Zeroable::zeroed()), text => {
            text.truncate(len);
            while text.len() < len {
                text.push("");
            }
        });
    }

    /// The values as native-endian bytes; `None` for text.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match_buffer!(self, values => Some(bytemuck::cast_slice(values)), _text => None)
    }

    /// The values as native-endian bytes to be filled; `None` for text.
    pub fn as_bytes_mut(&mut self) -> Option<&mut [u8]> {
        match_buffer!(self, values => Some(bytemuck::cast_slice_mut(values)), _text => None)
    }

    /// The text, if this is text.
    pub fn as_strings(&self) -> Option<&Strings> {
        match self {
            Self::Str(strings) => Some(strings),
            _ => None,
        }
    }

    /// Appends a range of another buffer of the same type.
    ///
    /// # Errors
    /// If the types differ.
    pub fn extend_from(&mut self, other: &Self, range: Range<usize>) -> Result<()> {
        match (&mut *self, other) {
            (Self::Bool(a), Self::Bool(b)) | (Self::U8(a), Self::U8(b)) => a.extend_from_slice(&b[range]),
            (Self::I8(a), Self::I8(b)) => a.extend_from_slice(&b[range]),
            (Self::I16(a), Self::I16(b)) => a.extend_from_slice(&b[range]),
            (Self::I32(a), Self::I32(b)) => a.extend_from_slice(&b[range]),
            (Self::I64(a), Self::I64(b)) => a.extend_from_slice(&b[range]),
            (Self::U16(a), Self::U16(b)) => a.extend_from_slice(&b[range]),
            (Self::U32(a), Self::U32(b)) => a.extend_from_slice(&b[range]),
            (Self::U64(a), Self::U64(b)) => a.extend_from_slice(&b[range]),
            (Self::F16(a), Self::F16(b)) => a.extend_from_slice(&b[range]),
            (Self::F32(a), Self::F32(b)) => a.extend_from_slice(&b[range]),
            (Self::F64(a), Self::F64(b)) => a.extend_from_slice(&b[range]),
            (Self::C64(a), Self::C64(b)) => a.extend_from_slice(&b[range]),
            (Self::C128(a), Self::C128(b)) => a.extend_from_slice(&b[range]),
            (Self::Str(a), Self::Str(b)) => a.extend_from(b, range),
            (this, other) => {
                return Err(Error::internal(format!(
                    "cannot append {} values to a {} buffer",
                    other.dtype(),
                    this.dtype()
                )));
            }
        }
        Ok(())
    }

    /// A copy of a range of values.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        match self {
            Self::Bool(v) => Self::Bool(v[range].to_vec()),
            Self::I8(v) => Self::I8(v[range].to_vec()),
            Self::I16(v) => Self::I16(v[range].to_vec()),
            Self::I32(v) => Self::I32(v[range].to_vec()),
            Self::I64(v) => Self::I64(v[range].to_vec()),
            Self::U8(v) => Self::U8(v[range].to_vec()),
            Self::U16(v) => Self::U16(v[range].to_vec()),
            Self::U32(v) => Self::U32(v[range].to_vec()),
            Self::U64(v) => Self::U64(v[range].to_vec()),
            Self::F16(v) => Self::F16(v[range].to_vec()),
            Self::F32(v) => Self::F32(v[range].to_vec()),
            Self::F64(v) => Self::F64(v[range].to_vec()),
            Self::C64(v) => Self::C64(v[range].to_vec()),
            Self::C128(v) => Self::C128(v[range].to_vec()),
            Self::Str(v) => {
                let mut out = Strings::new();
                out.extend_from(v, range);
                Self::Str(out)
            }
        }
    }

    /// The values at the given positions, in that order; a negative position gives zero (false, empty text).
    #[must_use]
    pub fn take(&self, positions: &[i64]) -> Self {
        fn pick<T: Copy + bytemuck::Zeroable>(values: &[T], positions: &[i64]) -> Vec<T> {
            positions
                .iter()
                .map(|&position| usize::try_from(position).map_or_else(|_| T::zeroed(), |i| values[i]))
                .collect()
        }
        match self {
            Self::Bool(v) => Self::Bool(pick(v, positions)),
            Self::I8(v) => Self::I8(pick(v, positions)),
            Self::I16(v) => Self::I16(pick(v, positions)),
            Self::I32(v) => Self::I32(pick(v, positions)),
            Self::I64(v) => Self::I64(pick(v, positions)),
            Self::U8(v) => Self::U8(pick(v, positions)),
            Self::U16(v) => Self::U16(pick(v, positions)),
            Self::U32(v) => Self::U32(pick(v, positions)),
            Self::U64(v) => Self::U64(pick(v, positions)),
            Self::F16(v) => Self::F16(pick(v, positions)),
            Self::F32(v) => Self::F32(pick(v, positions)),
            Self::F64(v) => Self::F64(pick(v, positions)),
            Self::C64(v) => Self::C64(pick(v, positions)),
            Self::C128(v) => Self::C128(pick(v, positions)),
            Self::Str(v) => Self::Str(
                positions.iter().map(|&position| usize::try_from(position).map_or("", |i| v.get(i))).collect(),
            ),
        }
    }

    /// The `i`-th value as a double; `None` for text. Complex values give their real part.
    pub fn get_f64(&self, i: usize) -> Option<f64> {
        Some(match self {
            Self::Bool(v) | Self::U8(v) => f64::from(v[i]),
            Self::I8(v) => f64::from(v[i]),
            Self::I16(v) => f64::from(v[i]),
            Self::I32(v) => f64::from(v[i]),
            Self::I64(v) => v[i] as f64,
            Self::U16(v) => f64::from(v[i]),
            Self::U32(v) => f64::from(v[i]),
            Self::U64(v) => v[i] as f64,
            Self::F16(v) => f64::from(v[i]),
            Self::F32(v) => f64::from(v[i]),
            Self::F64(v) => v[i],
            Self::C64(v) => f64::from(v[i][0]),
            Self::C128(v) => v[i][0],
            Self::Str(_) => return None,
        })
    }

    /// The `i`-th value as an integer; `None` unless the type is an integer or boolean and the value fits.
    pub fn get_i64(&self, i: usize) -> Option<i64> {
        Some(match self {
            Self::Bool(v) | Self::U8(v) => i64::from(v[i]),
            Self::I8(v) => i64::from(v[i]),
            Self::I16(v) => i64::from(v[i]),
            Self::I32(v) => i64::from(v[i]),
            Self::I64(v) => v[i],
            Self::U16(v) => i64::from(v[i]),
            Self::U32(v) => i64::from(v[i]),
            Self::U64(v) => i64::try_from(v[i]).ok()?,
            _ => return None,
        })
    }

    /// The values in another type. Conversions that numpy calls safe are exact; an integer that does not fit the
    /// target, or a fraction cast to an integer, is an error, never a truncation. Any number casts to any float.
    ///
    /// # Errors
    /// Between text and anything else, and for a value the target cannot hold.
    pub fn cast(&self, to: DType) -> Result<Self> {
        if self.dtype() == to {
            return Ok(self.clone());
        }
        let misfit =
            |i: usize| Error::incompatible(format!("value {} does not fit {to}", self.get_f64(i).unwrap_or(f64::NAN)));
        let len = self.len();
        macro_rules! to_float {
            ($variant:ident, $convert:expr) => {
                Ok(Self::$variant(
                    (0..len)
                        .map(|i| self.get_f64(i).map($convert))
                        .collect::<Option<Vec<_>>>()
                        .ok_or_else(|| Error::incompatible(format!("cannot cast {} to {to}", self.dtype())))?,
                ))
            };
        }
        macro_rules! to_int {
            ($variant:ident, $t:ty) => {{
                let mut out: Vec<$t> = Vec::with_capacity(len);
                for i in 0..len {
                    let value = match self {
                        Self::U64(v) => <$t>::try_from(v[i]).ok(),
                        Self::F16(_) | Self::F32(_) | Self::F64(_) => {
                            self.get_f64(i).and_then(exact_i128).and_then(|value| <$t>::try_from(value).ok())
                        }
                        _ => self.get_i64(i).and_then(|value| <$t>::try_from(value).ok()),
                    };
                    out.push(value.ok_or_else(|| misfit(i))?);
                }
                Ok(Self::$variant(out))
            }};
        }
        match (self, to) {
            // The hot pairs, written so that they vectorise.
            (Self::I32(v), DType::I64) => Ok(Self::I64(v.iter().map(|&x| i64::from(x)).collect())),
            (Self::F32(v), DType::F64) => Ok(Self::F64(v.iter().map(|&x| f64::from(x)).collect())),
            (Self::I32(v), DType::F64) => Ok(Self::F64(v.iter().map(|&x| f64::from(x)).collect())),
            (Self::F64(v), DType::F32) => Ok(Self::F32(v.iter().map(|&x| x as f32).collect())),
            (Self::C64(v), DType::C128) => {
                Ok(Self::C128(v.iter().map(|x| [f64::from(x[0]), f64::from(x[1])]).collect()))
            }
            (Self::C64(_) | Self::C128(_), _) if !to.is_complex() => {
                Err(Error::incompatible(format!("cannot cast {} to {to}", self.dtype())))
            }
            (_, DType::Bool) => match self.cast(DType::U8)? {
                Self::U8(v) if v.iter().all(|&x| x <= 1) => Ok(Self::Bool(v)),
                _ => Err(Error::incompatible("value other than 0 and 1 does not fit bool")),
            },
            (_, DType::I8) => to_int!(I8, i8),
            (_, DType::I16) => to_int!(I16, i16),
            (_, DType::I32) => to_int!(I32, i32),
            (_, DType::I64) => to_int!(I64, i64),
            (_, DType::U8) => to_int!(U8, u8),
            (_, DType::U16) => to_int!(U16, u16),
            (_, DType::U32) => to_int!(U32, u32),
            (_, DType::U64) => to_int!(U64, u64),
            (_, DType::F16) => to_float!(F16, f16::from_f64),
            (_, DType::F32) => to_float!(F32, |x| x as f32),
            (_, DType::F64) => to_float!(F64, |x| x),
            (Self::C128(v), DType::C64) => Ok(Self::C64(v.iter().map(|x| [x[0] as f32, x[1] as f32]).collect())),
            (_, DType::C64) => to_float!(C64, |x| [x as f32, 0.0]),
            (_, DType::C128) => to_float!(C128, |x| [x, 0.0]),
            (_, DType::Str) => Err(Error::incompatible(format!("cannot cast {} to text", self.dtype()))),
        }
    }
}

fn exact_i128(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() < 2e19).then_some(value as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_are_exact_or_refused() {
        assert_eq!(Buffer::U8(vec![255]).cast(DType::I32).unwrap(), Buffer::I32(vec![255]));
        assert!(Buffer::I32(vec![300]).cast(DType::U8).is_err());
        assert!(Buffer::F64(vec![2.5]).cast(DType::I32).is_err());
        assert_eq!(Buffer::U64(vec![u64::MAX]).cast(DType::F64).unwrap(), Buffer::F64(vec![u64::MAX as f64]));
        assert!(Buffer::Str(["a"].into_iter().collect()).cast(DType::F64).is_err());
    }

    #[test]
    fn take_fills_negative_positions_with_zero() {
        let text = Buffer::Str(["a", "b"].into_iter().collect());
        assert_eq!(text.take(&[1, -1]), Buffer::Str(["b", ""].into_iter().collect()));
        assert_eq!(Buffer::F32(vec![1.0, 2.0]).take(&[-1, 0]), Buffer::F32(vec![0.0, 1.0]));
    }

    #[test]
    fn promotion_is_symmetric_and_casts_succeed() {
        for a in DType::ALL {
            for b in DType::ALL {
                assert_eq!(a.promote(b), b.promote(a));
                if let Some(to) = a.promote(b) {
                    assert!(Buffer::zeros(a, 2).cast(to).is_ok(), "{a} to {to}");
                }
            }
        }
    }
}
