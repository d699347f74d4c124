//! Scores of rows.

use annstream_core::lazy::{Consumer, Layout, NumberBlock, Numbers, Real};

use super::Model;
use super::check::check;
use crate::Result;

/// Projects rows on the components of a model: `(x - centre) · components`, the `X_pca` of scanpy. Added up in doubles,
/// stored in single precision: rows × components, row-major, 4 bytes each.
#[derive(Clone, Debug)]
pub struct Project {
    rows: usize,
    width: usize,
    n_comps: usize,
    /// Loadings of each column.
    weights: Vec<f64>,
    /// Scores of a row of zeros.
    zero: Vec<f64>,
}

impl Project {
    /// For a matrix of `rows` rows with the model's columns.
    pub fn new(model: &Model, rows: usize) -> Self {
        let mut zero = vec![0.0; model.n_comps];
        for (weights, centre) in model.components.chunks_exact(model.n_comps.max(1)).zip(&model.centre) {
            zero.iter_mut().zip(weights).for_each(|(zero, weight)| *zero -= centre * weight);
        }
        Self { rows, width: model.width, n_comps: model.n_comps, weights: model.components.clone(), zero }
    }

    /// Rows and columns of the scores.
    pub fn shape(&self) -> [usize; 2] {
        [self.rows, self.n_comps]
    }

    fn scores<T: Real>(&self, block: &NumberBlock, values: &[T]) -> Vec<f32> {
        let mut out = Vec::with_capacity(block.len() * self.n_comps);
        let mut scores = vec![0.0; self.n_comps];
        let add = |scores: &mut [f64], column: usize, value: T| {
            let weights = &self.weights[column * self.n_comps..(column + 1) * self.n_comps];
            let value = value.wide();
            scores.iter_mut().zip(weights).for_each(|(score, weight)| *score += value * weight);
        };
        for row in 0..block.len() {
            scores.copy_from_slice(&self.zero);
            match &block.layout {
                Layout::Sparse { indptr, indices } => {
                    let range = indptr[row]..indptr[row + 1];
                    for (&column, &value) in indices[range.clone()].iter().zip(&values[range]) {
                        add(&mut scores, column as usize, value);
                    }
                }
                Layout::Dense => {
                    let range = row * self.width..(row + 1) * self.width;
                    values[range].iter().enumerate().for_each(|(column, &value)| add(&mut scores, column, value));
                }
            }
            out.extend(scores.iter().map(|&score| f32::narrow(score)));
        }
        out
    }
}

impl Consumer for Project {
    type Partial = Vec<f32>;
    type Total = Vec<f32>;
    type Output = Vec<f32>;

    fn start(&self) -> Result<Vec<f32>> {
        Ok(Vec::with_capacity(self.rows * self.n_comps))
    }

    fn map(&self, block: &NumberBlock) -> Result<Vec<f32>> {
        check(block, self.width)?;
        Ok(match &block.values {
            Numbers::F32(values) => self.scores(block, values),
            Numbers::F64(values) => self.scores(block, values),
        })
    }

    fn fold(&self, total: &mut Vec<f32>, partial: Vec<f32>) -> Result<()> {
        total.extend_from_slice(&partial);
        Ok(())
    }

    fn finish(self, total: Vec<f32>) -> Result<Vec<f32>> {
        Ok(total)
    }

    fn partial_bytes(&self) -> u64 {
        // A block has fewer rows than this, unless they are nearly empty.
        (self.n_comps * 4 * 8192) as u64
    }

    fn total_bytes(&self) -> u64 {
        ((self.rows + self.width * 2) * self.n_comps * 4) as u64
    }
}
