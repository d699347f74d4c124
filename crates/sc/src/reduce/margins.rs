//! Totals of rows and columns.

use annstream_core::Result;
use annstream_core::lazy::{Consumer, NumberBlock, Numbers, Real};

use super::entries::each_entry;

/// Adds up rows and columns, and looks whether the values are counts.
#[derive(Clone, Copy, Debug)]
pub struct MarginsPass {
    /// Columns of the matrix.
    pub width: usize,
}

/// What it gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Margins {
    /// A sum for each row.
    pub rows: Vec<f64>,
    /// A sum for each column.
    pub columns: Vec<f64>,
    /// Whether a value is below zero or not whole.
    pub not_counts: bool,
}

fn look<T: Real>(block: &NumberBlock, values: &[T], out: &mut Margins) {
    each_entry(block, values, |row, column, value| {
        let value = value.wide();
        out.rows[row] += value;
        out.columns[column] += value;
        out.not_counts |= value.is_sign_negative() || value.fract() != 0.0;
    });
}

impl Consumer for MarginsPass {
    type Partial = Margins;
    type Total = Margins;
    type Output = Margins;

    fn start(&self) -> Result<Margins> {
        Ok(Margins { columns: vec![0.0; self.width], ..Margins::default() })
    }

    fn map(&self, block: &NumberBlock) -> Result<Margins> {
        let mut out = Margins { rows: vec![0.0; block.len()], columns: vec![0.0; self.width], ..Margins::default() };
        match &block.values {
            Numbers::F32(values) => look(block, values, &mut out),
            Numbers::F64(values) => look(block, values, &mut out),
        }
        Ok(out)
    }

    fn fold(&self, total: &mut Margins, partial: Margins) -> Result<()> {
        total.rows.extend(partial.rows);
        total.columns.iter_mut().zip(partial.columns).for_each(|(total, own)| *total += own);
        total.not_counts |= partial.not_counts;
        Ok(())
    }

    fn finish(self, total: Margins) -> Result<Margins> {
        Ok(total)
    }

    fn partial_bytes(&self) -> u64 {
        self.width as u64 * 8
    }

    fn total_bytes(&self) -> u64 {
        self.width as u64 * 8
    }
}
