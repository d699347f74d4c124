//! `pca`: products of columns, components and scores come from what the last pass over the matrix kept.

use std::sync::Arc;

use annstream_core::edit::EditSpec;
use annstream_core::element::{DenseArray, Dict, Element};
use annstream_core::lazy::{LazyMatrix, Precision, Through, View};
use annstream_core::op::{Deviations, Scale};
use annstream_core::table::Column;
use annstream_store::{Buffer, StoreWriter};

use super::state::State;
use crate::groups::truths;
use crate::hvg::Moments as GeneMoments;
use crate::pca::{
    GRAM_COLUMNS, Gram, Pca, PcaOptions, Project, Spill, SpilledRows, WriteScores, decompose, decomposition_bytes, fit,
    n_comps,
};
use crate::recipe::{PcaStep, ScaleOptions};
use crate::{Error, Result};

/// What of the memory that is left the rows kept aside may take: one part of so many. Beyond, they are written to scratch
/// space, where reading them again costs little.
const SPILL_SHARE: u64 = 16;

/// What PCA looks at.
pub(super) struct Plan {
    step: PcaStep,
    /// Name of the mask, and of the kept genes those that it chooses.
    mask: Option<(String, Vec<bool>)>,
    /// Values added to each column to give what is meant; none without scaling.
    offsets: Option<Vec<f64>>,
    view: View,
    width: usize,
    rows: usize,
    precision: Precision,
}

/// Where the scores of the cells go.
pub(super) struct Scores<'a> {
    /// What is written.
    pub(super) writer: &'a dyn StoreWriter,
    /// Gets the names of what is written before the tables.
    pub(super) spec: &'a mut EditSpec,
    /// Whether they stay in memory.
    pub(super) keep: bool,
}

/// The entry of `obsm` that has them.
const SCORES: &str = "X_pca";

/// The consumer that gathers for it.
pub(super) type Gathering = Through<Spill>;

/// How genes are scaled, and what PCA looks at, if the recipe has these steps.
pub(super) fn plan(state: &mut State<'_>) -> Result<(Option<Scale>, Option<Plan>)> {
    let scale = match state.recipe.scale {
        Some(options) => Some(scaling(state, options)?),
        None => None,
    };
    let Some(step) = state.recipe.pca.clone() else { return Ok((scale, None)) };
    let mask = mask(state, &step)?;
    let [rows, width] = state.seen.shape();
    let width = mask.as_ref().map_or(width, |(_, mask)| mask.iter().filter(|keep| **keep).count());
    if width == 0 {
        return Err(Error::argument("no gene is chosen for the components"));
    }
    let mut view = View::new();
    let mut ids = state.seen.column_ids();
    if let Some((_, mask)) = &mask {
        let mut keep = mask.iter();
        ids.retain(|_| keep.next().copied().unwrap_or(false));
        view = view.keep(ids.clone());
    }
    for op in state.seen.view().ops() {
        view = view.with_shared(op.clone());
    }
    let mut offsets = None;
    if let Some(scale) = scale.as_ref().filter(|_| state.seen.view().is_dense()) {
        // There are no zeros to spare.
        view = view.with(scale.clone());
    } else if let Some(scale) = &scale {
        offsets = Some(ids.iter().map(|&id| scale.value(id as usize, 0.0)).collect());
        view = view.with(Deviations(scale.clone()));
    }
    let precision = state.seen.precision();
    Ok((scale, Some(Plan { step, mask, offsets, view, width, rows, precision })))
}

