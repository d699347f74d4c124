//! `highly_variable_genes`: one pass for dispersions, two for the curves of `seurat_v3`, two for residuals.

use std::sync::Arc;

use annstream_core::anndata::TableName;
use annstream_core::element::{Dict, Element};
use annstream_core::table::Column;
use annstream_store::Buffer;

use super::state::State;
use crate::groups::Groups;
use crate::hvg::{
    DispersionBatch, Flavor, HvgOptions, HvgTable, Moments, V3Batch, by_dispersion, clip_limits, pearson_residuals,
    residual_clip, seurat_v3,
};
use crate::normalize::stored_base;
use crate::recipe::HvgStep;
use crate::reduce::{GroupMoments, MomentsPass, ResidualPass};
use crate::{Error, Result};

pub(super) fn run(state: &mut State<'_>) -> Result<()> {
    let Some(step) = state.recipe.highly_variable_genes.clone() else { return Ok(()) };
    let options = HvgOptions { batched: step.batch_key.is_some(), ..step.options.clone() };
    options.check()?;
    let groups = batches(state, &step)?;
    let table = match options.flavor {
        Flavor::Seurat | Flavor::CellRanger => dispersions(state, &options, groups.as_ref())?,
        Flavor::SeuratV3 | Flavor::SeuratV3Paper => standardised(state, &options, groups.as_ref())?,
        Flavor::PearsonResiduals => residuals(state, &options, groups.as_ref())?,
    };
    store(state, &table);
    if step.subset {
        subset(state, &table.highly_variable())?;
    }
    Ok(())
}

/// Says which columns `obs` has.
pub(super) fn no_such_column(state: &State<'_>, key: &str) -> Error {
    let known: Vec<&str> = state.input.file.obs().columns.keys().map(String::as_str).take(20).collect();
    Error::argument(format!("obs has no column '{key}'")).hint(format!("its columns are {}", known.join(", ")))
}

fn batches(state: &State<'_>, step: &HvgStep) -> Result<Option<Groups>> {
    let Some(key) = &step.batch_key else { return Ok(None) };
    state.batches(key).map(Some)
}

fn pass(width: usize, groups: Option<&Groups>) -> MomentsPass {
    let mut pass = MomentsPass::new(width);
    if let Some(groups) = groups {
        pass.groups = Some(Arc::from(groups.codes.as_slice()));
        pass.count = groups.names.len();
    }
    pass
}

fn moments(own: &GroupMoments) -> Result<Moments> {
    Moments::from_sums(own.rows, &own.sums, &own.squares)
}

fn names(state: &State<'_>) -> Result<Vec<String>> {
    let index = state.input.file.read_index(TableName::Var)?;
    match &index {
        Column::Plain(Buffer::Str(text)) | Column::Nullable { values: Buffer::Str(text), .. } => {
            Ok((0..text.len()).filter(|&i| state.genes[i]).map(|i| text.get(i).to_owned()).collect())
        }
        _ => Err(Error::internal("names of genes that are not text")),
    }
}

/// `seurat` looks at the scale before the logarithm, which a pipeline that took it has at hand; `cell_ranger` at X.
fn dispersions(state: &mut State<'_>, options: &HvgOptions, groups: Option<&Groups>) -> Result<HvgTable> {
    let mut pass = pass(state.x.shape()[1], groups);
    let seurat = options.flavor == Flavor::Seurat;
    let linear = seurat && state.recipe.log1p.is_some() && state.divisors.is_some();
    if seurat && !linear {
        let base = match state.recipe.log1p {
            Some(options) => options.base,
            None => stored_base(&state.input.file)?,
        };
        pass.exponentials = Some(base.map_or(1.0, f64::ln));
    }
    let all = state.stage("moments", |state| {
        let matrix = if linear { &state.linear } else { &state.x };
        matrix.run(pass, "moments", state.exec)
    })?;
    let label = |i: usize| groups.map_or_else(String::new, |groups| groups.names[i].clone());
    let batches = all
        .iter()
        .enumerate()
        .map(|(i, own)| {
            let expressed = Some(own.positive.iter().map(|&count| count > 0).collect());
            Ok(DispersionBatch { name: label(i), moments: moments(own)?, expressed })
        })
        .collect::<Result<Vec<_>>>()?;
    if !seurat && groups.is_none() {
        state.moments = all.into_iter().next();
    }
    by_dispersion(&names(state)?, &batches, options)
}

