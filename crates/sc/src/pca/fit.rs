//! Components and scores of a matrix that stands alone.

use annstream_core::Exec;
use annstream_core::lazy::LazyMatrix;

use super::eigen::check_n_comps;
use super::krylov::{self, KrylovOptions, Report};
use super::{Gram, Model, Project, decompose, decomposition_bytes};
use crate::Result;

/// Columns beyond which the products of all pairs cost more than the passes of [`krylov`].
pub const GRAM_COLUMNS: usize = 6000;

/// Options of [`fit`]. The defaults are those of `scanpy.pp.pca`.
#[derive(Clone, Debug)]
pub struct PcaOptions {
    /// Number of components; `None` for 50, or one less than the smaller dimension if that is at most 50.
    pub n_comps: Option<usize>,
    /// Whether the means are subtracted; without, it is a truncated decomposition of the values as they are.
    pub zero_center: bool,
    /// Rough means of the columns of the matrix, if they are known already; saves a pass where they are large.
    pub pilot: Option<Vec<f64>>,
    /// What is to be added to each column; matters without `zero_center` only, for values that are
    /// [`Deviations`](annstream_core::op::Deviations) of what is meant.
    pub offsets: Option<Vec<f64>>,
    /// For more than [`GRAM_COLUMNS`] columns.
    pub krylov: KrylovOptions,
}

impl Default for PcaOptions {
    fn default() -> Self {
        Self { n_comps: None, zero_center: true, pilot: None, offsets: None, krylov: KrylovOptions::default() }
    }
}

/// Components and scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    /// What was learnt of the columns.
    pub model: Model,
    /// Rows × components, row-major.
    pub scores: Vec<f32>,
    /// How it went, if components were found by iteration.
    pub report: Option<Report>,
}

/// How many components there are if nothing else is said: scanpy's rule.
pub fn n_comps(asked: Option<usize>, rows: usize, columns: usize) -> usize {
    let least = rows.min(columns);
    asked.unwrap_or(if least <= 50 { least.saturating_sub(1) } else { 50 })
}

/// Principal components of a matrix, `scanpy.pp.pca`: one pass for the products of columns and one for the scores; one
/// more if means turn out to be large and none were given. Beyond [`GRAM_COLUMNS`] columns, as many passes as
/// [`krylov`] needs. Scores stay in memory, `4 × rows × components` bytes; the products, and what
/// [becomes of them](decomposition_bytes), take some `12 k²` to `36 k²` bytes while they are needed. Both are charged to the
/// budget while the passes run; what is returned is the caller's to charge.
///
/// # Errors
/// If the number of components is not below both dimensions, a value is not a finite number (the error names the row),
/// no column varies, or the budget is too small.
pub fn fit(matrix: &LazyMatrix, options: &PcaOptions, exec: &Exec) -> Result<Pca> {
    let [rows, width] = matrix.shape();
    let n_comps = n_comps(options.n_comps, rows, width);
    check_n_comps(n_comps, rows as u64, width)?;
    let offsets = options.offsets.as_deref();
    let (model, report) = if width > GRAM_COLUMNS {
        let (model, report) = krylov::model(matrix, n_comps, options.zero_center, offsets, &options.krylov, exec)?;
        (model, Some(report))
    } else {
        let stage = "products of columns";
        // Asked for at once, so that the pass is not in vain.
        let eigen = decomposition_bytes(width, n_comps);
        drop(exec.budget().charge(eigen, "the decomposition")?);
        let mut gram = Gram::of_rows(rows, width, matrix.precision()).with_threads(exec);
        if let Some(pilot) = &options.pilot {
            gram = gram.about(pilot)?;
        }
        let mut moments = matrix.run(gram, stage, exec)?;
        if moments.is_cancelled() && options.pilot.is_none() {
            let gram = Gram::of_rows(rows, width, matrix.precision()).with_threads(exec).about(&moments.means())?;
            drop(moments);
            moments = matrix.run(gram, stage, exec)?;
        }
        exec.check()?;
        let _charge = exec.budget().charge(eigen, "the decomposition")?;
        (decompose(moments, n_comps, options.zero_center, offsets)?, None)
    };
    exec.release();
    let scores = matrix.run(Project::new(&model, rows), "scores of rows", exec)?;
    Ok(Pca { model, scores, report })
}
