//! Normalising counts to Pearson residuals: `scanpy.experimental.pp.normalize_pearson_residuals`.

use annstream_core::element::{Dict, Element};
use annstream_core::lazy::{LazyMatrix, Precision};
use annstream_core::op::PearsonResiduals;
use annstream_core::{Error, Exec, Result};
use annstream_store::Buffer;
use serde::{Deserialize, Serialize};

use crate::reduce::MarginsPass;

/// What `normalize_pearson_residuals` is asked for; names and defaults are scanpy's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PearsonOptions {
    /// Overdispersion; the variance of a count is `mean + mean² / theta`.
    pub theta: f64,
    /// Residuals beyond this are clipped; the square root of the number of cells, if absent.
    pub clip: Option<f64>,
    /// Whether values that are no counts are worth a warning.
    pub check_values: bool,
}

impl Default for PearsonOptions {
    fn default() -> Self {
        Self { theta: 100.0, clip: None, check_values: true }
    }
}

/// The residuals, and what was found on the way.
#[derive(Clone)]
pub struct PearsonNormalized {
    /// The matrix with one more operator; its rows are dense.
    pub matrix: LazyMatrix,
    /// Whether values were asked to be checked, and some are below zero or not whole.
    pub not_counts: bool,
    /// Cells and genes without counts: their residuals are NaN, as in scanpy.
    pub empty: [usize; 2],
}

impl PearsonOptions {
    /// Refuses what residuals cannot have.
    ///
    /// # Errors
    /// If `theta` is not above 0, or `clip` below 0.
    pub fn check(&self) -> Result<()> {
        if self.theta.is_nan() || self.theta <= 0.0 {
            return Err(Error::argument(format!("theta is {}, expected a number above 0", self.theta)));
        }
        match self.clip {
            Some(clip) if clip.is_nan() || clip < 0.0 => {
                Err(Error::argument(format!("clip is {clip}, expected a number that is not below 0")))
            }
            _ => Ok(()),
        }
    }

    /// What scanpy writes to `uns["pearson_residuals_normalization"]`.
    pub fn uns(&self) -> Element {
        let computed_on = Element::Scalar(Buffer::Str(std::iter::once("adata.X").collect()));
        Element::Dict(Dict::from_iter([
            ("theta".to_owned(), number(self.theta)),
            ("clip".to_owned(), self.clip.map_or(Element::Null, number)),
            ("computed_on".to_owned(), computed_on),
        ]))
    }
}

/// As Python would store it: scanpy's own default is a whole number.
fn number(value: f64) -> Element {
    #[expect(clippy::cast_possible_truncation, reason = "checked: it is whole and small")]
    let whole = (value.fract() == 0.0 && value.abs() < 1e15).then_some(value as i64);
    Element::Scalar(whole.map_or_else(|| Buffer::F64(vec![value]), |whole| Buffer::I64(vec![whole])))
}

