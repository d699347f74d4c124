//! Passes in stretches, which processes share: what a stretch gives, and what is made of the sums.
//!
//! A stretch (`annstream_core::lazy::STRETCH`) is the unit that sums are defined by, so results have the bits of one
//! process. Python sends a matrix and the number of a stretch to a worker, adds up arrays of the stretches in their order,
//! and brings the sums back here.

use std::sync::Arc;

use annstream_core::lazy::{LazyMatrix, Precision};
use annstream_core::op::ToSingle;
use annstream_core::{Error, Exec, Result};
use annstream_sc::hvg::{HvgOptions, clip_limits};
use annstream_sc::normalize::NormalizeOptions;
use annstream_sc::pca::{
    Gram, Model, PartialGram, Products, Project, check_n_comps, decompose, decomposition_bytes, n_comps,
};
use annstream_sc::qc::QcOptions;
use annstream_sc::reduce::{CellRule, Counts, CountsPass, Frequent, GeneCounts, GroupMoments, MomentsPass, TotalsPass};
use annstream_store::Buffer;
use numpy::{Element, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::genes::{Measured, moments};
use super::{arrays, compressed, counts, normalize, refused};
use crate::errors::IntoPython;
use crate::job;
use crate::matrix::Matrix;

/// An array of a dictionary, copied.
fn values<T: Element + Clone>(from: &Bound<'_, PyDict>, name: &str) -> PyResult<Vec<T>> {
    let array = from.get_item(name)?.ok_or_else(|| PyTypeError::new_err(format!("there is no '{name}'")))?;
    Ok(array.extract::<PyReadonlyArray1<'_, T>>()?.as_array().to_vec())
}

fn numbers(values: &[f64]) -> Buffer {
    Buffer::F64(values.to_vec())
}

/// The matrix that a pass goes over: in blocks that leave out zeros, if it asks for such.
fn seen(matrix: &Matrix, leave_zeros: bool, exec: &Exec) -> Result<LazyMatrix> {
    if leave_zeros { compressed(matrix, exec) } else { matrix.lazy(exec) }
}

/// First row and end of each stretch.
#[pyfunction]
pub(super) fn stretches(py: Python<'_>, matrix: &Matrix, leave_zeros: bool) -> PyResult<Vec<(usize, usize)>> {
    let all = job::run(py, |exec| seen(matrix, leave_zeros, exec)?.stretches(0))?;
    Ok(all.into_iter().map(|rows| (rows.start, rows.end)).collect())
}

/// What `qc_metrics` counts of `rows` rows, a stretch.
#[pyfunction]
pub(super) fn counts_part<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    stretch: usize,
    rows: usize,
    sets: Vec<Vec<bool>>,
    ranks: Vec<usize>,
) -> PyResult<Bound<'py, PyDict>> {
    let width = matrix.shape()[1];
    let (rule, frequent) = (CellRule::default(), Frequent::none(width));
    let pass = CountsPass { rows, width, sets, ranks, rule, only_counts: false, frequent };
    let found = job::run(py, |exec| compressed(matrix, exec)?.run_stretch(pass, stretch, "counts", exec))?;
    arrays(
        py,
        [
            ("nonzero", Buffer::U32(found.nonzero)),
            ("positive", Buffer::U32(found.positive)),
            ("total", Buffer::F64(found.total)),
            ("sets", Buffer::F64(found.sets)),
            ("top", Buffer::F64(found.top)),
            ("gene_nonzero", Buffer::U64(found.genes.nonzero)),
            ("gene_positive", Buffer::U64(found.genes.positive)),
            ("gene_total", Buffer::F64(found.genes.total)),
        ],
    )
}

fn counted(all: &Bound<'_, PyDict>) -> PyResult<Counts> {
    let genes = GeneCounts {
        nonzero: values(all, "gene_nonzero")?,
        positive: values(all, "gene_positive")?,
        total: values(all, "gene_total")?,
    };
    Ok(Counts {
        nonzero: values(all, "nonzero")?,
        positive: values(all, "positive")?,
        total: values(all, "total")?,
        sets: values(all, "sets")?,
        top: values(all, "top")?,
        genes,
        ..Counts::default()
    })
}

/// What filters look at from what all stretches gave.
#[pyfunction]
pub(super) fn filter_table<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    all: &Bound<'py, PyDict>,
) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    counts::filters(py, matrix, &counted(all)?)
}

/// The columns of `qc_metrics` from what all stretches gave.
#[pyfunction]
pub(super) fn qc_table<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    options: &str,
    all: &Bound<'py, PyDict>,
) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    let options: QcOptions = serde_json::from_str(options).map_err(refused)?;
    counts::tables(py, matrix, &counted(all)?, &options)
}

