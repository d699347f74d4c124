//! The cells of each batch, and where they stand.

use std::sync::Arc;

use annstream_core::Exec;
use annstream_core::anndata::TableName;
use annstream_core::concat::Input;
use annstream_core::lazy::LazyMatrix;
use annstream_core::matrix::MatrixSource;
use annstream_core::source::GatheredRows;

use crate::groups::{Groups, groups};
use crate::{Error, Result};

/// Some rows of a matrix that are looked at by themselves.
pub(super) struct Part {
    /// The value of the batch column, if there is one.
    pub(super) name: Option<String>,
    /// The position in the file of each row of the matrix.
    pub(super) cells: Vec<u32>,
    /// The rows.
    pub(super) matrix: LazyMatrix,
}

/// The batches that a column of the file tells.
pub(super) fn batches(input: &Input, key: &str) -> Result<Groups> {
    let obs = input.file.obs();
    if !obs.columns.contains_key(key) {
        let known: Vec<&str> = obs.columns.keys().map(String::as_str).take(20).collect();
        return Err(Error::argument(format!("obs has no column '{key}'"))
            .hint(format!("its columns are {}", known.join(", ")))
            .in_file(&input.name));
    }
    let column = input.file.read_column(TableName::Obs, key)?;
    groups(&column, &vec![true; input.file.n_obs()], key)
}

/// All cells as one part, or a part for each batch.
pub(super) fn parts(source: Arc<dyn MatrixSource>, batches: Option<Groups>, exec: &Exec) -> Result<Vec<Part>> {
    let rows = u32::try_from(source.shape()[0]).map_err(|_| Error::unsupported("more than 2^32 cells"))?;
    let Some(Groups { names, codes }) = batches else {
        return Ok(vec![Part { name: None, cells: (0..rows).collect(), matrix: LazyMatrix::new(source) }]);
    };
    let mut order: Vec<u32> = (0..rows).collect();
    order.sort_by_key(|&row| codes[row as usize]);
    let pieces = codes.windows(2).filter(|pair| pair[0] != pair[1]).count() + 1;
    // A part in one piece is read where it stands.
    let apart = pieces > names.len();
    let source = if apart {
        exec.progress().begin("putting batches in order", u64::from(rows), "rows");
        let gathered = GatheredRows::gather(Box::new(source), &order, exec)?;
        exec.progress().end();
        exec.release();
        Arc::new(gathered)
    } else {
        source
    };
    let matrix = LazyMatrix::new(source);
    let mut parts = Vec::with_capacity(names.len());
    let mut start = 0;
    for (code, name) in (0_u32..).zip(names) {
        let count = order[start..].iter().take_while(|row| codes[**row as usize] == code).count();
        let cells = order[start..start + count].to_vec();
        let mut mask = vec![false; rows as usize];
        if apart {
            mask[start..start + count].fill(true);
        } else {
            for &cell in &cells {
                mask[cell as usize] = true;
            }
        }
        parts.push(Part { name: Some(name), cells, matrix: matrix.clone().keep_rows(&mask)? });
        start += count;
    }
    Ok(parts)
}
