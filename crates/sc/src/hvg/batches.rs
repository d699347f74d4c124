//! Genes chosen by dispersion: one batch, or several combined.

use std::collections::HashSet;

use annstream_core::{Error, Result};
use annstream_store::Buffer;

use super::dispersion::{self, Dispersions};
use super::moments::{Moments, same_genes};
use super::options::{Flavor, HvgOptions};
use super::summary;
use super::table::{self, HvgTable};

/// The statistics of one batch for the flavors of dispersions.
#[derive(Clone, Debug)]
pub struct DispersionBatch {
    /// Its category, for messages.
    pub name: String,
    /// Moments of what the flavor looks at: for `seurat` of expm1(x), where x is first multiplied by the logarithm of
    /// `uns["log1p"]["base"]` if there is one; for `cell_ranger` of x.
    pub moments: Moments,
    /// Whether any cell of the batch has a value above zero in a gene. Without it a mean above zero says so, which is
    /// the same unless there are values below zero. Only looked at for `batched` options.
    pub expressed: Option<Vec<bool>>,
}

/// Highly variable genes by flavor `seurat` or `cell_ranger`, as `scanpy.pp.highly_variable_genes`.
///
/// With `options.batched` the batches come in the order of their categories, and `names` decide between genes that are
/// equal in all else; otherwise there is one batch of all cells. Holds a few numbers for each gene and batch.
///
/// # Errors
/// If the options are meaningless or of another flavor, the statistics not of the same genes, names not unique (with
/// batches only; scanpy then multiplies rows), or the genes of a batch cannot be put into bins.
pub fn by_dispersion<S: AsRef<str>>(
    names: &[S],
    batches: &[DispersionBatch],
    options: &HvgOptions,
) -> Result<HvgTable> {
    options.check()?;
    if !matches!(options.flavor, Flavor::Seurat | Flavor::CellRanger) {
        return Err(Error::argument(format!("flavor {} does not choose by dispersion", options.flavor)));
    }
    for batch in batches {
        batch.moments.check(names.len()).map_err(|error| error.at(&batch.name))?;
    }
    if options.batched {
        return combine(names, batches, options);
    }
    let [batch] = batches else {
        return Err(Error::argument(format!("{} batches without a batch key, expected one", batches.len())));
    };
    let found = dispersion::of_batch(&batch.moments, options)?;
    Ok(HvgTable::new(options, columns(found)))
}

/// The columns that both cases have.
fn columns(found: Dispersions) -> Vec<(&'static str, Buffer)> {
    vec![
        (table::HIGHLY_VARIABLE, table::booleans(&found.chosen)),
        ("means", Buffer::F64(found.means)),
        ("dispersions", Buffer::F64(found.raw)),
        ("dispersions_norm", Buffer::F32(table::to_f32(&found.normalised))),
    ]
}

/// One batch; genes that it does not express have zeros everywhere.
fn of_expressed(batch: &DispersionBatch, options: &HvgOptions) -> Result<Dispersions> {
    let genes = batch.moments.genes();
    let expressed = match &batch.expressed {
        Some(expressed) => expressed.clone(),
        None => batch.moments.means.iter().map(|mean| *mean > 0.0).collect(),
    };
    same_genes(genes, expressed.len(), "marks of expression")?;
    let found = dispersion::of_batch(&batch.moments.filtered(&expressed), options)?;
    let mut all = Dispersions {
        means: vec![0.0; genes],
        raw: vec![0.0; genes],
        normalised: vec![0.0; genes],
        chosen: vec![false; genes],
    };
    for (from, to) in (0..genes).filter(|gene| expressed[*gene]).enumerate() {
        all.means[to] = found.means[from];
        all.raw[to] = found.raw[from];
        all.normalised[to] = found.normalised[from];
        all.chosen[to] = found.chosen[from];
    }
    Ok(all)
}

/// scanpy's `_highly_variable_genes_batched`: means over batches, and a choice among them.
fn combine<S: AsRef<str>>(names: &[S], batches: &[DispersionBatch], options: &HvgOptions) -> Result<HvgTable> {
    if batches.is_empty() {
        return Err(Error::argument("no batches to choose genes from"));
    }
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().map(AsRef::as_ref).find(|name| !seen.insert(*name)) {
        return Err(Error::invalid(format!("gene name {name:?} is not unique, as it must be with batches")));
    }
    let found = batches
        .iter()
        .map(|batch| of_expressed(batch, options).map_err(|error| error.at(format!("batch {}", batch.name))))
        .collect::<Result<Vec<_>>>()?;
    let mean_of = |values: fn(&Dispersions) -> &[f64]| -> Vec<f64> {
        (0..names.len()).map(|gene| summary::mean(found.iter().map(|batch| values(batch)[gene]))).collect()
    };
    let means = mean_of(|batch| &batch.means);
    let raw = mean_of(|batch| &batch.raw);
    let mut normalised = mean_of(|batch| &batch.normalised);
    let counts: Vec<i64> =
        (0..names.len()).map(|gene| found.iter().map(|batch| i64::from(batch.chosen[gene])).sum()).collect();
    let chosen = if let Some(count) = options.n_top_genes {
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by(|&a, &b| {
            let by_value = table::ascending(-normalised[a], -normalised[b]);
            counts[b].cmp(&counts[a]).then(by_value).then_with(|| names[a].as_ref().cmp(names[b].as_ref()))
        });
        table::first(&order, count)
    } else {
        for value in &mut normalised {
            *value = if value.is_nan() { 0.0 } else { *value };
        }
        means.iter().zip(&normalised).map(|(mean, value)| dispersion::within(options, *mean, *value)).collect()
    };
    let everywhere: Vec<bool> = counts.iter().map(|count| *count == batches.len() as i64).collect();
    let mut columns = columns(Dispersions { means, raw, normalised, chosen });
    columns.push((table::BATCHES, Buffer::I64(counts)));
    columns.push((table::INTERSECTION, table::booleans(&everywhere)));
    Ok(HvgTable::new(options, columns))
}
