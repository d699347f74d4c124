//! Rows with fewer counts.

use std::ops::AddAssign;
use std::sync::Arc;

use annstream_core::lazy::{Layout, NumberBlock, Numbers, Real, RowOp};

use super::draw::Drawn;
use annstream_core::{Budget, Charge};

use crate::reduce::not_a_count;
use crate::sample::Mersenne;
use crate::{Error, Result};

/// Bytes of a draw from which on they are charged.
const LARGE: u64 = 16 << 20;

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) enum Draws {
    /// From each row by itself: so many, from the same stream.
    Rows {
        /// For each row of the source.
        targets: Arc<[u64]>,
        seed: u32,
        replace: bool,
        budget: Budget,
    },
    /// From all rows at once.
    All {
        /// Counts in front of each row of the source.
        before: Arc<[f64]>,
        drawn: Arc<(Drawn, Charge)>,
    },
    /// Everything stays.
    Nothing,
}

/// Replaces counts by those that are drawn, and drops what is zero then.
#[derive(Clone, Debug)]
pub(super) struct Downsample(pub(super) Draws);

impl Downsample {
    fn row<T: Real + AddAssign>(&self, id: u64, values: &mut [T]) -> Result<()> {
        if let Some(wrong) = values.iter().map(|value| value.wide()).find(|value| !(value.is_finite() && *value >= 0.0))
        {
            return Err(not_a_count(wrong, id));
        }
        let row = usize::try_from(id).map_err(|_| Error::internal("rows exceed memory"))?;
        let lost = || Error::internal("a row that nothing is known of").row(id);
        match &self.0 {
            Draws::Nothing => {}
            Draws::All { before, drawn } => drawn.0.refill(values, *before.get(row).ok_or_else(lost)?),
            Draws::Rows { targets, seed, replace, budget } => {
                let target = *targets.get(row).ok_or_else(lost)?;
                let total = values.iter().map(|value| value.wide()).sum::<f64>();
                if total <= target as f64 {
                    return Ok(());
                }
                let mut own = T::default();
                for value in values.iter() {
                    own += *value;
                }
                let total = whole(own.wide()).map_err(|error| error.row(id))?;
                let target = if *replace { target } else { target.min(total) };
                let bytes = Drawn::bytes(total, target, *replace);
                let _charge = if bytes > LARGE { Some(budget.charge(bytes, "the draw of a cell")?) } else { None };
                Drawn::new(&mut Mersenne::new(*seed), total, target, *replace)?.refill(values, 0.0);
            }
        }
        Ok(())
    }

    fn rows<T: Real + AddAssign>(&self, ids: &[u64], layout: &mut Layout, values: &mut Vec<T>) -> Result<()> {
        let Layout::Sparse { indptr, indices } = layout else {
            return Err(Error::internal("counts are drawn from compressed blocks"));
        };
        for (row, id) in indptr.windows(2).zip(ids) {
            self.row(*id, &mut values[row[0]..row[1]])?;
        }
        let mut end = 0;
        let mut start = 0;
        for pointer in indptr.iter_mut().skip(1) {
            let stop = *pointer;
            for from in start..stop {
                (indices[end], values[end]) = (indices[from], values[from]);
                end += usize::from(values[from] != T::default());
            }
            start = stop;
            *pointer = end;
        }
        indices.truncate(end);
        values.truncate(end);
        Ok(())
    }
}

impl RowOp for Downsample {
    fn apply(&self, block: &mut NumberBlock) -> Result<()> {
        match &mut block.values {
            Numbers::F32(values) => self.rows(&block.rows, &mut block.layout, values),
            Numbers::F64(values) => self.rows(&block.rows, &mut block.layout, values),
        }
    }
}

/// A total of counts, rounded down; those that a double cannot hold are refused.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
pub(super) fn whole(total: f64) -> Result<u64> {
    if (0.0..9_007_199_254_740_992.0).contains(&total) {
        Ok(total as u64)
    } else {
        Err(Error::unsupported(format!("a total of {total} counts, expected less than 2^53")))
    }
}
