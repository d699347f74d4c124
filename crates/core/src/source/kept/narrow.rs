//! Numbers in few bytes: counts, whatever type they are stored in, are small whole numbers.
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "compared with what comes back")]

use std::io;

use annstream_store::{Buffer, DType};

use crate::vector::vectorized;

/// Values that are narrowed together.
const PIECE: usize = 1 << 15;

/// In how many bytes each number of a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// One.
    Byte,
    /// Two.
    Short,
    /// Those of its type.
    Own,
}

impl Width {
    /// Bytes of each number.
    pub(super) fn bytes(self, dtype: DType) -> usize {
        match self {
            Self::Byte => 1,
            Self::Short => 2,
            Self::Own => dtype.size(),
        }
    }
}

/// A type whose values may be small whole numbers.
trait Number: Copy {
    /// The nearest one of 16 bits, and whether it is the same to the bit.
    fn short(self) -> (u16, bool);
    fn of_short(short: u16) -> Self;
}

macro_rules! number {
    ($($type:ty: $same:expr),*) => {$(
        impl Number for $type {
            #[inline(always)]
            fn short(self) -> (u16, bool) {
                let short = self as u16;
                let same: fn($type, $type) -> bool = $same;
                (short, same(Self::of_short(short), self))
            }

            #[inline(always)]
            fn of_short(short: u16) -> Self {
                Self::from(short)
            }
        }
    )*};
}

number!(
    f32: |a, b| a.to_bits() == b.to_bits(),
    f64: |a, b| a.to_bits() == b.to_bits(),
    i32: |a, b| a == b,
    i64: |a, b| a == b,
    u32: |a, b| a == b,
    u64: |a, b| a == b
);

/// Runs `$run` with the values of a buffer whose type has a short form, else `$other`.
macro_rules! numbers {
    ($buffer:expr, $values:ident => $run:expr, $other:expr) => {
        match $buffer {
            Buffer::F32($values) => $run,
            Buffer::F64($values) => $run,
            Buffer::I32($values) => $run,
            Buffer::I64($values) => $run,
            Buffer::U32($values) => $run,
            Buffer::U64($values) => $run,
            _ => $other,
        }
    };
}

/// The fewest bytes in which each value comes back to the bit.
pub(super) fn width(values: &Buffer) -> Width {
    let (exact, most) = numbers!(values, values => extent(values), (false, 0));
    match most {
        _ if !exact => Width::Own,
        0..=255 => Width::Byte,
        _ => Width::Short,
    }
}

fn extent<T: Number>(values: &[T]) -> (bool, u16) {
    vectorized(
        #[inline(always)]
        || {
            values.iter().fold((true, 0), |(exact, most), value| {
                let (short, same) = value.short();
                (exact & same, if short > most { short } else { most })
            })
        },
    )
}

/// Hands out the bytes of values, piece by piece.
///
/// # Errors
/// What `put` returns, or for text.
pub(super) fn narrowed(values: &Buffer, width: Width, put: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let own = values.as_bytes().ok_or(io::ErrorKind::InvalidInput)?;
    numbers!(values, values => pieces(values, own, width, put), pieces::<u32>(&[], own, width, put))
}

/// The same for columns.
///
/// # Errors
/// What `put` returns.
pub(super) fn narrowed_columns(
    columns: &[u32],
    width: Width,
    put: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    pieces(columns, bytemuck::cast_slice(columns), width, put)
}

fn pieces<T: Number>(
    values: &[T],
    own: &[u8],
    width: Width,
    mut put: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    if width == Width::Own {
        return put(own);
    }
    let mut bytes = vec![0; PIECE * 2];
    for piece in values.chunks(PIECE) {
        if width == Width::Byte {
            vectorized(|| {
                for (byte, value) in bytes.iter_mut().zip(piece) {
                    *byte = value.short().0 as u8;
                }
            });
            put(&bytes[..piece.len()])?;
        } else {
            vectorized(|| {
                for (pair, value) in bytes.chunks_exact_mut(2).zip(piece) {
                    pair.copy_from_slice(&value.short().0.to_ne_bytes());
                }
            });
            put(&bytes[..piece.len() * 2])?;
        }
    }
    Ok(())
}

