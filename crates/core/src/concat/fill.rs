//! The type of a concatenated matrix.
//!
//! Every input has a type once it is aligned: its own, widened where it has holes; the result is numpy's promotion of
//! these. That equals `anndata.concat` 0.12.19 except where it goes through Python objects (booleans with holes) or widens
//! needlessly (an input without columns, or without the element, turns the reference's `float32` into `float64`).

use annstream_store::DType;

use super::FillValue;
use crate::table::result_type;
use crate::{Error, Result};

/// One input's share of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Type of its values; `None` where the input lacks the matrix.
    pub(crate) dtype: Option<DType>,
    /// Whether the result has labels that the input lacks. Labels count, not rows.
    pub(crate) holes: bool,
}

/// The type and the fill of a dense result.
///
/// # Errors
/// `Incompatible` if the types have no common type.
pub(crate) fn dense(shares: &[Share], fill: Option<FillValue>) -> Result<(DType, f64)> {
    let fill = fill.unwrap_or(FillValue::Float(f64::NAN));
    Ok((promote(shares, |dtype| widen(dtype, fill))?, fill.value()))
}

/// The type and the fill of a sparse result.
///
/// # Errors
/// `Incompatible` if the types have no common type, or one cannot be sparse (float16, as in scipy).
pub(crate) fn sparse(shares: &[Share], fill: Option<FillValue>) -> Result<(DType, f64)> {
    if shares.iter().any(|share| share.dtype == Some(DType::F16)) {
        return Err(Error::incompatible("sparse matrices of float16 do not exist")
            .hint("convert the matrix to float32 in the input that has float16"));
    }
    let fill = fill.unwrap_or(FillValue::Int(0));
    let own = match fill {
        FillValue::Int(_) => DType::I64,
        FillValue::Float(_) => DType::F64,
    };
    let widened = |dtype: DType| if fill.value() == 0.0 { dtype } else { dtype.promote(own).unwrap_or(dtype) };
    Ok((promote(shares, widened)?, fill.value()))
}

/// The common type of all shares, those with holes widened. A share without a type has that of the others.
fn promote(shares: &[Share], widened: impl Fn(DType) -> DType) -> Result<DType> {
    let common = |dtypes: Vec<DType>| {
        result_type(&dtypes).ok_or_else(|| {
            let mut names: Vec<String> = dtypes.iter().map(ToString::to_string).collect();
            names.dedup();
            Error::incompatible(format!("values of type {} have no common type", names.join(" and ")))
        })
    };
    let shared = common(shares.iter().filter_map(|share| share.dtype).collect())?;
    let aligned = shares.iter().map(|share| {
        let dtype = share.dtype.unwrap_or(shared);
        if share.holes { widened(dtype) } else { dtype }
    });
    common(aligned.collect())
}

/// `dtype` made wide enough for `fill`, as pandas does when it takes with a fill value.
fn widen(dtype: DType, fill: FillValue) -> DType {
    match fill {
        FillValue::Float(value) if dtype.is_float() || dtype.is_complex() => {
            dtype.promote(smallest_float(value)).unwrap_or(dtype)
        }
        FillValue::Float(_) => DType::F64,
        FillValue::Int(_) if dtype == DType::Bool => DType::I64,
        FillValue::Int(value) if dtype.is_integer() && !fits(value, dtype) => {
            dtype.promote(smallest(value)).unwrap_or(DType::F64)
        }
        FillValue::Int(_) => dtype,
    }
}

fn fits(value: i64, dtype: DType) -> bool {
    let bits = 8 * u32::try_from(dtype.size()).unwrap_or(8);
    let value = i128::from(value);
    if dtype.is_signed() {
        (-(1 << (bits - 1))..1 << (bits - 1)).contains(&value)
    } else {
        (0..1 << bits).contains(&value)
    }
}

/// `numpy.min_scalar_type` of a whole number.
fn smallest(value: i64) -> DType {
    let candidates = if value < 0 {
        [DType::I8, DType::I16, DType::I32, DType::I64]
    } else {
        [DType::U8, DType::U16, DType::U32, DType::U64]
    };
    candidates.into_iter().find(|&dtype| fits(value, dtype)).unwrap_or(DType::I64)
}

/// `numpy.min_scalar_type` of a float: by its range, not its digits.
fn smallest_float(value: f64) -> DType {
    let size = value.abs();
    if !value.is_finite() || size < 65_520.0 {
        DType::F16
    } else if size <= f64::from(f32::MAX) {
        DType::F32
    } else {
        DType::F64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(dtype: DType) -> [Share; 1] {
        [Share { dtype: Some(dtype), holes: true }]
    }

    #[test]
    fn dense_holes_widen_only_as_needed() {
        let default = |dtype| dense(&one(dtype), None).unwrap().0;
        assert_eq!(default(DType::F32), DType::F32);
        assert_eq!(default(DType::I32), DType::F64);
        assert_eq!(default(DType::Bool), DType::F64);
        let with = |dtype, fill| dense(&one(dtype), Some(fill)).unwrap().0;
        assert_eq!(with(DType::I32, FillValue::Int(0)), DType::I32);
        assert_eq!(with(DType::I16, FillValue::Int(300)), DType::I16);
        assert_eq!(with(DType::I16, FillValue::Int(40_000)), DType::I32);
        assert_eq!(with(DType::U8, FillValue::Int(-1)), DType::I16);
        assert_eq!(with(DType::U8, FillValue::Float(2.5)), DType::F64);
        assert_eq!(with(DType::I8, FillValue::Int(200)), DType::I16);
        assert_eq!(with(DType::F16, FillValue::Float(1e6)), DType::F32);
        assert_eq!(with(DType::F16, FillValue::Float(0.1)), DType::F16);
    }

    #[test]
    fn a_missing_input_does_not_widen_floats() {
        let shares = [Share { dtype: Some(DType::F32), holes: false }, Share { dtype: None, holes: true }];
        assert_eq!(dense(&shares, None).unwrap().0, DType::F32);
        assert_eq!(sparse(&shares, None).unwrap(), (DType::F32, 0.0));
        assert_eq!(sparse(&shares, Some(FillValue::Float(2.5))).unwrap(), (DType::F64, 2.5));
    }

    /// Seeds 96, 307, 498 and 514 of the parity tests.
    #[test]
    fn holes_widen_their_own_share_before_promotion() {
        let shares = |a, b| [Share { dtype: Some(a), holes: true }, Share { dtype: b, holes: b.is_none() }];
        assert_eq!(dense(&shares(DType::I16, Some(DType::F32)), None).unwrap().0, DType::F64);
        assert_eq!(dense(&shares(DType::F32, Some(DType::I16)), None).unwrap().0, DType::F32);
        assert_eq!(dense(&shares(DType::U64, Some(DType::I64)), Some(FillValue::Int(0))).unwrap().0, DType::F64);
        let nothing = [Share { dtype: Some(DType::I16), holes: false }, Share { dtype: None, holes: false }];
        assert_eq!(dense(&nothing, None).unwrap().0, DType::I16);
    }

    #[test]
    fn inputs_promote_as_in_numpy() {
        let shares = [DType::U8, DType::I32].map(|dtype| Share { dtype: Some(dtype), holes: false });
        assert_eq!(sparse(&shares, None).unwrap().0, DType::I32);
        assert_eq!(sparse(&one(DType::F16), None).unwrap_err().kind(), annstream_store::ErrorKind::Incompatible);
    }
}