/// Means and deviations of all genes, as scanpy's `scale` has them; adds them to `var`.
fn scaling(state: &mut State<'_>, options: ScaleOptions) -> Result<Scale> {
    let own = state.moments.as_ref().ok_or_else(|| Error::internal("moments were not taken"))?;
    if let Some(limit) = options.max_value.filter(|limit| limit.is_nan() || *limit <= 0.0) {
        return Err(Error::argument(format!("max_value is {limit}, expected a number above 0")));
    }
    let moments = GeneMoments::from_sums(own.rows, &own.sums, &own.squares)?;
    if let Some(gene) = moments.variances.iter().position(|variance| !variance.is_finite()) {
        let mean = moments.means[gene];
        return Err(Error::invalid(format!("the mean of gene {gene} is {mean}, expected finite values")));
    }
    let deviations: Vec<f64> =
        moments.variances.iter().map(|variance| if *variance > 0.0 { variance.sqrt() } else { 1.0 }).collect();
    let spread = |values: &[f64], rest: f64| -> Arc<[f64]> {
        let mut out = vec![rest; state.stored.shape()[1]];
        for (id, &value) in state.x.column_ids().into_iter().zip(values) {
            out[id as usize] = value;
        }
        out.into()
    };
    let means = options.zero_center.then(|| spread(&moments.means, 0.0));
    let scale = Scale { means, deviations: spread(&deviations, 1.0), limit: options.max_value };
    state.additions.var.insert("mean".to_owned(), Column::Plain(Buffer::F64(moments.means)));
    state.additions.var.insert("std".to_owned(), Column::Plain(Buffer::F64(deviations)));
    Ok(scale)
}

fn mask(state: &State<'_>, step: &PcaStep) -> Result<Option<(String, Vec<bool>)>> {
    let name = step.mask_var.as_deref();
    if name == Some("") {
        return Ok(None);
    }
    let wanted = name.unwrap_or("highly_variable");
    if let (Some(variable), "highly_variable") = (&state.variable, wanted) {
        return Ok(Some((wanted.to_owned(), variable.clone())));
    }
    let Some(column) = state.var_column(wanted)? else {
        return match name {
            None => Ok(None),
            Some(name) => Err(Error::argument(format!("var has no column '{name}'"))),
        };
    };
    let kept = truths(&column)
        .ok_or_else(|| Error::argument(format!("the column '{wanted}' of var is not one of truth values")))?;
    Ok(Some((wanted.to_owned(), kept)))
}

impl Plan {
    /// What rides along with the last pass; `None` where genes are too many for their products.
    pub(super) fn gathering(&self, state: &State<'_>) -> Result<Option<Gathering>> {
        if self.width > GRAM_COLUMNS {
            return Ok(None);
        }
        self.check()?;
        let limit = state.exec.budget().available() / SPILL_SHARE;
        let spill = Spill::new(self.width, self.rows, self.precision, limit, state.exec);
        Ok(Some(Through { view: self.view.clone(), consumer: spill }))
    }

    /// Nothing but the columns that it looks at.
    pub(super) fn matrix(&self, state: &State<'_>) -> Result<LazyMatrix> {
        let mut matrix = state.raw.clone();
        if let Some((_, mask)) = &self.mask {
            matrix = matrix.keep_columns(mask)?;
        }
        for op in self.view.ops() {
            matrix = matrix.with_shared(op.clone());
        }
        Ok(matrix)
    }

    fn check(&self) -> Result<()> {
        let (count, most) = (n_comps(self.step.n_comps, self.rows, self.width), self.rows.min(self.width));
        if count == 0 || count >= most {
            return Err(Error::argument(format!(
                "{count} components of {} cells and {} genes; expected 1 to {}",
                self.rows,
                self.width,
                most.saturating_sub(1)
            )));
        }
        Ok(())
    }

