//! Fewer counts: `scanpy.pp.downsample_counts`.
//!
//! Counts are drawn at random from those of each cell, or from those of all cells. The stream is that of numpy's legacy
//! generator, which scanpy starts anew for every cell, and so are the counts that stay: the result is scanpy's, to the
//! bit, whatever the number of threads.

mod draw;
mod op;

use std::sync::Arc;

use annstream_core::Exec;
use annstream_core::concat::Input;
use annstream_core::edit::{Additions, EditSpec, XSource, write_edited};
use annstream_core::lazy::LazyMatrix;
use annstream_core::op::ToDouble;
use annstream_core::sink::WritePass;
use annstream_core::subset::Selection;
use annstream_store::{Compression, StoreWriter};
use serde::Serialize;

use crate::pipeline::Matrix;
use crate::reduce::TotalsPass;
use crate::sample::Mersenne;
use crate::{Error, Result};
use draw::Drawn;
pub use op::Downsample;
use op::{Draws, whole};

/// How many counts stay.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// In each cell that has more.
    PerCell(u64),
    /// In each cell that has more, a number for each cell.
    OfCells(Vec<u64>),
    /// In all cells together.
    Total(u64),
}

/// The parameters of `scanpy.pp.downsample_counts`.
#[derive(Clone, Debug, PartialEq)]
pub struct DownsampleOptions {
    /// How many counts stay: `counts_per_cell` or `total_counts`.
    pub target: Target,
    /// The seed.
    pub random_state: u32,
    /// Whether a count may be drawn again.
    pub replace: bool,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DownsampleReport {
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Passes over the matrix.
    pub passes: u32,
    /// Counts that are left.
    pub counts: f64,
}

/// Passes over the matrix that it will take.
pub fn passes(target: &Target) -> u32 {
    if matches!(target, Target::Total(_)) { 2 } else { 1 }
}

/// Draws counts from the `X` of a file and writes the file with what is left, in the type of `X`; zeros are not stored, and
/// all else stays. Does not commit. Equals `scanpy.pp.downsample_counts(adata, ...)` in values and types, but a CSC matrix
/// becomes CSR. Columns that are not sorted in a row are sorted first. Scanpy counts `f32` in `f32`, which for
/// [`Target::Total`] goes wrong beyond 2²⁴ counts, and is exact here.
///
/// One pass for a number per cell; two for a total, and memory for the draw: 4 bytes for each count there is, 8 from 2³²
/// on (with `replace`, for each that is drawn).
///
/// # Errors
/// `Argument` if there is not one number for each cell; `Invalid` if X has values below zero or not finite; `Memory` if the
/// budget does not hold the draw; else if the input is damaged, or writing fails.
pub fn downsample_counts(
    input: &Input,
    options: &DownsampleOptions,
    compression: Compression,
    writer: &dyn StoreWriter,
    exec: &Exec,
) -> Result<DownsampleReport> {
    let matrix = Matrix::of_file(&input.file, exec).map_err(|error| error.in_file(&input.name))?;
    let dense = matrix.dense;
    let mut rows = LazyMatrix::new(matrix.source);
    let dtype = rows.stored_dtype();
    if dtype.is_complex() {
        return Err(Error::invalid("complex numbers, expected counts").at("X").in_file(&input.name));
    }
    if !dtype.is_float() {
        rows = rows.with(ToDouble);
    }
    let place = |error: Error| error.at("X").in_file(&input.name);
    let draws = draws(&rows, options, exec).map_err(place)?;
    let shape = rows.shape();
    let pass =
        WritePass { writer, path: "X".to_owned(), shape: shape.map(|extent| extent as u64), dtype, dense, compression };
    let sums = rows.clone().with(Downsample { draws, keep: false }).run(pass, "drawing counts", exec).map_err(place)?;
    let mut spec = EditSpec::new(Selection::all(shape[0]), Selection::all(shape[1]), compression);
    spec.x = XSource::Written;
    write_edited(input, &spec, Additions::default(), writer, exec)?;
    Ok(DownsampleReport { shape, passes: rows.passes(), counts: sums.sum })
}

/// What is drawn; reads all counts first where their total matters.
fn draws(rows: &LazyMatrix, options: &DownsampleOptions, exec: &Exec) -> Result<Draws> {
    let DownsampleOptions { target, random_state: seed, replace } = options;
    let of_rows = |targets: Vec<u64>| Draws::Rows {
        targets: targets.into(),
        seed: *seed,
        replace: *replace,
        budget: exec.budget().clone(),
    };
    match target {
        Target::PerCell(target) => Ok(of_rows(vec![*target; rows.shape()[0]])),
        Target::OfCells(targets) if targets.len() == rows.shape()[0] => Ok(of_rows(targets.clone())),
        Target::OfCells(targets) => {
            Err(Error::argument(format!("{} numbers of counts for {} cells", targets.len(), rows.shape()[0])))
        }
        Target::Total(target) => {
            let pass = TotalsPass { only_counts: true, ..TotalsPass::default() };
            let totals = rows.run(pass, "counts", exec)?;
            let mut total = 0.0;
            let mut before = Vec::with_capacity(totals.len());
            for own in totals {
                before.push(total);
                total += own;
            }
            let total = whole(total)?;
            if total < *target {
                return Ok(Draws::Nothing);
            }
            let charge = exec.budget().charge(Drawn::bytes(total, *target, *replace), "the draw of all counts")?;
            let drawn = Drawn::new(&mut Mersenne::new(*seed), total, *target, *replace)?;
            Ok(Draws::All { before: before.into(), drawn: Arc::new((drawn, charge)) })
        }
    }
}

#[cfg(test)]
mod tests;