/// Totals of the rows of a stretch, as `normalize_total` takes them.
#[pyfunction]
pub(super) fn totals_part<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    stretch: usize,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let found = job::run(py, |exec| {
        let mut lazy = compressed(matrix, exec)?;
        if matrix.dtype().is_integer() {
            lazy = lazy.with(ToSingle);
        }
        lazy.run_stretch(TotalsPass::default(), stretch, "totals", exec)
    })?;
    Ok(PyArray1::from_vec(py, found))
}

/// What `normalize_total` gives, from the totals of all rows.
#[pyfunction]
pub(super) fn totals_factors<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    options: &str,
    totals: PyReadonlyArray1<'py, f64>,
) -> PyResult<normalize::Factors<'py>> {
    let options: NormalizeOptions = serde_json::from_str(options).map_err(refused)?;
    normalize::check(&options)?;
    let whole = matrix.dtype().is_integer();
    let precision = if whole { Precision::Single } else { matrix.precision() };
    normalize::factors_of(py, &totals.as_array().to_vec(), &options, precision)
}

/// Moments of the genes over a stretch, for each batch: a dictionary of arrays, and the number of rows.
#[pyfunction]
#[pyo3(signature = (matrix, stretch, exponentials=None, batches=None, clips=None))]
pub(super) fn moments_part<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    stretch: usize,
    exponentials: Option<f64>,
    batches: Option<(PyReadonlyArray1<'py, u32>, usize)>,
    clips: Option<Vec<PyReadonlyArray1<'py, f64>>>,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let mut pass = MomentsPass { exponentials, ..MomentsPass::new(matrix.shape()[1]) };
    if let Some((codes, count)) = batches {
        pass.groups = Some(Arc::from(codes.as_array().to_vec()));
        pass.count = count;
    }
    pass.limits = clips.map(|clips| clips.iter().map(|own| own.as_array().to_vec()).collect());
    let found = job::run(py, |exec| matrix.lazy(exec)?.run_stretch(pass, stretch, "moments", exec))?;
    let group = |own: GroupMoments| {
        let rows = Buffer::U64(vec![own.rows]);
        let sums = [("sums", Buffer::F64(own.sums)), ("squares", Buffer::F64(own.squares))];
        arrays(py, [("rows", rows), ("positive", Buffer::U64(own.positive))].into_iter().chain(sums))
    };
    found.into_iter().map(group).collect()
}

fn groups(all: &[Bound<'_, PyDict>]) -> PyResult<Vec<GroupMoments>> {
    let group = |own: &Bound<'_, PyDict>| {
        Ok(GroupMoments {
            rows: values::<u64>(own, "rows")?.first().copied().unwrap_or(0),
            positive: values(own, "positive")?,
            sums: values(own, "sums")?,
            squares: values(own, "squares")?,
        })
    };
    all.iter().map(group).collect()
}

/// Where `seurat_v3` clips the values of each gene, for each batch.
#[pyfunction]
pub(super) fn hvg_clips<'py>(
    py: Python<'py>,
    all: Vec<Bound<'py, PyDict>>,
    span: f64,
) -> PyResult<Vec<Bound<'py, PyArray1<f64>>>> {
    let all = groups(&all)?;
    let limits = job::run(py, |_| all.iter().map(|own| clip_limits(&moments(own)?, span)).collect::<Result<Vec<_>>>())?;
    Ok(limits.into_iter().map(|own| PyArray1::from_vec(py, own.clip)).collect())
}

/// The columns of `highly_variable_genes` from the moments of all stretches, and for `seurat_v3` those of clipped values.
#[pyfunction]
#[pyo3(signature = (names, options, labels, all, clipped=None))]
pub(super) fn hvg_table<'py>(
    py: Python<'py>,
    names: Vec<String>,
    options: &str,
    labels: Vec<String>,
    all: Vec<Bound<'py, PyDict>>,
    clipped: Option<Vec<Bound<'py, PyDict>>>,
) -> PyResult<Bound<'py, PyDict>> {
    let options: HvgOptions = serde_json::from_str(options).map_err(refused)?;
    options.check().into_python()?;
    let all = groups(&all)?;
    let clipped = clipped.map(|clipped| groups(&clipped)).transpose()?;
    let measured = Measured { names: &names, labels: &labels, options: &options };
    let table = job::run(py, |_| match clipped {
        None => measured.dispersions(&all),
        Some(clipped) => measured.standardised(&all, |_| Ok(clipped)),
    })?;
    arrays(py, table.columns)
}

