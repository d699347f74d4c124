//! `annstream rank-genes-groups`.
#![expect(clippy::doc_markdown, reason = "the text of --help, where backticks would show")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use annstream_core::anndata::usual_compression;
use annstream_core::edit::{Additions, EditSpec, write_edited};
use annstream_core::subset::Selection;
use annstream_core::{Error, Result};
use annstream_sc::markers::{self, Correction, MarkerOptions, MarkerPlan, Method};
use clap::Args;

use super::common::disk_bytes;
use super::output::{check_output, folder_of, parse};
use super::writing::{Unchanged, Writing, detail};
use crate::printer::{Printer, bytes, count};

mod table;

/// Rank the genes that mark each group of cells, as scanpy.tl.rank_genes_groups would in memory.
///
/// The result is the input with uns/rank_genes_groups, which scanpy's plots and scanpy.get.rank_genes_groups_df read.
/// The values are expected to be logarithms. The t-tests read the matrix once; wilcoxon transposes it in scratch space,
/// unless it is stored as CSC, and ranks gene after gene.
#[derive(Debug, Args)]
#[command(after_help = "\
Cells without a group are among the rest. Genes with equal scores come in the order of var; scanpy leaves theirs to the
sort. logreg is not here: it fits one model to all cells at once.

Examples:
  annstream rank-genes-groups done.h5ad -o marked.h5ad --groupby leiden
  annstream rank-genes-groups done.h5ad -o marked.h5ad --groupby leiden --method wilcoxon --tie-correct --pts
  annstream rank-genes-groups done.h5ad -o marked.h5ad --groupby cell_type --groups 'B,NK' --reference T --table b.csv
  annstream rank-genes-groups done.h5ad -o marked.h5ad --groupby cell_type --group 'B, naive' --group NK")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Arguments {
    /// File or store (.h5ad, .zarr, .zarr.zip)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file (.h5ad) or a folder (.zarr)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Column of obs with the group of each cell
    #[arg(long, value_name = "COLUMN")]
    groupby: String,
    /// The groups that are compared [default: all]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    groups: Option<Vec<String>>,
    /// A group that is compared, by a name that may have commas; can be given several times, and beside --groups
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// The group that each is compared with; rest for all other cells
    #[arg(long, value_name = "NAME", default_value = "rest")]
    reference: String,
    /// t-test, t-test_overestim_var or wilcoxon
    #[arg(long, value_name = "NAME", default_value = "t-test", value_parser = parse::<Method>)]
    method: Method,
    /// Correct the scores of wilcoxon for ties
    #[arg(long)]
    tie_correct: bool,
    /// How many genes to keep of each group [default: all]
    #[arg(long, value_name = "N")]
    n_genes: Option<usize>,
    /// Rank by the absolute score
    #[arg(long)]
    rankby_abs: bool,
    /// Store the fraction of cells that express each gene
    #[arg(long)]
    pts: bool,
    /// Correction of p-values: benjamini-hochberg or bonferroni
    #[arg(long, value_name = "NAME", default_value = "benjamini-hochberg", value_parser = parse::<Correction>)]
    corr_method: Correction,
    /// Name of the result in uns
    #[arg(long, value_name = "NAME", default_value = "rank_genes_groups")]
    key_added: String,
    /// Layer to read, instead of X
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// Read raw, and fail if there is none [default: raw if there is one]
    #[arg(long, conflicts_with = "no_raw")]
    use_raw: bool,
    /// Read X, even if there is a raw
    #[arg(long)]
    no_raw: bool,
    /// Column of var that chooses genes
    #[arg(long, value_name = "NAME")]
    mask_var: Option<String>,
    /// Write the ranked genes to this file too, as CSV: a row for each group and gene
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    #[command(flatten)]
    writing: Writing,
}

impl Arguments {
    /// The groups that are named, one way or the other.
    fn groups(&self) -> Option<Vec<String>> {
        if self.group.is_empty() {
            return self.groups.clone();
        }
        Some(self.groups.iter().flatten().chain(&self.group).cloned().collect())
    }