    /// Components and scores, and what is stored of them.
    pub(super) fn finish(self, state: &mut State<'_>, gathered: Option<SpilledRows>, scores: Scores<'_>) -> Result<()> {
        let count = n_comps(self.step.n_comps, self.rows, self.width);
        let zero_center = self.step.zero_center;
        let offsets = self.offsets.as_deref();
        let mut pca = if let Some(rows) = gathered {
            let spilled = LazyMatrix::new(Arc::new(rows));
            let moments = state.stage("products", |state| {
                let stage = "products of columns";
                let gram = || Gram::of_rows(self.rows, self.width, self.precision).with_threads(state.exec);
                let moments = spilled.run(gram(), stage, state.exec)?;
                if !moments.is_cancelled() {
                    return Ok(moments);
                }
                // Columns far from zero: once more around their means.
                let gram = gram().about(&moments.means())?;
                drop(moments);
                spilled.run(gram, stage, state.exec)
            })?;
            let bytes = decomposition_bytes(self.width, count);
            let model = state.stage("eigenvectors", |state| {
                let _charge = state.exec.budget().charge(bytes, "the decomposition")?;
                decompose(moments, count, zero_center, offsets)
            })?;
            let project = Project::new(&model, self.rows);
            let Scores { writer, spec, keep } = scores;
            let scores = state.stage("scores", |state| {
                if keep {
                    return spilled.run(project, "scores", state.exec);
                }
                writer.group("obsm")?;
                let (path, compression) = (format!("obsm/{SCORES}"), spec.compression);
                let written = WriteScores { project, writer, path, compression };
                spilled.run(written, "scores", state.exec)?;
                spec.obsm.push(SCORES.to_owned());
                Ok(vec![])
            })?;
            Pca { model, scores, report: None }
        } else {
            let matrix = self.matrix(state)?;
            let options = PcaOptions {
                n_comps: self.step.n_comps,
                zero_center,
                offsets: self.offsets.clone(),
                ..PcaOptions::default()
            };
            state.stage("pca", |state| fit(&matrix, &options, state.exec))?
        };
        let scores = std::mem::take(&mut pca.scores);
        if !scores.is_empty() {
            state.hold(scores.len() as u64 * 4, "the scores of the cells")?;
            let scores = DenseArray { shape: vec![self.rows, count], values: Buffer::F32(scores) };
            state.additions.obsm.insert(SCORES.to_owned(), Element::Array(scores));
        }
        store(state, &pca, self.mask.as_ref().map(|(name, mask)| (name.as_str(), mask.as_slice())), &self)
    }
}

/// What is known of the components, beside the scores.
fn store(state: &mut State<'_>, pca: &Pca, mask: Option<(&str, &[bool])>, plan: &Plan) -> Result<()> {
    let stored = pca.stored(mask, plan.step.zero_center, plan.precision)?;
    let array = |values: Buffer, shape: Vec<usize>| Element::Array(DenseArray { shape, values });
    let typed = |values: &[f64], precision: Precision| -> Result<Buffer> {
        Buffer::F64(values.to_vec()).cast(precision.dtype())
    };
    let genes = stored.loadings.len() / stored.n_comps.max(1);
    let loadings = array(typed(&stored.loadings, stored.loadings_precision)?, vec![genes, stored.n_comps]);
    let text = |text: &str| Element::Scalar(Buffer::Str(std::iter::once(text).collect()));
    let truth = |value: bool| Element::Scalar(Buffer::Bool(vec![u8::from(value)]));
    let params = Dict::from_iter([
        ("zero_center".to_owned(), truth(stored.zero_center)),
        ("use_highly_variable".to_owned(), truth(stored.use_highly_variable)),
        ("mask_var".to_owned(), stored.mask_var.map_or(Element::Null, text)),
    ]);
    let list = |values: &[f64]| -> Result<Element> {
        Ok(array(typed(values, stored.variance_precision)?, vec![stored.n_comps]))
    };
    let entry = Dict::from_iter([
        ("params".to_owned(), Element::Dict(params)),
        ("variance".to_owned(), list(stored.variance)?),
        ("variance_ratio".to_owned(), list(stored.variance_ratio)?),
    ]);
    state.additions.varm.insert("PCs".to_owned(), loadings);
    state.additions.set_uns(["pca"], Element::Dict(entry));
    Ok(())
}
