//! Writing targets: everything of a file, in parts.

use annstream_store::{Compression, StoreWriter};
use indexmap::IndexMap;
use serde::Serialize;

use super::colors::{KeptCategories, write_uns};
use super::selection::Selection;
use super::whole::select;
use super::{matrices, tables};
use crate::anndata::encoding::tag;
use crate::anndata::{AnnDataFile, MatrixHeader, Slot, TableName, WriteOptions, write_element, write_root};
use crate::concat::Axis;
use crate::edit::Edits;
use crate::element::Element;
use crate::{Exec, Result};

/// A matrix that was written, summed over the targets.
#[derive(Clone, Debug, Serialize)]
pub struct MatrixReport {
    /// Where it stands.
    pub path: String,
    /// Values stored.
    pub values: u64,
}

/// A file being written, and what of the input it gets.
pub(crate) struct Target<'a> {
    pub(super) writer: &'a dyn StoreWriter,
    pub(super) obs: Selection,
    pub(super) var: Selection,
    pub(super) edits: Edits<'a>,
    pub(super) kept: KeptCategories,
}

impl<'a> Target<'a> {
    pub(super) fn new(writer: &'a dyn StoreWriter, obs: Selection, var: Selection) -> Self {
        Self::edited(writer, obs, var, Edits::default())
    }

    /// A target that has something from elsewhere.
    pub(crate) fn edited(writer: &'a dyn StoreWriter, obs: Selection, var: Selection, edits: Edits<'a>) -> Self {
        Self { writer, obs, var, edits, kept: KeptCategories::new() }
    }

    /// What is chosen of the rows of a table; `None` for everything: `raw` keeps its variables.
    pub(super) fn selection(&self, table: TableName) -> Option<&Selection> {
        match table {
            TableName::Obs => Some(&self.obs),
            TableName::Var => Some(&self.var),
            TableName::RawVar => None,
        }
    }
}

/// The axes that a slot is aligned with: of its rows, and of its columns if they are.
pub(super) fn axes(slot: Slot<'_>) -> (Option<Axis>, Option<Axis>) {
    match slot {
        Slot::X | Slot::Layer(_) => (Some(Axis::Obs), Some(Axis::Var)),
        Slot::Obsm(_) | Slot::RawX => (Some(Axis::Obs), None),
        Slot::Varm(_) => (Some(Axis::Var), None),
        Slot::Obsp(_) => (Some(Axis::Obs), Some(Axis::Obs)),
        Slot::Varp(_) => (Some(Axis::Var), Some(Axis::Var)),
        Slot::RawVarm(_) | Slot::Uns(_) => (None, None),
    }
}

/// Writes everything of a file, with the edits of each target, to all targets; does not commit.
///
/// Reads every matrix that a target copies once (rows in an order other than stored a second time, from scratch space), every column of a
/// table once. Holds blocks within the budget, one column, one element that is not streamed, and `uns`.
pub(crate) fn write(
    file: &AnnDataFile,
    name: &str,
    targets: &mut [Target<'_>],
    compression: Compression,
    exec: &Exec,
) -> Result<Vec<MatrixReport>> {
    let options = WriteOptions { compression };
    let mut report = Vec::new();
    for target in &*targets {
        write_root(target.writer)?;
    }
    let context = Context { file, name, options: &options, exec };
    if let Some(header) = file.x() {
        context.matrix(Slot::X, header, targets, &mut report)?;
    }
    context.mapping("layers", file.layers(), Slot::Layer, targets, &mut report)?;
    exec.check()?;
    tables::write(file, TableName::Obs, targets, &options)?;
    tables::write(file, TableName::Var, targets, &options)?;
    context.mapping("obsm", file.obsm(), Slot::Obsm, targets, &mut report)?;
    context.mapping("obsp", file.obsp(), Slot::Obsp, targets, &mut report)?;
    context.mapping("varm", file.varm(), Slot::Varm, targets, &mut report)?;
    context.mapping("varp", file.varp(), Slot::Varp, targets, &mut report)?;
    exec.check()?;
    let uns = file.read_uns()?;
    for target in &*targets {
        write_uns(file, &uns, target, &options)?;
    }
    drop(uns);
    if let Some(raw) = file.raw() {
        for target in &*targets {
            target.writer.group("raw")?;
        }
        if let Some(header) = &raw.x {
            context.matrix(Slot::RawX, header, targets, &mut report)?;
        }
        tables::write(file, TableName::RawVar, targets, &options)?;
        context.mapping("raw/varm", &raw.varm, Slot::RawVarm, targets, &mut report)?;
        for target in &*targets {
            tag(target.writer, "raw", "raw", "0.1.0")?;
        }
    }
    exec.check()?;
    Ok(report)
}

struct Context<'a> {
    file: &'a AnnDataFile,
    name: &'a str,
    options: &'a WriteOptions,
    exec: &'a Exec,
}

impl Context<'_> {
    fn mapping<'s>(
        &self,
        path: &str,
        entries: &'s IndexMap<String, MatrixHeader>,
        slot: fn(&'s str) -> Slot<'s>,
        targets: &[Target<'_>],
        report: &mut Vec<MatrixReport>,
    ) -> Result<()> {
        for target in targets {
            target.writer.group(path)?;
            tag(target.writer, path, "dict", "0.1.0")?;
        }
        for (name, header) in entries {
            self.exec.check()?;
            self.matrix(slot(name), header, targets, report)?;
        }
        let stores = [self.file.store().as_ref()];
        for target in targets {
            for (name, element) in target.edits.entries(path).into_iter().flatten() {
                write_element(target.writer, &format!("{path}/{name}"), element, self.options, &stores)?;
            }
        }
        Ok(())
    }

    /// Copies a matrix to the targets that do not have it from elsewhere.
    fn matrix(
        &self,
        slot: Slot<'_>,
        header: &MatrixHeader,
        targets: &[Target<'_>],
        report: &mut Vec<MatrixReport>,
    ) -> Result<()> {
        let targets: Vec<&Target<'_>> = targets.iter().filter(|target| target.edits.copies(slot)).collect();
        if targets.is_empty() {
            return Ok(());
        }
        if matrices::streams(header) {
            let values = matrices::write(self.file, self.name, slot, header, &targets, self.options, self.exec)?;
            report.push(MatrixReport { path: slot.to_string(), values });
            return Ok(());
        }
        let path = slot.to_string();
        let element = self.file.read(slot)?;
        let stores = [self.file.store().as_ref()];
        let (rows, columns) = axes(slot);
        for target in targets {
            let mut own = element.clone();
            for (axis, aligned) in [rows, columns].into_iter().enumerate() {
                let selection = match aligned {
                    Some(Axis::Obs) => &target.obs,
                    Some(Axis::Var) => &target.var,
                    None => continue,
                };
                own = select(own, axis, selection)
                    .map_err(|error| error.in_file(self.file.store().location()).at(&path))?;
            }
            if let Element::Table(table) = &mut own {
                for column in table.columns.values_mut() {
                    tables::drop_unused(column)?;
                }
            }
            write_element(target.writer, &path, &own, self.options, &stores)?;
        }
        Ok(())
    }
}
