//! The type of a concatenated matrix.
//!
//! The rule is numpy's promotion of the inputs that have the element, widened only where a hole needs it. It equals
//! `anndata.concat` 0.12.19 except where that goes through Python objects (booleans with holes) or widens needlessly
//! (an input without columns, or without the element, turns the reference's `float32` into `float64`).

use annstream_store::DType;

use super::FillValue;
use crate::{Error, Result};

/// One input's share of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Type of its values.
    pub(crate) dtype: DType,
    /// Whether the result has places that it does not cover.
    pub(crate) holes: bool,
}

/// The type and the fill of a dense result. `missing` tells whether an input lacks the element altogether.
///
/// # Errors
/// `Incompatible` if the types have no common type.
pub(crate) fn dense(shares: &[Share], missing: bool, fill: Option<FillValue>) -> Result<(DType, f64)> {
    let fill = fill.unwrap_or(FillValue::Float(f64::NAN));
    let widened = |share: &Share| if share.holes { widen(share.dtype, fill) } else { share.dtype };
    let mut dtype = promote(shares.iter().map(widened))?;
    if missing {
        dtype = widen(dtype, fill);
    }
    Ok((dtype, fill.value()))
}

/// The type and the fill of a sparse result.
///
/// # Errors
/// `Incompatible` if the types have no common type.
pub(crate) fn sparse(shares: &[Share], missing: bool, fill: Option<FillValue>) -> Result<(DType, f64)> {
    let fill = fill.unwrap_or(FillValue::Int(0));
    let own = match fill {
        FillValue::Int(_) => DType::I64,
        FillValue::Float(_) => DType::F64,
    };
    let holes = missing || shares.iter().any(|share| share.holes);
    let dtypes = shares.iter().map(|share| share.dtype);
    let dtype = promote(dtypes)?;
    let needed = holes && fill.value() != 0.0;
    Ok((if needed { dtype.promote(own).unwrap_or(dtype) } else { dtype }, fill.value()))
}

fn promote(mut dtypes: impl Iterator<Item = DType>) -> Result<DType> {
    let first = dtypes.next().unwrap_or(DType::F32);
    dtypes.try_fold(first, |a, b| {
        a.promote(b).ok_or_else(|| Error::incompatible(format!("values of type {a} and {b} have no common type")))
    })
}

/// `dtype` made wide enough for `fill`, as pandas does when it takes with a fill value.
fn widen(dtype: DType, fill: FillValue) -> DType {
    match fill {
        FillValue::Float(_) if dtype.is_float() || dtype.is_complex() => dtype,
        FillValue::Float(_) => DType::F64,
        FillValue::Int(_) if dtype == DType::Bool => DType::I64,
        FillValue::Int(value) if dtype.is_integer() => dtype.promote(smallest(value)).unwrap_or(DType::F64),
        FillValue::Int(_) => dtype,
    }
}

/// The smallest type that holds a number: `numpy.min_scalar_type`, except that a value that fits the signed type of the
/// same width counts as either.
fn smallest(value: i64) -> DType {
    match value {
        0..=127 => DType::Bool,
        128..=255 => DType::U8,
        256..=65_535 => DType::U16,
        65_536..=4_294_967_295 => DType::U32,
        -128..0 => DType::I8,
        -32_768..-128 => DType::I16,
        -2_147_483_648..-32_768 => DType::I32,
        _ => DType::I64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(dtype: DType) -> [Share; 1] {
        [Share { dtype, holes: true }]
    }

    #[test]
    fn dense_holes_widen_only_as_needed() {
        let default = |dtype| dense(&one(dtype), false, None).unwrap().0;
        assert_eq!(default(DType::F32), DType::F32);
        assert_eq!(default(DType::I32), DType::F64);
        assert_eq!(default(DType::Bool), DType::F64);
        let with = |dtype, fill| dense(&one(dtype), false, Some(fill)).unwrap().0;
        assert_eq!(with(DType::I32, FillValue::Int(0)), DType::I32);
        assert_eq!(with(DType::U8, FillValue::Int(-1)), DType::I16);
        assert_eq!(with(DType::U8, FillValue::Float(2.5)), DType::F64);
        assert_eq!(with(DType::I8, FillValue::Int(200)), DType::I16);
    }

    #[test]
    fn a_missing_input_does_not_widen_floats() {
        let shares = [Share { dtype: DType::F32, holes: false }];
        assert_eq!(dense(&shares, true, None).unwrap().0, DType::F32);
        assert_eq!(sparse(&shares, true, None).unwrap(), (DType::F32, 0.0));
        assert_eq!(sparse(&shares, true, Some(FillValue::Float(2.5))).unwrap(), (DType::F64, 2.5));
    }

    #[test]
    fn inputs_promote_as_in_numpy() {
        let shares = [DType::U8, DType::I32].map(|dtype| Share { dtype, holes: false });
        assert_eq!(sparse(&shares, false, None).unwrap().0, DType::I32);
    }
}
