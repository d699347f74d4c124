//! Quality control, filters and totals: one pass.

use annstream_core::anndata::TableName;
use annstream_core::table::Column;
use annstream_store::Buffer;

use super::filters;
use super::names::no_such_set;
use super::state::State;
use crate::filter::{CellFilter, GeneFilter};
use crate::groups::truths;
use crate::qc::qc_columns;
use crate::reduce::{CellRule, Counts, CountsPass, Frequent, RareEntries, TotalsPass};
use crate::{Error, Result};

pub(super) fn run(state: &mut State<'_>) -> Result<()> {
    let recipe = state.recipe;
    let needed = recipe.qc.is_some()
        || recipe.filter_cells.is_some()
        || recipe.filter_genes.is_some()
        || recipe.normalize_total.is_some();
    let sets = gene_sets(state)?;
    if !needed {
        return Ok(());
    }
    let names: Vec<String> = sets.iter().map(|(name, _)| name.clone()).collect();
    let [rows, width] = state.stored.shape();
    let ranks = ranks(state, width)?;
    let rule = match &recipe.filter_cells {
        Some(filter) => filter.rule(&names)?,
        None => CellRule::default(),
    };
    let only_counts = recipe.normalize_total.is_some();
    let counted = sets.into_iter().map(|(_, marks)| marks).collect();
    let pass = CountsPass { rows, width, sets: counted, ranks, rule, only_counts, frequent: Frequent::none(width) };
    let counts = state.stage("counts", |state| {
        if state.recipe.qc.is_none() && state.recipe.filter_cells.is_none() && state.recipe.filter_genes.is_none() {
            // Nothing but totals is asked for.
            let pass = TotalsPass { only_counts, ..TotalsPass::default() };
            state.totals = Some(state.stored.run(pass, "totals", state.exec)?);
            return Ok(None);
        }
        state.stored.run(pass, "counts", state.exec).map(Some)
    })?;
    let Some(counts) = counts else { return Ok(()) };
    let _charge = state.exec.budget().charge(counts.bytes(), "the counts of the cells")?;
    keep(state, &counts, &names)?;
    columns(state, &counts, &names);
    state.hold_columns()?;
    state.raw = state.stored.clone().keep_rows(&state.cells)?.keep_columns(&state.genes)?;
    state.linear = state.raw.clone();
    state.x = state.raw.clone();
    state.report.shape = state.raw.shape();
    if recipe.normalize_total.is_some() {
        state.totals = Some(totals_of_kept(state, &counts)?);
    }
    Ok(())
}

/// The gene sets of the recipe, and the columns of `var` that `qc_vars` names.
fn gene_sets(state: &mut State<'_>) -> Result<Vec<(String, Vec<bool>)>> {
    let recipe = state.recipe;
    let mut marked = indexmap::IndexMap::new();
    if !recipe.gene_sets.is_empty() {
        let index = state.input.file.read_index(TableName::Var)?;
        let (Column::Plain(Buffer::Str(names)) | Column::Nullable { values: Buffer::Str(names), .. }) = &index else {
            return Err(Error::internal("names of genes that are not text"));
        };
        for (name, set) in &recipe.gene_sets {
            let marks = set.mark((0..names.len()).map(|i| names.get(i)))?;
            marked.insert(name.clone(), marks);
        }
    }
    let mut wanted: Vec<String> = recipe.qc.iter().flat_map(|qc| qc.qc_vars.iter().cloned()).collect();
    let filtered = recipe.filter_cells.iter().flat_map(|filter| filter.max_percent.keys());
    wanted.extend(filtered.filter(|name| recipe.gene_sets.contains_key(*name)).cloned());
    let mut out: Vec<(String, Vec<bool>)> = Vec::new();
    for name in wanted {
        if out.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let marks = match marked.get(&name) {
            Some(marks) => marks.clone(),
            None if state.input.file.var().columns.contains_key(&name) => {
                let column = state.input.file.read_column(TableName::Var, &name)?;
                truths(&column).ok_or_else(|| {
                    Error::argument(format!("the column '{name}' of var is not one of truth values")).at("var")
                })?
            }
            None => {
                return Err(no_such_set(&name));
            }
        };
        out.push((name, marks));
    }
    for (name, marks) in marked {
        let bits = marks.iter().map(|&mark| u8::from(mark)).collect();
        state.additions.var.insert(name, Column::Plain(Buffer::Bool(bits)));
    }
    Ok(out)
}

