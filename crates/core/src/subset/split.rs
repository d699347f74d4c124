//! A split: one file for each value of a column.

use annstream_store::{Compression, StoreWriter};
use serde::Serialize;

use super::execute::{MatrixReport, Target, write};
use super::files::file_names;
use super::groups::groups;
use super::plan::{check_budget, predicted_memory};
use super::selection::Selection;
use crate::anndata::TableName;
use crate::anndata::usual_compression;
use crate::concat::Input;
use crate::query::nearest;
use crate::{Error, Exec, Result};

/// Memory of a file that is being written: chunks that grow, and chunks that wait to be compressed.
const TARGET_BYTES: u64 = 5 << 20;

/// Memory of a file that is complete and waits for the others.
const WAITING_BYTES: u64 = 1 << 20;

/// Most files written at a time.
const MOST_TARGETS: u64 = 128;

/// Most files of a split; each is open until all are complete.
const MOST_GROUPS: usize = 1000;

/// What becomes of rows without a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// They are in no file, as `adata.obs[by] == key` is never true for them.
    #[default]
    Drop,
    /// They are in a file of their own, after all others.
    Keep,
}

/// Options of a split.
#[derive(Clone, Debug)]
pub struct SplitSpec {
    /// Column of `obs`.
    pub by: String,
    /// Names of the files; `{key}` stands for the value.
    pub template: String,
    /// What becomes of cells without a value.
    pub missing: Missing,
    /// Compression of the outputs; what the input uses by default.
    pub compression: Option<Compression>,
}

/// What a split will do.
pub struct SplitPlan {
    selections: Vec<Selection>,
    compression: Compression,
    /// Files written at a time.
    at_a_time: usize,
    /// For people and scripts.
    pub summary: SplitSummary,
}

/// The plan in numbers and words.
#[derive(Clone, Debug, Serialize)]
pub struct SplitSummary {
    /// Rows and columns of the input.
    pub input_shape: [u64; 2],
    /// The column.
    pub by: String,
    /// The files.
    pub groups: Vec<SplitGroup>,
    /// Cells without a value that are in no file.
    pub dropped: u64,
    /// Compression of the outputs.
    pub compression: String,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Times the matrices are read.
    pub passes: u32,
    /// Predicted peak memory in bytes.
    pub memory: u64,
}

/// One file of a split.
#[derive(Clone, Debug, Serialize)]
pub struct SplitGroup {
    /// The value; `None` for cells without one.
    pub key: Option<String>,
    /// Name of the file.
    pub file: String,
    /// Number of cells.
    pub cells: u64,
}