/// Counts as Pearson residuals, with totals over the rows and columns of `matrix`: one pass over it. The residuals
/// themselves are worked out whenever the result is read, a few dense rows at a time: doubles, but of the precision of the
/// counts where `clip` is given, as numpy's promotion has it. Memory: 8 bytes for each row and column of the source.
/// Equals `scanpy.experimental.pp.normalize_pearson_residuals` up to the single precision that scanpy computes `float32`
/// counts in.
///
/// # Errors
/// If an option is out of range, or reading fails.
pub fn normalize_pearson_residuals(
    matrix: &LazyMatrix,
    options: &PearsonOptions,
    exec: &Exec,
) -> Result<PearsonNormalized> {
    options.check()?;
    let [rows, width] = matrix.shape();
    let margins = matrix.run(MarginsPass { width }, "totals", exec)?;
    let empty = |totals: &[f64]| totals.iter().filter(|total| **total == 0.0).count();
    let empty = [empty(&margins.rows), empty(&margins.columns)];
    let total = margins.columns.iter().sum();
    // Operators speak of rows and columns of the source.
    let [mut of_rows, mut of_columns] = matrix.source_shape().map(|extent| vec![0.0; extent]);
    for (id, own) in matrix.row_ids().into_iter().zip(margins.rows) {
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| of_rows.get_mut(id)) {
            *slot = own;
        }
    }
    for (id, own) in matrix.column_ids().into_iter().zip(margins.columns) {
        if let Some(slot) = of_columns.get_mut(id as usize) {
            *slot = own;
        }
    }
    let op = PearsonResiduals {
        rows: of_rows.into(),
        columns: of_columns.into(),
        total,
        theta: options.theta,
        clip: options.clip.unwrap_or_else(|| (rows as f64).sqrt()),
        double: options.clip.is_none() || matrix.stored_dtype().is_integer() || matrix.precision() == Precision::Double,
    };
    let not_counts = options.check_values && margins.not_counts;
    Ok(PearsonNormalized { matrix: matrix.clone().with(op), not_counts, empty })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split_rows::{SplitRows, collected, exec};
    use annstream_store::DType;
    use proptest::prelude::*;

    fn naive(values: &[f64], width: usize, theta: f64, clip: Option<f64>) -> Vec<f64> {
        let rows: Vec<f64> = values.chunks(width).map(|row| row.iter().sum()).collect();
        let columns: Vec<f64> = (0..width).map(|j| values.iter().skip(j).step_by(width).sum()).collect();
        let total: f64 = columns.iter().sum();
        let clip = clip.unwrap_or((rows.len() as f64).sqrt());
        let residual = |i: usize, value: f64| {
            let expected = rows[i / width] * columns[i % width] / total;
            ((value - expected) / (expected + expected.powi(2) / theta).sqrt()).clamp(-clip, clip)
        };
        values.iter().enumerate().map(|(i, &value)| residual(i, value)).collect()
    }

    fn same(a: &[f64], b: &[f64], tolerance: f64) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance || (a.is_nan() && b.is_nan()))
    }

    proptest! {
        #[test]
        fn equals_the_definition_whatever_the_blocks_and_threads(
            values in prop::collection::vec(prop_oneof![2 => Just(0.0), 1 => (1_u8..40).prop_map(f64::from)], 1..200),
            width in 1_usize..7,
            step in 1_usize..9,
            theta in prop_oneof![Just(100.0), 0.1_f64..1e4, Just(f64::INFINITY)],
            clip in prop::option::of(0.0_f64..3.0),
            double in any::<bool>(),
        ) {
            let values = &values[..values.len() / width * width];
            let dtype = if double { DType::F64 } else { DType::F32 };
            let options = PearsonOptions { theta, clip, ..PearsonOptions::default() };
            let matrix = SplitRows::lazy(values, width, dtype, step);
            let found = normalize_pearson_residuals(&matrix, &options, &exec(2)).unwrap();
            prop_assert!(matrix.passes() == 1 && !found.not_counts && found.matrix.view().is_dense());
            let single = !double && clip.is_some();
            prop_assert_eq!(found.matrix.precision() == Precision::Single, single);
            let tolerance = if single { 1e-6 } else { 0.0 };
            prop_assert!(same(&collected(&found.matrix, 2), &naive(values, width, theta, clip), tolerance));
        }
    }

    #[test]
    fn rows_and_columns_that_went_do_not_count() {
        let values = [9.0, 1.0, 0.0, 2.0, 9.0, 3.0, 4.0, 9.0, 0.0];
        let matrix = SplitRows::lazy(&values, 3, DType::U16, 2);
        let kept = matrix.keep_rows(&[true, false, true]).unwrap().keep_columns(&[false, true, true]).unwrap();
        let found = normalize_pearson_residuals(&kept, &PearsonOptions::default(), &exec(1)).unwrap();
        assert_eq!(found.empty, [0, 1]);
        assert!(same(&collected(&found.matrix, 1), &naive(&[1.0, 0.0, 9.0, 0.0], 2, 100.0, None), 0.0));
    }

    #[test]
    fn what_is_no_count_is_noticed_and_what_is_no_option_refused() {
        let found = |value: f64, check_values: bool| {
            let matrix = SplitRows::lazy(&[1.0, value, 3.0, 1.0], 2, DType::F32, 9);
            let options = PearsonOptions { check_values, ..PearsonOptions::default() };
            normalize_pearson_residuals(&matrix, &options, &exec(1)).unwrap().not_counts
        };
        assert!(!found(2.0, true) && found(0.5, true) && found(-1.0, true) && !found(0.5, false));
        assert!(found(f64::NAN, true) && found(f64::INFINITY, true));
        for options in [
            PearsonOptions { theta: 0.0, ..PearsonOptions::default() },
            PearsonOptions { theta: f64::NAN, ..PearsonOptions::default() },
            PearsonOptions { clip: Some(-1.0), ..PearsonOptions::default() },
            PearsonOptions { clip: Some(f64::NAN), ..PearsonOptions::default() },
        ] {
            assert!(options.check().is_err());
        }
        for width in [0, 2] {
            let empty = SplitRows::lazy(&[], width, DType::F32, 9);
            let found = normalize_pearson_residuals(&empty, &PearsonOptions::default(), &exec(1)).unwrap();
            assert!(collected(&found.matrix, 1).is_empty());
        }
    }

    #[test]
    fn whole_options_are_stored_as_whole_numbers() {
        let Element::Dict(entries) = PearsonOptions { clip: Some(2.5), ..PearsonOptions::default() }.uns() else {
            panic!()
        };
        assert_eq!(entries.get("theta"), Some(&Element::Scalar(Buffer::I64(vec![100]))));
        assert_eq!(entries.get("clip"), Some(&Element::Scalar(Buffer::F64(vec![2.5]))));
        let Element::Dict(entries) = PearsonOptions::default().uns() else { panic!() };
        assert_eq!(entries.get("clip"), Some(&Element::Null));
    }
}
