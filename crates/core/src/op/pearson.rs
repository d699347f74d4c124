//! Pearson residuals of counts.

use std::sync::Arc;

use crate::lazy::{NumberBlock, Numbers, Precision, Real, RowOp, Zeros};
use crate::{Error, Result};

/// How far a count is from what is expected of it, in standard deviations of a negative binomial distribution with
/// overdispersion `theta`; beyond `±clip` it is `±clip`, which must not be below 0 or NaN. NaN where nothing is expected.
pub fn pearson_residual(value: f64, expected: f64, theta: f64, clip: f64) -> f64 {
    ((value - expected) / (expected + expected * expected / theta).sqrt()).clamp(-clip, clip)
}

/// Counts become their Pearson residuals, as in `scanpy.experimental.pp.normalize_pearson_residuals`: expected is
/// `rows[i] · columns[j] / total`. Worked out in doubles. Zeros move, so that blocks are dense.
#[derive(Clone, Debug)]
pub struct PearsonResiduals {
    /// Totals of the rows, by their ids in the source.
    pub rows: Arc<[f64]>,
    /// Totals of the columns, by their ids in the source.
    pub columns: Arc<[f64]>,
    /// The sum of all.
    pub total: f64,
    /// Overdispersion.
    pub theta: f64,
    /// Limit of the residuals: a number that is not below 0.
    pub clip: f64,
    /// Whether results are doubles; else they have the precision of the counts.
    pub double: bool,
}

impl PearsonResiduals {
    fn change<S: Real, T: Real>(&self, rows: &[u64], columns: &[u32], values: &[S]) -> Result<Vec<T>> {
        let missing = || Error::internal("a row or column without a total");
        let own = columns.iter().map(|&id| self.columns.get(id as usize).copied().ok_or_else(missing));
        let own: Vec<f64> = own.collect::<Result<_>>()?;
        let mut out = Vec::with_capacity(values.len());
        for (&id, values) in rows.iter().zip(values.chunks_exact(own.len().max(1))) {
            let id = usize::try_from(id).map_err(|_| missing())?;
            let row = *self.rows.get(id).ok_or_else(missing)?;
            let residual = |(value, column): (&S, &f64)| {
                T::narrow(pearson_residual(value.wide(), row * column / self.total, self.theta, self.clip))
            };
            out.extend(values.iter().zip(&own).map(residual));
        }
        Ok(out)
    }
}

impl RowOp for PearsonResiduals {
    fn zeros(&self) -> Zeros {
        Zeros::Moved
    }

    fn precision(&self, input: Precision) -> Precision {
        if self.double { Precision::Double } else { input }
    }

    fn apply(&self, block: &mut NumberBlock) -> Result<()> {
        let (rows, columns) = (block.rows.as_slice(), &block.columns);
        let values = match &block.values {
            Numbers::F32(values) if self.double => Numbers::F64(self.change(rows, columns, values)?),
            Numbers::F32(values) => Numbers::F32(self.change(rows, columns, values)?),
            Numbers::F64(values) => Numbers::F64(self.change(rows, columns, values)?),
        };
        std::mem::replace(&mut block.values, values).into_buffer().recycle();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lazy::Layout;

    #[test]
    fn rows_and_columns_are_those_of_the_source() {
        let op = PearsonResiduals {
            rows: Arc::from([7.0, 3.0]),
            columns: Arc::from([0.0, 4.0, 6.0]),
            total: 10.0,
            theta: 100.0,
            clip: 1.5,
            double: true,
        };
        let mut block = NumberBlock {
            start: 0,
            rows: vec![1],
            columns: Arc::from([0, 2]),
            layout: Layout::Dense,
            values: Numbers::F32(vec![0.0, 1.0]),
        };
        op.apply(&mut block).unwrap();
        let Numbers::F64(values) = &block.values else { panic!("single precision") };
        assert!(values[0].is_nan());
        assert_eq!(values[1..], [(1.0 - 1.8) / (1.8_f64 + 1.8 * 1.8 / 100.0).sqrt()]);
        let ends = [90.0, -90.0].map(|value| pearson_residual(value, 1.8, 100.0, 1.5));
        assert!((ends[0] - 1.5).abs() + (ends[1] + 1.5).abs() == 0.0);
        block.rows = vec![2];
        assert!(op.apply(&mut block).is_err());
    }
}
