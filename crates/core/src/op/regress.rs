//! Subtracting what is predicted from what is known of each row.

use std::sync::Arc;

use crate::lazy::{NumberBlock, Numbers, Real, RowOp, Zeros};
use crate::{Error, Result};

/// What is known of the rows of the source, by their ids.
#[derive(Clone, Debug)]
pub enum Design {
    /// So many numbers for each row, row after row: the prediction is the sum of their products with the coefficients.
    Numbers(Arc<[f64]>, usize),
    /// A group for each row: the prediction is the coefficient of its group.
    Groups(Arc<[u32]>),
}

/// `x[i, j] - prediction[i, j]`, as `scanpy.pp.regress_out` does, worked out in doubles and rounded to the precision of
/// the values. Zeros move, so that blocks are dense.
#[derive(Clone, Debug)]
pub struct Regress {
    /// What is known of the rows.
    pub design: Design,
    /// For each term or group, in turn, a coefficient for each column of the source.
    pub coefficients: Arc<[f64]>,
    /// Columns of the source.
    pub width: usize,
}

impl Regress {
    /// The coefficients of a term or group.
    fn term(&self, term: usize) -> Result<&[f64]> {
        let range = term.saturating_mul(self.width)..term.saturating_add(1).saturating_mul(self.width);
        self.coefficients.get(range).ok_or_else(|| Error::internal("fewer coefficients than terms"))
    }

    /// Calls `change` with the place of each row in the block and its prediction for the block's columns.
    fn each_row(&self, rows: &[u64], columns: &[u32], mut change: impl FnMut(usize, &[f64])) -> Result<()> {
        let missing = || Error::internal("a row or column that nothing is known of");
        let id = |row: u64| usize::try_from(row).map_err(|_| missing());
        let pick = |term: &[f64], out: &mut [f64]| -> Result<()> {
            for (out, &column) in out.iter_mut().zip(columns) {
                *out = *term.get(column as usize).ok_or_else(missing)?;
            }
            Ok(())
        };
        let mut prediction = vec![0.0; columns.len()];
        match &self.design {
            Design::Groups(groups) => {
                for (place, &row) in rows.iter().enumerate() {
                    let group = *groups.get(id(row)?).ok_or_else(missing)?;
                    pick(self.term(group as usize)?, &mut prediction)?;
                    change(place, &prediction);
                }
            }
            Design::Numbers(numbers, terms) => {
                let mut own = vec![0.0; columns.len() * terms];
                for (term, own) in own.chunks_exact_mut(columns.len().max(1)).enumerate() {
                    pick(self.term(term)?, own)?;
                }
                for (place, &row) in rows.iter().enumerate() {
                    let first = id(row)?.saturating_mul(*terms);
                    let numbers = numbers.get(first..first.saturating_add(*terms)).ok_or_else(missing)?;
                    prediction.fill(0.0);
                    for (number, own) in numbers.iter().zip(own.chunks_exact(columns.len().max(1))) {
                        prediction.iter_mut().zip(own).for_each(|(sum, own)| *sum += number * own);
                    }
                    change(place, &prediction);
                }
            }
        }
        Ok(())
    }
}

fn subtract<T: Real>(row: Option<&mut [T]>, prediction: &[f64]) {
    for (value, prediction) in row.into_iter().flatten().zip(prediction) {
        *value = T::narrow(value.wide() - prediction);
    }
}

impl RowOp for Regress {
    fn zeros(&self) -> Zeros {
        Zeros::Moved
    }

    fn apply(&self, block: &mut NumberBlock) -> Result<()> {
        let NumberBlock { rows, columns, values, .. } = block;
        let width = columns.len();
        match values {
            Numbers::F32(values) => {
                self.each_row(rows, columns, |row, by| subtract(values.get_mut(row * width..(row + 1) * width), by))
            }
            Numbers::F64(values) => {
                self.each_row(rows, columns, |row, by| subtract(values.get_mut(row * width..(row + 1) * width), by))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lazy::Layout;

    fn block(values: Numbers) -> NumberBlock {
        NumberBlock { start: 0, rows: vec![2, 0], columns: Arc::from([1, 3]), layout: Layout::Dense, values }
    }

    #[test]
    fn rows_and_columns_are_those_of_the_source() {
        let design = Design::Numbers(Arc::from([1.0, 10.0, 9.0, 9.0, 2.0, 0.5]), 2);
        let coefficients = Arc::from([0.0, 1.0, 9.0, 2.0, 9.0, 0.1, 9.0, 0.2]);
        let op = Regress { design, coefficients, width: 4 };
        let mut own = block(Numbers::F64(vec![10.0, 20.0, 30.0, 40.0]));
        op.apply(&mut own).unwrap();
        let expected = [10.0 - 2.0 - 0.05, 20.0 - 4.0 - 0.1, 30.0 - 1.0 - 1.0, 40.0 - 2.0 - 2.0];
        assert_eq!(own.values, Numbers::F64(expected.to_vec()));
        let op = Regress { design: Design::Groups(Arc::from([1, 7, 0])), ..op };
        let mut own = block(Numbers::F32(vec![10.0, 20.0, 30.0, 40.0]));
        op.apply(&mut own).unwrap();
        assert_eq!(own.values, Numbers::F32(vec![9.0, 18.0, 29.9, 39.8]));
    }

    #[test]
    fn unknown_rows_and_columns_are_errors() {
        let op = |design, width| Regress { design, coefficients: Arc::from([0.0; 4]), width };
        let few = Design::Numbers(Arc::from([1.0, 1.0]), 1);
        assert!(op(few, 4).apply(&mut block(Numbers::F64(vec![0.0; 4]))).is_err());
        let groups = || Design::Groups(Arc::from([0, 0, 0]));
        assert!(op(groups(), 4).apply(&mut block(Numbers::F64(vec![0.0; 4]))).is_ok());
        assert!(op(groups(), 3).apply(&mut block(Numbers::F64(vec![0.0; 4]))).is_err());
        assert!(op(Design::Groups(Arc::from([1, 1, 1])), 4).apply(&mut block(Numbers::F64(vec![0.0; 4]))).is_err());
    }
}
