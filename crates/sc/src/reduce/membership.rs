//! Which group a row belongs to.

use annstream_core::{Error, Result};

/// The group of a row of the matrix; 0 where all rows are one group.
pub(super) fn group_of(groups: Option<&[u32]>, row: usize) -> Result<usize> {
    let Some(groups) = groups else { return Ok(0) };
    groups.get(row).map(|&group| group as usize).ok_or_else(|| Error::internal("fewer groups than rows"))
}
