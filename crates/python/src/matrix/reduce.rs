//! Sums, moments and extremes of rows and columns, in one pass.

use annstream_core::lazy::{Consumer, Layout, LazyMatrix, NumberBlock};
use annstream_core::{Exec, Result};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Format, Matrix, rises};
use crate::job;

/// What is known of a row or column.
#[derive(Clone, Copy, Debug)]
struct Moments {
    /// Values that are stored.
    stored: u64,
    sum: f64,
    /// Mean of all values, those not stored included.
    mean: f64,
    /// Sum of squares of differences from the mean.
    squares: f64,
    least: f64,
    most: f64,
}

impl Moments {
    const NONE: Self =
        Self { stored: 0, sum: 0.0, mean: 0.0, squares: 0.0, least: f64::INFINITY, most: f64::NEG_INFINITY };

    /// One more stored value, in the first look.
    fn see(&mut self, value: f64) {
        self.stored += 1;
        self.sum += value;
        // As numpy: what is not a number wins.
        self.least = if value < self.least || value.is_nan() { value } else { self.least };
        self.most = if value > self.most || value.is_nan() { value } else { self.most };
    }

    /// Between the looks: the mean of `count` values, and the zeros among them.
    fn turn(&mut self, count: u64) {
        self.mean = if count > 0 { self.sum / count as f64 } else { 0.0 };
        if self.stored < count {
            self.least = if 0.0 < self.least { 0.0 } else { self.least };
            self.most = if 0.0 > self.most { 0.0 } else { self.most };
            self.squares = (count - self.stored) as f64 * self.mean * self.mean;
        }
    }

    /// A stored value again, in the second look.
    fn square(&mut self, value: f64) {
        self.squares += (value - self.mean) * (value - self.mean);
    }

    /// Joins `more` values to `count`; Chan's formula.
    fn join(&mut self, count: u64, other: &Self, more: u64) {
        let all = (count + more) as f64;
        if more == 0 {
            return;
        }
        let step = other.mean - self.mean;
        if count == 0 {
            self.squares = other.squares;
            self.mean = other.mean;
        } else {
            self.squares += other.squares + step * step * (count as f64 * more as f64 / all);
            self.mean += step * (more as f64 / all);
        }
        self.stored += other.stored;
        self.sum += other.sum;
        let [a, b] = [self.least, other.least];
        self.least = if b < a || b.is_nan() { b } else { a };
        let [a, b] = [self.most, other.most];
        self.most = if b > a || b.is_nan() { b } else { a };
    }
}

/// Which axis is left: moments of each row, or of each column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Rows,
    Columns,
}

/// Moments of rows or columns.
struct Pass {
    of: Of,
    rows: usize,
    width: usize,
}

impl Pass {
    fn each(block: &NumberBlock, of: Of, mut look: impl FnMut(usize, f64)) {
        let width = block.width();
        match &block.layout {
            Layout::Sparse { indptr, indices } => {
                for (row, range) in indptr.windows(2).enumerate() {
                    for (entry, &column) in (range[0]..range[1]).zip(&indices[range[0]..range[1]]) {
                        let place = if of == Of::Rows { row } else { column as usize };
                        look(place, block.values.get(entry));
                    }
                }
            }
            Layout::Dense => {
                for entry in 0..block.values.len() {
                    look(if of == Of::Rows { entry / width } else { entry % width }, block.values.get(entry));
                }
            }
        }
    }
}

impl Consumer for Pass {
    type Partial = (u64, Vec<Moments>);
    type Total = (u64, Vec<Moments>);
    type Output = Vec<Moments>;

    fn start(&self) -> Result<Self::Total> {
        Ok(match self.of {
            Of::Rows => (0, Vec::with_capacity(self.rows)),
            Of::Columns => (0, vec![Moments::NONE; self.width]),
        })
    }

    fn map(&self, block: &NumberBlock) -> Result<Self::Partial> {
        let (places, count) = match self.of {
            Of::Rows => (block.len(), self.width),
            Of::Columns => (self.width, block.len()),
        };
        let mut all = vec![Moments::NONE; places];
        Self::each(block, self.of, |place, value| all[place].see(value));
        for own in &mut all {
            own.turn(count as u64);
        }
        Self::each(block, self.of, |place, value| all[place].square(value));
        Ok((block.len() as u64, all))
    }

    fn fold(&self, (count, total): &mut Self::Total, (rows, partial): Self::Partial) -> Result<()> {
        match self.of {
            Of::Rows => total.extend(partial),
            Of::Columns => {
                total.iter_mut().zip(&partial).for_each(|(total, partial)| total.join(*count, partial, rows));
            }
        }
        *count += rows;
        Ok(())
    }

    fn finish(self, total: Self::Total) -> Result<Self::Output> {
        Ok(total.1)
    }

    fn partial_bytes(&self) -> u64 {
        let places = if self.of == Of::Rows { 0 } else { self.width };
        (places * size_of::<Moments>()) as u64
    }

    fn total_bytes(&self) -> u64 {
        let places = if self.of == Of::Rows { self.rows } else { self.width };
        (places * size_of::<Moments>()) as u64
    }
}

impl Matrix {
    fn moments(&self, of: Of, exec: &Exec) -> Result<Vec<Moments>> {
        let stage = if of == Of::Rows { "statistics of rows" } else { "statistics of columns" };
        // The columns of a CSC matrix are summed up where they stand.
        if self.root.format == Format::Csc
            && self.steps.is_empty()
            && rises(self.rows.as_deref())
            && rises(self.columns.as_deref())
            && let Some(columns) = self.root.columns()?
        {
            let of = if of == Of::Rows { Of::Columns } else { Of::Rows };
            let [width, rows] = self.shape();
            return self.turned().rising(LazyMatrix::new(columns))?.run(Pass { of, rows, width }, stage, exec);
        }
        let [rows, width] = self.shape();
        self.lazy(exec)?.run(Pass { of, rows, width }, stage, exec)
    }
}

/// Moments and extremes along an axis, in one pass: of each column for `axis=0`, of each row for `axis=1`. A dictionary
/// of arrays: `count` (a number), `stored`, `sum`, `mean`, `squares` (of differences from the mean), `min`, `max`.
pub(super) fn stats<'py>(matrix: &Matrix, py: Python<'py>, axis: usize) -> PyResult<Bound<'py, PyDict>> {
    let of = if axis == 0 { Of::Columns } else { Of::Rows };
    let all = job::run(py, |exec| matrix.moments(of, exec))?;
    let doubles = |of: fn(&Moments) -> f64| PyArray1::from_vec(py, all.iter().map(of).collect());
    let out = PyDict::new(py);
    out.set_item("count", matrix.shape()[axis.min(1)])?;
    out.set_item("stored", PyArray1::from_vec(py, all.iter().map(|own| own.stored).collect()))?;
    out.set_item("sum", doubles(|own| own.sum))?;
    out.set_item("mean", doubles(|own| own.mean))?;
    out.set_item("squares", doubles(|own| own.squares))?;
    out.set_item("min", doubles(|own| own.least))?;
    out.set_item("max", doubles(|own| own.most))?;
    Ok(out)
}
