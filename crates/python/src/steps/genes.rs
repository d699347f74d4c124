//! `highly_variable_genes`: one pass for dispersions, two for the curves of `seurat_v3` and for residuals.

use std::sync::Arc;

use annstream_core::{Exec, Result};
use annstream_sc::hvg::{
    DispersionBatch, Flavor, HvgOptions, HvgTable, Moments, V3Batch, by_dispersion, clip_limits, pearson_residuals,
    residual_clip, seurat_v3,
};
use annstream_sc::reduce::{GroupMoments, MomentsPass, ResidualPass, TotalsPass};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{arrays, compressed, refused};
use crate::errors::IntoPython;
use crate::job;
use crate::matrix::Matrix;

/// What is looked at.
struct Genes<'a> {
    matrix: &'a Matrix,
    names: Vec<String>,
    options: HvgOptions,
    /// What values are multiplied with before `expm1`.
    exponentials: Option<f64>,
    /// The batch of each cell, and the names of the batches.
    batches: Option<(Arc<[u32]>, Vec<String>)>,
}

/// The columns of scanpy. `names` are those of the genes, `batches` the code of each cell and the names of the batches.
#[pyfunction]
#[pyo3(signature = (matrix, names, options, exponentials=None, batches=None))]
pub(super) fn highly_variable_genes<'py>(
    py: Python<'py>,
    matrix: &Matrix,
    names: Vec<String>,
    options: &str,
    exponentials: Option<f64>,
    batches: Option<(PyReadonlyArray1<'py, u32>, Vec<String>)>,
) -> PyResult<Bound<'py, PyDict>> {
    let options: HvgOptions = serde_json::from_str(options).map_err(refused)?;
    options.check().into_python()?;
    let batches = batches.map(|(codes, names)| (Arc::from(codes.as_array().to_vec()), names));
    let genes = Genes { matrix, names, options, exponentials, batches };
    let table = job::run(py, |exec| match genes.options.flavor {
        Flavor::Seurat | Flavor::CellRanger => genes.dispersions(exec),
        Flavor::SeuratV3 | Flavor::SeuratV3Paper => genes.standardised(exec),
        Flavor::PearsonResiduals => genes.residuals(exec),
    })?;
    arrays(py, table.columns)
}

/// The curve of `y` over `x`, at each `x`: `skmisc.loess.loess(x, y, span, degree=2)`.
#[pyfunction]
pub(super) fn loess<'py>(
    py: Python<'py>,
    x: PyReadonlyArray1<'py, f64>,
    y: PyReadonlyArray1<'py, f64>,
    span: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (x, y) = (x.as_array().to_vec(), y.as_array().to_vec());
    let curve = py.detach(|| annstream_sc::hvg::loess(&x, &y, span)).into_python()?;
    Ok(PyArray1::from_vec(py, curve))
}

impl Genes<'_> {
    fn pass(&self) -> MomentsPass {
        let mut pass = MomentsPass::new(self.matrix.shape()[1]);
        if let Some((codes, names)) = &self.batches {
            pass.groups = Some(codes.clone());
            pass.count = names.len();
        }
        pass
    }

    fn measured<'b>(&'b self, labels: &'b [String]) -> Measured<'b> {
        Measured { names: &self.names, labels, options: &self.options }
    }

    fn labels(&self) -> Vec<String> {
        self.batches.as_ref().map_or_else(Vec::new, |(_, names)| names.clone())
    }

    fn dispersions(&self, exec: &Exec) -> Result<HvgTable> {
        let stage = "moments";
        let back = self.exponentials.map_or(Ok(None), |factor| self.matrix.lazy_and_back(factor, exec))?;
        let all = if let Some(linear) = back {
            linear.run(self.pass(), stage, exec)?
        } else {
            let pass = MomentsPass { exponentials: self.exponentials, ..self.pass() };
            self.matrix.lazy(exec)?.run(pass, stage, exec)?
        };
        self.measured(&self.labels()).dispersions(&all)
    }

    fn standardised(&self, exec: &Exec) -> Result<HvgTable> {
        let lazy = self.matrix.lazy(exec)?;
        let all = lazy.run(self.pass(), "moments of counts", exec)?;
        self.measured(&self.labels()).standardised(&all, |clips| {
            lazy.run(MomentsPass { limits: Some(clips), ..self.pass() }, "clipped moments", exec)
        })
    }

    fn residuals(&self, exec: &Exec) -> Result<HvgTable> {
        let lazy = compressed(self.matrix, exec)?;
        let (all, totals) = lazy.run((self.pass(), TotalsPass::default()), "moments of counts", exec)?;
        let clip = residual_clip(&self.options, all.first().map_or(1, |own| own.rows));
        let (codes, count) = match &self.batches {
            Some((codes, names)) => (Some(codes.clone()), names.len()),
            None => (None, 1),
        };
        let pass = ResidualPass::new(&all, totals, codes, count, self.options.theta, clip);
        let variances = lazy.run(pass, "residuals", exec)?;
        pearson_residuals(&together(&all)?, &variances, &self.options)
    }
}

/// Genes and batches whose moments are known.
pub(super) struct Measured<'a> {
    pub(super) names: &'a [String],
    /// Names of the batches; empty if there are none.
    pub(super) labels: &'a [String],
    pub(super) options: &'a HvgOptions,
}

impl Measured<'_> {
    fn label(&self, batch: usize) -> String {
        self.labels.get(batch).cloned().unwrap_or_default()
    }

    /// By the moments of what the flavor looks at.
    pub(super) fn dispersions(&self, all: &[GroupMoments]) -> Result<HvgTable> {
        let batch = |(i, own): (usize, &GroupMoments)| {
            let expressed = Some(own.positive.iter().map(|&count| count > 0).collect());
            Ok(DispersionBatch { name: self.label(i), moments: moments(own)?, expressed })
        };
        let batches = all.iter().enumerate().map(batch).collect::<Result<Vec<_>>>()?;
        by_dispersion(self.names, &batches, self.options)
    }

    /// By the moments of counts, and those of counts that are clipped at limits that follow from them.
    pub(super) fn standardised(
        &self,
        all: &[GroupMoments],
        clipped: impl FnOnce(Arc<[Vec<f64>]>) -> Result<Vec<GroupMoments>>,
    ) -> Result<HvgTable> {
        let each = all.iter().map(moments).collect::<Result<Vec<_>>>()?;
        let limits = each.iter().map(|own| clip_limits(own, self.options.span)).collect::<Result<Vec<_>>>()?;
        let clipped = clipped(limits.iter().map(|own| own.clip.clone()).collect())?;
        let parts = each.into_iter().zip(limits).zip(clipped).enumerate();
        let batch = |(i, ((moments, limits), GroupMoments { sums, squares, .. }))| V3Batch {
            name: self.label(i),
            moments,
            limits,
            sums,
            squares,
        };
        seurat_v3(&together(all)?, &parts.map(batch).collect::<Vec<_>>(), self.options)
    }
}

/// All batches as one.
fn together(all: &[GroupMoments]) -> Result<Moments> {
    let mut out = GroupMoments::zeros(all.first().map_or(0, |own| own.sums.len()));
    for own in all {
        out.add(own);
    }
    moments(&out)
}

pub(super) fn moments(own: &GroupMoments) -> Result<Moments> {
    Moments::from_sums(own.rows, &own.sums, &own.squares)
}
