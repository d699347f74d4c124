//! A number for each row of the source, that its values are divided by.

use std::sync::Arc;

use crate::lazy::{Layout, Real};
use crate::{Error, Result};

/// By the row's id in the source.
#[derive(Clone, Debug)]
pub(super) struct Divisors(pub(super) Arc<[f64]>);

impl Divisors {
    /// Calls `change` with the values of each row and its divisor, rounded to their precision.
    pub(super) fn each_row<T: Real>(
        &self,
        (rows, layout, width): (&[u64], &Layout, usize),
        values: &mut [T],
        mut change: impl FnMut(&mut [T], T),
    ) -> Result<()> {
        for (row, &id) in rows.iter().enumerate() {
            let range = match layout {
                Layout::Sparse { indptr, .. } => indptr[row]..indptr[row + 1],
                Layout::Dense => row * width..(row + 1) * width,
            };
            let divisor = usize::try_from(id).ok().and_then(|id| self.0.get(id));
            let divisor = divisor.ok_or_else(|| Error::internal("fewer divisors than rows"))?;
            change(&mut values[range], T::narrow(*divisor));
        }
        Ok(())
    }
}
