//! From a matrix to the ranked genes of each group.

use annstream_core::anndata::AnnDataFile;
use annstream_core::concat::Input;
use annstream_core::{Error, Exec, Result};

use super::by_gene::{GeneSums, GenesPass};
use super::moments::{Moments, Others};
use super::ranks::Against;
use super::whole::WholePass;
use super::{Fractions, GroupMarkers, MarkerPlan, Markers, Method, adjust, order, t_test, wilcoxon};
use crate::reduce::GroupSumsPass;

/// Reads the matrix and ranks the genes of each group: `scanpy.tl.rank_genes_groups`.
///
/// The t-tests read it once, in the order in which it is stored. `wilcoxon` needs the values of a gene side by side: a
/// CSC matrix is read once, others twice, and written to scratch space and read from there gene after gene.
///
/// Memory: what [`MarkerPlan::bytes`] says, for sums and results; blocks within the budget; for `wilcoxon` the largest
/// gene.
///
/// # Errors
/// `Memory` if the budget does not hold the sums or a gene; else if the input is damaged.
pub fn rank(plan: &MarkerPlan<'_>, input: &Input, exec: &Exec) -> Result<Markers> {
    let charge = exec.budget().charge(plan.bytes(), &plan.what());
    let _charge = charge.map_err(|error| error.in_file(&input.name))?;
    compare(plan, Some(&input.file), exec)
}

/// The same for a plan of [`plan_of`](super::plan_of), whose matrix belongs to no file.
///
/// # Errors
/// As [`rank`].
pub fn rank_matrix(plan: &MarkerPlan<'_>, exec: &Exec) -> Result<Markers> {
    let _charge = exec.budget().charge(plan.bytes(), &plan.what())?;
    compare(plan, None, exec)
}

fn compare(plan: &MarkerPlan<'_>, file: Option<&AnnDataFile>, exec: &Exec) -> Result<Markers> {
    let kept = plan.cells.kept();
    let (mut sums, whole) = sums(plan, file, &kept, exec)?;
    exec.release();
    let mut warnings = plan.warnings();
    if whole {
        warnings.push("the values seem to be raw counts; scanpy expects logarithms here".to_owned());
    }
    let width = plan.width();
    let sides = sides(plan, &sums, width);
    let fractions = plan.options.pts.then(|| fractions(plan, &sums, &sides, width));
    sums.moments = crate::reduce::GroupSums::default();
    let mut groups = Vec::with_capacity(sides.len());
    exec.ordered(
        sides.len(),
        exec.threads() + 1,
        |i| Ok(group(plan, &sums, &sides[i])),
        |_, markers| {
            groups.push(markers);
            Ok(())
        },
    )?;
    Ok(Markers { groups, fractions, warnings })
}

/// One pass by cells or by genes.
fn sums(plan: &MarkerPlan<'_>, file: Option<&AnnDataFile>, kept: &[bool], exec: &Exec) -> Result<(GeneSums, bool)> {
    let cells = &plan.cells;
    let (wilcoxon, squares) = (plan.options.method == Method::Wilcoxon, plan.options.method != Method::Wilcoxon);
    let groups = cells.codes_of(kept);
    let width = plan.width();
    if !wilcoxon && !plan.matrix.by_gene() {
        let pass =
            GroupSumsPass { width, groups, count: cells.sizes.len(), sums: true, squares, nonzero: plan.options.pts };
        let matrix = plan.matrix.rows(file, kept, exec)?;
        let (moments, whole) = matrix.run((pass, WholePass), "sums of groups", exec)?;
        return Ok((GeneSums { moments, ..GeneSums::default() }, whole));
    }
    let against = match cells.reference {
        None => Against::All,
        Some(code) => Against::Group(u32::try_from(code).map_err(|_| Error::internal("a code beyond 2^32"))?),
    };
    let matrix = plan.matrix.genes(file, kept, exec)?;
    let pass = GenesPass {
        genes: width,
        groups,
        sizes: cells.sizes.clone(),
        squares,
        nonzero: plan.options.pts,
        ranks: wilcoxon.then_some((against, plan.options.tie_correct)),
        block: matrix.longest_block()?,
    };
    matrix.run((pass, WholePass), if wilcoxon { "ranks of genes" } else { "sums of genes" }, exec)
}

