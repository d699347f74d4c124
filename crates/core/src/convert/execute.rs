//! Doing what the plan says.

use std::cell::RefCell;

use annstream_store::StoreWriter;
use indexmap::IndexMap;
use serde::Serialize;

use super::copy::Copier;
use super::matrix::restructure;
use super::plan::{ConvertPlan, target};
use crate::anndata::encoding::tag;
use crate::anndata::{AnnDataFile, MatrixHeader, Slot, TableName, write_root};
use crate::{Exec, Result};

/// What a conversion did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConvertReport {
    /// `X`, the layers and the other matrices of numbers; every one has passed the self-check, or was copied as it is stored.
    pub matrices: Vec<MatrixReport>,
    /// What came up meanwhile.
    pub warnings: Vec<String>,
}

/// One matrix of the result.
#[derive(Clone, Debug, Serialize)]
pub struct MatrixReport {
    /// Where it stands.
    pub path: String,
    /// Values stored.
    pub values: u64,
    /// Their sum; none where they were copied as they are stored.
    pub sum: Option<f64>,
}

/// Writes the converted file and publishes it. Reads every array once; matrices whose other axis gets compressed, once
/// more in part, and once from scratch space. Holds blocks within the budget, one column of a table, the pointers of one
/// sparse matrix, and one array of records.
///
/// # Errors
/// If the input is damaged, a value does not fit, the budget is too small, or writing fails; the target is then
/// untouched.
pub fn execute(
    file: &AnnDataFile,
    plan: &ConvertPlan,
    writer: Box<dyn StoreWriter>,
    exec: &Exec,
) -> Result<ConvertReport> {
    let copier = Copier {
        file,
        context: file.context(),
        writer: writer.as_ref(),
        exec,
        compression: plan.compression,
        chunk: plan.spec.chunk,
        compat: plan.spec.compat,
        changes: RefCell::default(),
    };
    let mut job = Job { plan, copier, report: ConvertReport::default() };
    job.run().map_err(|error| error.in_file(file.store().location()))?;
    let Job { copier, mut report, .. } = job;
    report.warnings = copier.changes.take();
    report.warnings.extend(file.warnings().into_iter().filter(|warning| !plan.summary.warnings.contains(warning)));
    exec.check()?;
    writer.commit()?;
    Ok(report)
}

struct Job<'a> {
    plan: &'a ConvertPlan,
    copier: Copier<'a>,
    report: ConvertReport,
}

impl<'a> Job<'a> {
    fn run(&mut self) -> Result<()> {
        let file = self.copier.file;
        write_root(self.copier.writer)?;
        if let Some(x) = file.x() {
            self.matrix(Slot::X, x)?;
        }
        self.mapping("layers", file.layers(), Slot::Layer)?;
        self.table(TableName::Obs)?;
        self.table(TableName::Var)?;
        self.mapping("obsm", file.obsm(), Slot::Obsm)?;
        self.mapping("varm", file.varm(), Slot::Varm)?;
        self.mapping("obsp", file.obsp(), Slot::Obsp)?;
        self.mapping("varp", file.varp(), Slot::Varp)?;
        self.group("uns")?;
        for name in file.uns_names() {
            let path = format!("uns/{name}");
            self.copier.element(&path, &path)?;
        }
        let Some(raw) = file.raw() else { return Ok(()) };
        self.copier.writer.group("raw")?;
        if let Some(x) = &raw.x {
            self.matrix(Slot::RawX, x)?;
        }
        self.table(TableName::RawVar)?;
        self.mapping("raw/varm", &raw.varm, Slot::RawVarm)?;
        tag(self.copier.writer, "raw", "raw", "0.1.0")
    }

    fn group(&self, path: &str) -> Result<()> {
        self.copier.writer.group(path)?;
        tag(self.copier.writer, path, "dict", "0.1.0")
    }

    fn table(&self, name: TableName) -> Result<()> {
        let file = self.copier.file;
        let Some(header) = file.table(name) else { return Ok(()) };
        self.copier.columns(header, file.read_index(name)?, &name.to_string())
    }

    fn mapping(
        &mut self,
        path: &str,
        entries: &'a IndexMap<String, MatrixHeader>,
        slot: fn(&'a str) -> Slot<'a>,
    ) -> Result<()> {
        self.group(path)?;
        for (name, header) in entries {
            self.matrix(slot(name), header)?;
        }
        Ok(())
    }

    fn matrix(&mut self, slot: Slot<'_>, header: &MatrixHeader) -> Result<()> {
        let (plan, copier) = (self.plan, &self.copier);
        copier.exec.check()?;
        let Some(target) = target(slot, header, &plan.spec, plan.compression)? else {
            return copier.matrix(header, &slot.to_string());
        };
        let written = restructure(copier.file, header, &target, copier.writer, copier.exec)?;
        copier.exec.release();
        self.report.matrices.push(MatrixReport { path: target.path, values: written.values, sum: written.sum });
        Ok(())
    }
}