/// The products of the columns of a matrix of `rows` rows in all.
fn gram(matrix: &Matrix, rows: usize, pilot: Option<&[f64]>) -> Result<Gram> {
    let gram = Gram::of_rows(rows, matrix.shape()[1], matrix.precision());
    match pilot {
        Some(pilot) => gram.about(pilot),
        None => Ok(gram),
    }
}

/// Products of all pairs of columns over a stretch: rows, sums of columns, and products, in an order of our own.
#[pyfunction]
#[pyo3(signature = (matrix, stretch, pilot=None))]
pub(super) fn gram_part<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    stretch: usize,
    pilot: Option<PyReadonlyArray1<'py, f64>>,
) -> PyResult<Bound<'py, PyDict>> {
    let pilot = pilot.map(|pilot| pilot.as_array().to_vec());
    let found = job::run(py, |exec| {
        let gram = gram(matrix, matrix.shape()[0], pilot.as_deref())?.with_threads(exec);
        matrix.lazy(exec)?.run_stretch(PartialGram(gram), stretch, "products of columns", exec)
    })?;
    let Products { rows, sums, values } = found;
    arrays(py, [("rows", Buffer::U64(vec![rows])), ("sums", Buffer::F64(sums)), ("values", Buffer::F64(values))])
}

/// The matrix that passes for components go over, as in `pca`.
#[pyfunction]
pub(super) fn pca_matrix(py: Python<'_>, matrix: &Matrix, zero_center: bool) -> PyResult<Matrix> {
    if zero_center { matrix.unshifted(py) } else { Ok(matrix.clone()) }
}

/// How many components there will be; refuses what cannot be.
#[pyfunction]
#[pyo3(signature = (matrix, asked=None))]
pub(super) fn pca_components(matrix: &Matrix, asked: Option<usize>) -> PyResult<usize> {
    let [rows, width] = matrix.shape();
    let count = n_comps(asked, rows, width);
    check_n_comps(count, rows as u64, width).into_python()?;
    Ok(count)
}

/// Components from the products of all stretches; or, under `pilot`, means that are to be subtracted first.
#[pyfunction]
#[pyo3(signature = (matrix, products, n_comps, zero_center, pilot=None))]
pub(super) fn pca_model<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    products: &Bound<'py, PyDict>,
    n_comps: usize,
    zero_center: bool,
    pilot: Option<PyReadonlyArray1<'py, f64>>,
) -> PyResult<Bound<'py, PyDict>> {
    let pilot = pilot.map(|pilot| pilot.as_array().to_vec());
    let rows = values::<u64>(products, "rows")?.first().copied().unwrap_or(0);
    let products = Products { rows, sums: values(products, "sums")?, values: values(products, "values")? };
    let [all, width] = matrix.shape();
    let found = job::run(py, |exec| {
        let moments = gram(matrix, all, pilot.as_deref())?.moments(products)?;
        if moments.is_cancelled() && pilot.is_none() {
            return Ok(Err(moments.means()));
        }
        let _charge = exec.budget().charge(decomposition_bytes(width, n_comps), "the decomposition")?;
        decompose(moments, n_comps, zero_center, None).map(Ok)
    })?;
    match found {
        Err(means) => arrays(py, [("pilot", numbers(&means))]),
        Ok(model) => arrays(
            py,
            [
                ("components", numbers(&model.components)),
                ("centre", numbers(&model.centre)),
                ("variance", numbers(&model.variance)),
                ("variance_ratio", numbers(&model.variance_ratio)),
            ],
        ),
    }
}

/// Scores of `rows` rows, a stretch, flat.
#[pyfunction]
pub(super) fn scores_part<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    stretch: usize,
    rows: usize,
    model: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let (components, centre) = (values::<f64>(model, "components")?, values::<f64>(model, "centre")?);
    let (variance, variance_ratio) = (values::<f64>(model, "variance")?, values::<f64>(model, "variance_ratio")?);
    let (width, n_comps) = (matrix.shape()[1], variance.len());
    if components.len() != width * n_comps || centre.len() != width {
        return Err(Error::argument(format!("components that are not of {width} columns"))).into_python();
    }
    let model = Model { width, n_comps, centre, components, variance, variance_ratio };
    let project = Project::new(&model, rows);
    let found = job::run(py, |exec| matrix.lazy(exec)?.run_stretch(project, stretch, "scores of rows", exec))?;
    Ok(PyArray1::from_vec(py, found))
}