    fn options(&self) -> MarkerOptions {
        MarkerOptions {
            groupby: self.groupby.clone(),
            groups: self.groups(),
            reference: Some(self.reference.clone()),
            method: self.method,
            tie_correct: self.tie_correct,
            n_genes: self.n_genes,
            rankby_abs: self.rankby_abs,
            pts: self.pts,
            corr_method: self.corr_method,
            layer: self.layer.clone(),
            use_raw: match (self.use_raw, self.no_raw) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            mask_var: self.mask_var.clone(),
        }
        .resolved()
    }
}

/// Ranks.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let Arguments { input: path, output, table: csv, writing, .. } = arguments;
    let printer = writing.common.printer();
    check_output(output, [path.as_path()], writing.force || writing.plan)?;
    if let Some(csv) = csv {
        check_table(csv, path, output, writing.force || writing.plan)?;
    }
    let exec = writing.common.exec(folder_of(output)?)?;
    let input = writing.open(path)?;
    for warning in input.file.warnings() {
        printer.warn(&warning);
    }
    let unchanged = Unchanged::new(path)?;
    let plan = markers::plan(&input, arguments.options())?;
    if writing.plan {
        show_plan(&plan, writing.json, printer);
        return Ok(());
    }
    let ranked = markers::rank(&plan, &input, &exec)?;
    for warning in &ranked.warnings {
        printer.warn(warning);
    }
    let mut additions = Additions::default();
    additions.set_uns([arguments.key_added.as_str()], markers::uns_entry(&plan, &ranked)?);
    let compression = writing.compression.unwrap_or_else(|| usual_compression([&input.file]));
    let [obs, var] = [input.file.n_obs(), input.file.n_vars()].map(Selection::all);
    let spec = EditSpec::new(obs, var, compression);
    let writer = writing.create(output, &exec)?;
    let matrices = write_edited(&input, &spec, additions, writer.as_ref(), &exec)?;
    if let Some(csv) = csv {
        table::write(csv, &plan, &ranked)?;
    }
    writer.commit()?;
    unchanged.check(printer)?;
    detail(&matrices, printer);
    let seconds = started.elapsed().as_secs_f64();
    let size = disk_bytes(output);
    if writing.json {
        let value = serde_json::json!({ "output": output.display().to_string(), "groups": plan.groups(),
            "genes": plan.genes.len(), "bytes": size, "seconds": seconds, "warnings": ranked.warnings });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    printer.note(&format!(
        "{}: {} groups, {} genes, {} in {seconds:.1} s",
        output.display(),
        count(ranked.groups.len() as u64),
        count(plan.genes.len() as u64),
        bytes(size)
    ));
    Ok(())
}

/// Now, and not after all the work.
fn check_table(csv: &Path, input: &Path, output: &Path, may_exist: bool) -> Result<()> {
    check_output(csv, [input], may_exist)?;
    folder_of(csv)?;
    if std::path::absolute(csv).ok() == std::path::absolute(output).ok() {
        return Err(Error::argument("the table and the output are the same file").in_file(csv));
    }
    Ok(())
}

fn show_plan(plan: &MarkerPlan<'_>, json: bool, printer: Printer) {
    let groups = plan.groups();
    if json {
        let value = serde_json::json!({ "groups": groups, "genes": plan.genes.len(), "method": plan.options.method,
            "passes": plan.passes(), "memory_of_sums": plan.bytes() });
        printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
        return;
    }
    let reference = plan.options.reference.as_deref().unwrap_or("the rest");
    printer.out(&format!(
        "{} of {} groups against {reference}, {} genes",
        plan.options.method,
        count(groups.len() as u64),
        count(plan.genes.len() as u64)
    ));
    let memory = bytes(plan.bytes());
    printer.out(&format!("passes over the data: {}; memory of the sums: {memory}", plan.passes()));
}