/// A group and what it is compared with.
struct Side {
    code: usize,
    name: String,
    own: Moments,
    rest: Moments,
}

fn sides(plan: &MarkerPlan<'_>, sums: &GeneSums, width: usize) -> Vec<Side> {
    let cells = &plan.cells;
    let of = |code: usize| Moments::of_group(&sums.moments, &cells.sizes, width, code);
    let side = |code: usize, name: &str, rest| Side { code, name: name.to_owned(), own: of(code), rest };
    if let Some(reference) = cells.reference {
        return cells.tested().map(|(code, name)| side(*code, name, of(reference))).collect();
    }
    let others = Others::new(&sums.moments, &cells.sizes, width);
    let mut found = Vec::with_capacity(cells.chosen.len());
    for (code, rest) in others.each(&sums.moments, &cells.sizes).enumerate() {
        if let Some(place) = cells.chosen.iter().position(|(own, _)| *own == code) {
            found.push((place, side(code, &cells.chosen[place].1, rest)));
        }
    }
    found.sort_unstable_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, side)| side).collect()
}

fn group(plan: &MarkerPlan<'_>, sums: &GeneSums, side: &Side) -> GroupMarkers {
    let options = &plan.options;
    let width = plan.width();
    let (scores, pvals) = match options.method {
        Method::TTest => t_test::welch(&side.own, &side.rest, side.rest.cells),
        Method::TTestOverestimVar => t_test::welch(&side.own, &side.rest, side.own.cells),
        Method::Wilcoxon => {
            let own = side.code * width..(side.code + 1) * width;
            let ties = if plan.cells.reference.is_some() { own.clone() } else { 0..width };
            let ties = options.tie_correct.then(|| &sums.ties[ties]);
            wilcoxon::scores(&sums.ranks[own], ties, side.own.cells, side.rest.cells)
        }
    };
    let adjusted = adjust::adjust(&pvals, options.corr_method);
    let genes = order::highest(&scores, options.n_genes.unwrap_or(width), options.rankby_abs);
    let scale = plan.log_base.map_or(1.0, f64::ln);
    let fold = |gene: usize| {
        let linear = |mean: f64| (mean * scale).exp_m1() + 1e-9;
        (linear(side.own.means[gene]) / linear(side.rest.means[gene])).log2()
    };
    let take = |values: &[f64]| genes.iter().map(|&gene| values[gene as usize]).collect();
    #[expect(clippy::cast_possible_truncation, reason = "stored in single precision")]
    let narrow = |value: f64| value as f32;
    GroupMarkers {
        name: side.name.clone(),
        scores: genes.iter().map(|&gene| narrow(scores[gene as usize])).collect(),
        pvals: take(&pvals),
        pvals_adj: take(&adjusted),
        logfoldchanges: genes.iter().map(|&gene| narrow(fold(gene as usize))).collect(),
        genes,
    }
}

fn fractions(plan: &MarkerPlan<'_>, sums: &GeneSums, sides: &[Side], width: usize) -> Fractions {
    let cells = &plan.cells;
    let own = |code: usize| Moments::of_group(&sums.moments, &cells.sizes, width, code).fractions;
    let names = cells.chosen.iter().map(|(_, name)| name.clone()).collect();
    let group = cells.chosen.iter().map(|(code, _)| own(*code)).collect();
    let rest = cells.reference.is_none().then(|| sides.iter().map(|side| side.rest.fractions.clone()).collect());
    Fractions { names, group, rest }
}
