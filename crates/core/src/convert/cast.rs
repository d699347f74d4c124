//! Values in another type, exactly: only doubles become singles by rounding.

use annstream_store::{Buffer, DType};

use crate::matrix::{Block, SparseRows};
use crate::{Error, Result};

/// The block with values of type `to`. `first` is its first row, or column if `by_columns`.
///
/// # Errors
/// If a value cannot be said in the type; the error names row and column.
pub(super) fn cast_block(block: Block, to: DType, first: u64, by_columns: bool) -> Result<Block> {
    if block.values().dtype() == to {
        return Ok(block);
    }
    match block {
        Block::Sparse(SparseRows { indptr, indices, data, sorted }) => {
            let data = cast(&data, to).map_err(|(position, text)| {
                let major = first + (indptr.partition_point(|&start| start <= position) as u64).saturating_sub(1);
                let minor = u64::from(indices[position]);
                misfit(&text, to, if by_columns { [minor, major] } else { [major, minor] })
            })?;
            Ok(Block::Sparse(SparseRows { indptr, indices, data, sorted }))
        }
        Block::Dense { rows, values } => {
            let columns = values.len().checked_div(rows).unwrap_or(0).max(1);
            let values = cast(&values, to).map_err(|(position, text)| {
                misfit(&text, to, [first + (position / columns) as u64, (position % columns) as u64])
            })?;
            Ok(Block::Dense { rows, values })
        }
    }
}

fn misfit(value: &str, to: DType, [row, column]: [u64; 2]) -> Error {
    let message = format!("value {value} in column {column} is not exact in {to}");
    Error::incompatible(message).row(row).hint("ask for a wider --dtype, or round the values first")
}

/// Whether values of `from` may become `to`, as far as types tell.
pub(super) fn possible(from: DType, to: DType) -> bool {
    from != DType::Str && to != DType::Str && (to.is_complex() || !from.is_complex())
}

/// The values as `to`, or the position and text of the first that does not fit.
fn cast(values: &Buffer, to: DType) -> Result<Buffer, (usize, String)> {
    let from = values.dtype();
    let out = match values.cast(to) {
        Ok(out) if exact_by_type(from, to) => return Ok(out),
        Ok(out) => out,
        Err(_) => {
            // Rare: which one is it?
            let wrong = (0..values.len()).find(|&i| values.slice(i..i + 1).cast(to).is_err()).unwrap_or(0);
            return Err((wrong, shown(values, wrong)));
        }
    };
    match first_misfit(values, &out) {
        None => Ok(out),
        Some(wrong) => Err((wrong, shown(values, wrong))),
    }
}

/// Whether every value of `from` is one of `to`. numpy calls 64-bit integers to doubles safe; they are not exact.
fn exact_by_type(from: DType, to: DType) -> bool {
    let long = matches!(from, DType::I64 | DType::U64);
    // A cast to an integer that succeeded is exact.
    to.is_integer() || to == DType::Bool || (from.promote(to) == Some(to) && !long)
}

/// The first value that changed, where the cast itself does not look.
fn first_misfit(values: &Buffer, out: &Buffer) -> Option<usize> {
    let rounded = |before: f64, after: f64| before.is_finite() != after.is_finite();
    match (values, out) {
        (Buffer::F64(before), Buffer::F32(after)) => {
            before.iter().zip(after).position(|(&before, &after)| rounded(before, f64::from(after)))
        }
        (Buffer::C128(before), Buffer::C64(after)) => before
            .iter()
            .zip(after)
            .position(|(before, after)| (0..2).any(|part| rounded(before[part], f64::from(after[part])))),
        (Buffer::F64(before), Buffer::C64(after)) => {
            before.iter().zip(after).position(|(&before, after)| rounded(before, f64::from(after[0])))
        }
        (Buffer::I64(_) | Buffer::U64(_), _) => (0..values.len()).find(|&i| !same_integer(values, out, i)),
        _ => (0..values.len()).find(|&i| match (values.get_f64(i), out.get_f64(i)) {
            (Some(before), Some(after)) => before.to_bits() != after.to_bits() && !(before.is_nan() && after.is_nan()),
            _ => true,
        }),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whole numbers below 2^65")]
fn same_integer(values: &Buffer, out: &Buffer, i: usize) -> bool {
    let before = match values {
        Buffer::I64(values) => i128::from(values[i]),
        Buffer::U64(values) => i128::from(values[i]),
        _ => return false,
    };
    out.get_f64(i).is_some_and(|after| after.is_finite() && after as i128 == before)
}

fn shown(values: &Buffer, i: usize) -> String {
    match values {
        Buffer::I64(values) => values[i].to_string(),
        Buffer::U64(values) => values[i].to_string(),
        _ => values.get_f64(i).unwrap_or(f64::NAN).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_are_exact_or_name_the_value() {
        assert_eq!(cast(&Buffer::F32(vec![1.0, 255.0]), DType::U8).unwrap(), Buffer::U8(vec![1, 255]));
        assert_eq!(cast(&Buffer::F32(vec![1.0, 2.5]), DType::U8).unwrap_err(), (1, "2.5".to_owned()));
        assert_eq!(cast(&Buffer::F64(vec![f64::NAN]), DType::I8).unwrap_err().0, 0);
        assert!(cast(&Buffer::F64(vec![0.1, f64::INFINITY, f64::NAN]), DType::F32).is_ok());
        assert_eq!(cast(&Buffer::F64(vec![0.1, 1e300]), DType::F32).unwrap_err().0, 1);
        assert_eq!(cast(&Buffer::F64(vec![0.5, 0.1]), DType::F16).unwrap_err().0, 1);
        assert!(cast(&Buffer::F32(vec![f32::NAN, -0.0, 0.5]), DType::F16).is_ok());
        assert!(cast(&Buffer::I64(vec![1 << 53]), DType::F64).is_ok());
        assert_eq!(cast(&Buffer::I64(vec![(1 << 53) + 1]), DType::F64).unwrap_err().1, "9007199254740993");
        assert_eq!(cast(&Buffer::U64(vec![0, u64::MAX]), DType::F64).unwrap_err().1, u64::MAX.to_string());
        assert_eq!(cast(&Buffer::I32(vec![(1 << 24) + 1]), DType::F32).unwrap_err().0, 0);
        assert_eq!(cast(&Buffer::I32(vec![0, 1, 2]), DType::Bool).unwrap_err().0, 2);
    }

    #[test]
    fn the_error_names_row_and_column() {
        let rows = SparseRows {
            indptr: vec![0, 1, 1, 3],
            indices: vec![4, 2, 5],
            data: Buffer::I32(vec![1, 2, 300]),
            sorted: true,
        };
        let error = cast_block(Block::Sparse(rows.clone()), DType::U8, 10, false).unwrap_err();
        assert_eq!(error.to_string(), "row 12: value 300 in column 5 is not exact in uint8");
        let error = cast_block(Block::Sparse(rows), DType::U8, 10, true).unwrap_err();
        assert_eq!(error.to_string(), "row 5: value 300 in column 12 is not exact in uint8");
        let dense = Block::Dense { rows: 2, values: Buffer::F64(vec![1.0, 2.0, 3.0, 4.5]) };
        let error = cast_block(dense, DType::I64, 7, false).unwrap_err();
        assert_eq!(error.to_string(), "row 8: value 4.5 in column 1 is not exact in int64");
    }
}