/// Finds out what a split will do. Reads metadata and the column.
///
/// # Errors
/// `Argument` if there is no such column, or it holds real numbers, or it has more values than files can be written.
pub fn plan_split(input: &Input, spec: &SplitSpec, exec: &Exec) -> Result<SplitPlan> {
    check_budget(input, exec)?;
    let header = input.file.obs();
    let place = |error: Error| error.in_file(&input.name).at(format!("obs/{}", spec.by));
    if !header.columns.contains_key(&spec.by) {
        let error = Error::argument(format!("obs has no column '{}'", spec.by)).in_file(&input.name);
        let names = || header.columns.keys().map(String::as_str);
        return Err(match nearest(&spec.by, names()) {
            Some(near) => error.hint(format!("did you mean '{near}'?")),
            None => error.hint(format!("there are: {}", names().take(12).collect::<Vec<_>>().join(", "))),
        });
    }
    let found = groups(&input.file.read_column(TableName::Obs, &spec.by)?).map_err(place)?;
    let mut warnings = input.file.warnings();
    let mut chosen: Vec<(Option<String>, Vec<u32>)> =
        found.named.into_iter().map(|(key, rows)| (Some(key), rows)).collect();
    let mut dropped = 0;
    match spec.missing {
        Missing::Drop if !found.missing.is_empty() => {
            dropped = found.missing.len() as u64;
            warnings
                .push(format!("{dropped} cells have no '{}' and are in no file; --missing keep keeps them", spec.by));
        }
        Missing::Keep if !found.missing.is_empty() => chosen.push((None, found.missing)),
        _ => {}
    }
    if chosen.len() > MOST_GROUPS {
        let message = format!("has {} values, and a split writes at most {MOST_GROUPS} files", chosen.len());
        return Err(place(Error::argument(message)).hint("split by a column with fewer values"));
    }
    let keys: Vec<String> = chosen.iter().map(|(key, _)| key.clone().unwrap_or_else(|| "missing".to_owned())).collect();
    let files = file_names(&spec.template, &keys)?;
    let mut summaries = Vec::with_capacity(chosen.len());
    let mut selections = Vec::with_capacity(chosen.len());
    for ((key, rows), file) in chosen.into_iter().zip(files) {
        summaries.push(SplitGroup { key, file, cells: rows.len() as u64 });
        selections.push(Selection::new(input.file.n_obs(), rows)?);
    }
    let compression = spec.compression.unwrap_or_else(|| usual_compression([&input.file]));
    let waiting = WAITING_BYTES * selections.len() as u64;
    let free = exec.budget().available().saturating_sub(waiting) / 3;
    let at_a_time = usize::try_from((free / TARGET_BYTES).clamp(1, MOST_TARGETS)).unwrap_or(1);
    let open = at_a_time.min(selections.len()) as u64;
    let memory = predicted_memory(input, exec).saturating_add(open * TARGET_BYTES + waiting);
    let summary = SplitSummary {
        input_shape: [input.file.n_obs() as u64, input.file.n_vars() as u64],
        by: spec.by.clone(),
        groups: summaries,
        dropped,
        compression: compression.to_string(),
        warnings,
        passes: u32::try_from(selections.len().div_ceil(at_a_time)).unwrap_or(u32::MAX),
        memory: memory.min(exec.budget().total()),
    };
    Ok(SplitPlan { selections, compression, at_a_time, summary })
}

/// Writes `adata[adata.obs[by] == key].copy()` for each key to a file that `create` starts, and publishes all of them when
/// all are complete.
///
/// Reads every matrix once for as many files as the budget has room for (5 MB each, 128 at most), and again for the next
/// as many. Holds blocks in flight within the budget, one column of `obs`, one element that is not streamed, and `uns`.
///
/// # Errors
/// If the input is damaged, the budget too small, or writing fails: then nothing was published, unless publishing itself
/// failed, which leaves the files before that one.
pub fn split(
    input: &Input,
    plan: &SplitPlan,
    create: &dyn Fn(&str) -> Result<Box<dyn StoreWriter>>,
    exec: &Exec,
) -> Result<Vec<MatrixReport>> {
    let mut complete: Vec<Box<dyn StoreWriter>> = Vec::with_capacity(plan.selections.len());
    let mut report: Vec<MatrixReport> = Vec::new();
    let groups = plan.selections.chunks(plan.at_a_time).zip(plan.summary.groups.chunks(plan.at_a_time));
    let waiting = WAITING_BYTES * plan.selections.len() as u64;
    let _waiting = exec.budget().charge(waiting, "files that wait to be published")?;
    for (selections, groups) in groups {
        let _charge = exec.budget().charge(TARGET_BYTES * selections.len() as u64, "files that are written at once")?;
        let writers = groups.iter().map(|group| create(&group.file)).collect::<Result<Vec<_>>>()?;
        let mut targets: Vec<Target<'_>> = writers
            .iter()
            .zip(selections)
            .map(|(writer, rows)| Target::new(writer.as_ref(), rows.clone(), Selection::all(input.file.n_vars())))
            .collect();
        let written = write(&input.file, &input.name, &mut targets, plan.compression, exec)?;
        drop(targets);
        if report.is_empty() {
            report = written;
        } else {
            for (sum, more) in report.iter_mut().zip(written) {
                sum.values += more.values;
            }
        }
        complete.extend(writers);
    }
    exec.check()?;
    for writer in complete {
        writer.commit()?;
    }
    Ok(report)
}