fn standardised(state: &mut State<'_>, options: &HvgOptions, groups: Option<&Groups>) -> Result<HvgTable> {
    let width = state.raw.shape()[1];
    let first = pass(width, groups);
    let all = state.stage("moments", |state| state.raw.run(first, "moments of counts", state.exec))?;
    let each = all.iter().map(moments).collect::<Result<Vec<_>>>()?;
    let limits = each.iter().map(|own| clip_limits(own, options.span)).collect::<Result<Vec<_>>>()?;
    let mut second = pass(width, groups);
    second.limits = Some(limits.iter().map(|own| own.clip.clone()).collect());
    let clipped = state.stage("clipped moments", |state| state.raw.run(second, "clipped moments", state.exec))?;
    let label = |i: usize| groups.map_or_else(String::new, |groups| groups.names[i].clone());
    let batches: Vec<V3Batch> = each
        .into_iter()
        .zip(limits)
        .zip(clipped)
        .enumerate()
        .map(|(i, ((moments, limits), own))| V3Batch {
            name: label(i),
            moments,
            limits,
            sums: own.sums,
            squares: own.squares,
        })
        .collect();
    seurat_v3(&moments(&together(&all, width))?, &batches, options)
}

fn residuals(state: &mut State<'_>, options: &HvgOptions, groups: Option<&Groups>) -> Result<HvgTable> {
    let width = state.raw.shape()[1];
    let first = pass(width, groups);
    let (all, totals) = state.stage("moments", |state| {
        let both = (first, crate::reduce::TotalsPass::default());
        state.raw.run(both, "moments of counts", state.exec)
    })?;
    let clip = residual_clip(options, all.first().map_or(1, |own| own.rows));
    let count = groups.map_or(1, |groups| groups.names.len());
    let codes = groups.map(|groups| Arc::from(groups.codes.as_slice()));
    let pass = ResidualPass::new(&all, totals, codes, count, options.theta, clip);
    let variances = state.stage("residuals", |state| state.raw.run(pass, "residuals", state.exec))?;
    pearson_residuals(&moments(&together(&all, width))?, &variances, options)
}

/// All groups as one.
fn together(all: &[GroupMoments], width: usize) -> GroupMoments {
    let mut out = GroupMoments::zeros(width);
    for own in all {
        out.add(own);
    }
    out
}

fn store(state: &mut State<'_>, table: &HvgTable) {
    for (name, values) in &table.columns {
        state.additions.var.insert((*name).to_owned(), Column::Plain(values.clone()));
    }
    let entries = table.uns(None).into_iter();
    let entries: Dict = entries
        .map(|(name, text)| (name.to_owned(), Element::Scalar(Buffer::Str(std::iter::once(text).collect()))))
        .collect();
    state.additions.set_uns(["hvg"], Element::Dict(entries));
    let variable = table.highly_variable();
    state.report.variable_genes = Some(variable.iter().filter(|chosen| **chosen).count());
    state.variable = Some(variable);
}

/// Keeps the highly variable genes only.
fn subset(state: &mut State<'_>, variable: &[bool]) -> Result<()> {
    let mut chosen = variable.iter();
    for gene in &mut state.genes {
        if *gene {
            *gene = chosen.next().copied().unwrap_or(false);
        }
    }
    for column in state.additions.var.values_mut() {
        *column = super::state::kept(column.clone(), variable);
    }
    for matrix in [&mut state.raw, &mut state.linear, &mut state.x] {
        *matrix = matrix.clone().keep_columns(variable)?;
    }
    if let Some(moments) = &mut state.moments {
        *moments = moments.kept(variable);
    }
    state.report.shape = state.x.shape();
    state.variable = Some(vec![true; state.report.shape[1]]);
    Ok(())
}