fn ranks(state: &State<'_>, width: usize) -> Result<Vec<usize>> {
    let Some(qc) = &state.recipe.qc else { return Ok(vec![]) };
    let mut ranks = qc.percent_top.clone();
    ranks.sort_unstable();
    match ranks.iter().find(|rank| **rank == 0 || **rank > width) {
        Some(rank) => {
            Err(Error::argument(format!("percent_top has {rank}, expected 1 to the number of genes, {width}"))
                .hint("give percent_top = [] to leave these columns out"))
        }
        None => Ok(ranks),
    }
}

/// Which cells and genes are kept.
fn keep(state: &mut State<'_>, counts: &Counts, sets: &[String]) -> Result<()> {
    state.cells.clone_from(&counts.kept);
    if let Some(filter) = &state.recipe.filter_cells {
        state.report.filters.extend(filters::of_cells(filter, counts, sets));
    }
    if let Some(filter) = &state.recipe.filter_genes {
        state.report.filters.extend(filters::of_genes(filter, &counts.genes_kept));
        state.genes = filter.mask(&counts.genes_kept);
    }
    let kept = |mask: &[bool]| mask.iter().filter(|keep| **keep).count();
    let (cells, genes) = (kept(&state.cells), kept(&state.genes));
    if cells == 0 && !state.cells.is_empty() {
        return Err(Error::argument("no cell passes the filters").hint("lower min_genes or min_counts"));
    }
    if genes == 0 && !state.genes.is_empty() {
        return Err(Error::argument("no gene passes the filters").hint("lower min_cells or min_counts"));
    }
    Ok(())
}

/// What scanpy writes to `obs` and `var`.
fn columns(state: &mut State<'_>, counts: &Counts, sets: &[String]) {
    let stored = state.stored.stored_dtype();
    // Gene sets were marked for all genes.
    let marks: Vec<(String, Column)> = state.additions.var.drain(..).collect();
    for (name, column) in marks {
        state.add_var(name, column);
    }
    if let Some(qc) = &state.recipe.qc {
        let mut own = counts_of(counts, sets, &qc.qc_vars);
        let columns = qc_columns(own.as_mut().map_or(counts, |own| own), qc, stored, state.wide_rows);
        for (name, column) in columns.obs {
            state.add_obs(name, column);
        }
        for (name, column) in columns.var {
            state.add_var(name, column);
        }
    }
    let cells = state.recipe.filter_cells.as_ref().map(|filter: &CellFilter| filter.columns(counts, stored));
    for (name, column) in cells.into_iter().flatten() {
        state.add_obs(name, column);
    }
    let genes = state.recipe.filter_genes.as_ref();
    let genes = genes.map(|filter: &GeneFilter| filter.columns(&counts.genes_kept, stored));
    for (name, column) in genes.into_iter().flatten() {
        state.add_var(name, column);
    }
}

/// The counts with the sums of the wanted sets only; `None` if those are all.
fn counts_of(counts: &Counts, sets: &[String], wanted: &[String]) -> Option<Counts> {
    if sets == wanted {
        return None;
    }
    let places: Vec<usize> = wanted.iter().filter_map(|name| sets.iter().position(|set| set == name)).collect();
    let chosen = counts.sets.chunks(sets.len().max(1)).flat_map(|cell| places.iter().map(|&place| cell[place]));
    Some(Counts { sets: chosen.collect(), ..counts.clone() })
}

/// Totals of the kept cells over the kept genes: what was counted, less the entries of the genes that go. Takes a pass
/// only if those are too many to have been remembered.
fn totals_of_kept(state: &mut State<'_>, counts: &Counts) -> Result<Vec<f64>> {
    let gone: Vec<usize> = (0..state.genes.len()).filter(|&gene| !state.genes[gene]).collect();
    let mut totals = counts.total.clone();
    if gone.iter().all(|&gene| RareEntries::covers(counts.genes_kept.nonzero[gene])) {
        for &(gene, cell, value) in counts.rare.entries() {
            if !state.genes[gene as usize] {
                totals[cell as usize] -= value;
            }
        }
        let mut kept = state.cells.iter();
        totals.retain(|_| kept.next().copied().unwrap_or(false));
        return Ok(totals);
    }
    state.stage("totals", |state| state.raw.run(TotalsPass::default(), "totals", state.exec))
}
