//! The cells of each batch, and where they stand.

use std::sync::Arc;

use annstream_core::Exec;
use annstream_core::lazy::LazyMatrix;
use annstream_core::source::GatheredRows;

use crate::groups::Groups;
use crate::{Error, Result};

/// Some rows of a matrix that are looked at by themselves.
pub(super) struct Part {
    /// The value of the batch column, if there is one.
    pub(super) name: Option<String>,
    /// Which of the cells each row of the matrix is.
    pub(super) cells: Vec<u32>,
    /// The rows.
    pub(super) matrix: LazyMatrix,
}

/// Says which columns there are.
pub(super) fn no_such_column<'a>(key: &str, known: impl Iterator<Item = &'a String>) -> Error {
    let known: Vec<&str> = known.map(String::as_str).take(20).collect();
    Error::argument(format!("obs has no column '{key}'")).hint(format!("its columns are {}", known.join(", ")))
}

/// All cells as one part, or a part for each group; and whether the rows had to be put in order for that.
pub(super) fn parts(matrix: &LazyMatrix, groups: Option<Groups>, exec: &Exec) -> Result<(Vec<Part>, bool)> {
    let ids: Vec<u32> = matrix
        .row_ids()
        .into_iter()
        .map(u32::try_from)
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| Error::unsupported("more than 2^32 cells"))?;
    let rows = ids.len();
    let columns = |own: LazyMatrix| match matrix.view().columns() {
        Some(kept) => own.with_columns(kept.clone()),
        None => Ok(own),
    };
    // With passes of its own.
    let mut own = columns(LazyMatrix::new(matrix.source().clone()))?;
    if rows < matrix.source_shape()[0] {
        own = own.with_rows(matrix.row_ids())?;
    }
    let Some(Groups { names, codes }) = groups else {
        return Ok((vec![Part { name: None, cells: (0..).take(rows).collect(), matrix: own }], false));
    };
    let mut order: Vec<u32> = (0..).take(rows).collect();
    order.sort_by_key(|&row| codes[row as usize]);
    let pieces = codes.windows(2).filter(|pair| pair[0] != pair[1]).count() + 1;
    // A part in one piece is read where it stands.
    let apart = pieces > names.len();
    if apart {
        exec.progress().begin("putting batches in order", rows as u64, "rows");
        let from: Vec<u32> = order.iter().map(|&row| ids[row as usize]).collect();
        let gathered = GatheredRows::gather(Box::new(matrix.source().clone()), &from, exec)?;
        exec.progress().end();
        exec.release();
        own = columns(LazyMatrix::new(Arc::new(gathered)))?;
    }
    let mut parts = Vec::with_capacity(names.len());
    let mut start = 0;
    for (code, name) in (0_u32..).zip(names) {
        let count = order[start..].iter().take_while(|row| codes[**row as usize] == code).count();
        let cells = order[start..start + count].to_vec();
        let mut mask = vec![false; rows];
        if apart {
            mask[start..start + count].fill(true);
        } else {
            for &cell in &cells {
                mask[cell as usize] = true;
            }
        }
        parts.push(Part { name: Some(name), cells, matrix: own.clone().keep_rows(&mask)? });
        start += count;
    }
    Ok((parts, apart))
}