/// Fills `values` from their bytes, which `get` hands in, piece by piece.
///
/// # Errors
/// What `get` returns, or for text.
pub(super) fn widened(
    values: &mut Buffer,
    width: Width,
    mut get: impl FnMut(&mut [u8]) -> io::Result<()>,
) -> io::Result<()> {
    if width == Width::Own {
        return get(values.as_bytes_mut().ok_or(io::ErrorKind::InvalidInput)?);
    }
    numbers!(values, values => widened_pieces(values, width, get), Err(io::ErrorKind::InvalidInput.into()))
}

fn widened_pieces<T: Number>(
    values: &mut [T],
    width: Width,
    mut get: impl FnMut(&mut [u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut bytes = vec![0; PIECE * 2];
    for piece in values.chunks_mut(PIECE) {
        let bytes = &mut bytes[..piece.len() * if width == Width::Byte { 1 } else { 2 }];
        get(bytes)?;
        widen(bytes, width, piece);
    }
    Ok(())
}

fn widen<T: Number>(bytes: &[u8], width: Width, values: &mut [T]) {
    vectorized(|| match width {
        Width::Byte => {
            for (value, &byte) in values.iter_mut().zip(bytes) {
                *value = T::of_short(u16::from(byte));
            }
        }
        Width::Short => {
            for (value, pair) in values.iter_mut().zip(bytes.chunks_exact(2)) {
                *value = T::of_short(u16::from_ne_bytes([pair[0], pair[1]]));
            }
        }
        Width::Own => {}
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(values: &Buffer) -> Width {
        let width = width(values);
        let mut bytes = Vec::new();
        let put = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok(())
        };
        narrowed(values, width, put).unwrap();
        assert_eq!(bytes.len(), values.len() * width.bytes(values.dtype()));
        if width != Width::Own {
            let mut again = Buffer::zeros(values.dtype(), values.len());
            let mut left = bytes.as_slice();
            widened(&mut again, width, |piece| std::io::Read::read_exact(&mut left, piece)).unwrap();
            assert_eq!(again.as_bytes(), values.as_bytes());
        }
        width
    }

    #[test]
    fn small_whole_numbers_take_few_bytes() {
        assert_eq!(back(&Buffer::F32(vec![0.0, 1.0, 255.0])), Width::Byte);
        assert_eq!(back(&Buffer::F64(vec![256.0, 65_535.0])), Width::Short);
        assert_eq!(back(&Buffer::I32(vec![3, 70])), Width::Byte);
        assert_eq!(back(&Buffer::I64(vec![300])), Width::Short);
        assert_eq!(back(&Buffer::U64(vec![])), Width::Byte);
        assert_eq!(back(&Buffer::U32(vec![65_535])), Width::Short);
        assert_eq!(back(&Buffer::U32((0..100_000).map(|i| i % 256).collect())), Width::Byte);
        assert_eq!(back(&Buffer::I32((0..100_000).map(|i| i % 700).collect())), Width::Short);
    }

    #[test]
    fn all_others_stay_as_they_are() {
        for value in [0.5, -1.0, -0.0, 65_536.0, f32::NAN, f32::INFINITY, 1e-40] {
            assert_eq!(back(&Buffer::F32(vec![1.0, value])), Width::Own, "{value}");
        }
        assert_eq!(back(&Buffer::I64(vec![1 << 40, 1])), Width::Own);
        assert_eq!(back(&Buffer::I32(vec![-1])), Width::Own);
        assert_eq!(back(&Buffer::U64(vec![u64::MAX])), Width::Own);
        assert_eq!(back(&Buffer::U16(vec![1, 2])), Width::Own);
        assert_eq!(back(&Buffer::C64(vec![[1.0, 0.0]])), Width::Own);
    }
}
