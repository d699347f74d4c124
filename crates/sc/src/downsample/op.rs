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

/// Replaces counts by those that are drawn.
#[derive(Clone, Debug)]
pub struct Downsample {
    pub(super) draws: Draws,
    /// Whether entries that are zero then stay.
    pub(super) keep: bool,
}

impl Downsample {
    /// Draws so many counts from each row of the source that has more. Entries that become zero stay, as sources of rows
    /// want it.
    pub fn of_rows(targets: Vec<u64>, seed: u32, replace: bool, budget: &Budget) -> Self {
        let draws = Draws::Rows { targets: targets.into(), seed, replace, budget: budget.clone() };
        Self { draws, keep: true }
    }

    /// Draws `target` counts from all rows together, of which there are `total`; `before` are the counts in front of each row
    /// of the source. Entries that become zero stay.
    ///
    /// # Errors
    /// `Memory` if the budget does not hold the draw; `Unsupported` for too many counts.
    pub fn of_all(
        before: Vec<f64>,
        total: f64,
        target: u64,
        (seed, replace): (u32, bool),
        budget: &Budget,
    ) -> Result<Self> {
        let total = whole(total)?;
        if total < target {
            return Ok(Self { draws: Draws::Nothing, keep: true });
        }
        let charge = budget.charge(Drawn::bytes(total, target, replace), "the draw of all counts")?;
        let drawn = Drawn::new(&mut Mersenne::new(seed), total, target, replace)?;
        Ok(Self { draws: Draws::All { before: before.into(), drawn: Arc::new((drawn, charge)) }, keep: true })
    }

    fn row<T: Real + AddAssign>(&self, id: u64, values: &mut [T]) -> Result<()> {
        if let Some(wrong) = values.iter().map(|value| value.wide()).find(|value| !(value.is_finite() && *value >= 0.0))
        {
            return Err(not_a_count(wrong, id));
        }
        let row = usize::try_from(id).map_err(|_| Error::internal("rows exceed memory"))?;
        let lost = || Error::internal("a row that nothing is known of").row(id);
        match &self.draws {
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
        if self.keep {
            return Ok(());
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
