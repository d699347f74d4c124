//! Doing what the plan says.

use std::collections::BTreeMap;

use annstream_store::{Store, StoreWriter};
use serde::Serialize;

use super::inputs::{Input, Mapping, View};
use super::matrices::{Arrangement, Container, MatrixPlan};
use super::merge::{MergeStrategy, merge_dicts};
use super::names::common_name;
use super::plan::{AlignedPlan, ConcatPlan, ViewPlan};
use super::reindex::{reindex_rows, reindex_square};
use super::shown::{self, ShownMatrix};
use super::stream::{Tally, stack, zip};
use super::{stack_whole, tables};
use crate::anndata::encoding::tag;
use crate::anndata::{Slot, WriteOptions, write_element, write_root};
use crate::element::{Dict, Element, SparseLayout};
use crate::sink::{DenseSink, Sink, SparseSink};
use crate::{Error, Exec, Result};

/// What a concatenation did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConcatReport {
    /// The matrices written, with what each input contributed; every one has passed the self-check.
    pub matrices: Vec<MatrixReport>,
    /// The matrices that show those of the inputs; their values were not read, so not checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<ShownMatrix>,
}

/// One matrix of the result.
#[derive(Clone, Debug, Serialize)]
pub struct MatrixReport {
    /// Where it stands.
    pub path: String,
    /// Values stored.
    pub values: u64,
    /// Their sum.
    pub sum: f64,
    /// Per input, the rows and values read.
    pub inputs: Vec<InputReport>,
}

/// What one input contributed to one matrix.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct InputReport {
    /// Rows read.
    pub rows: u64,
    /// Values read.
    pub values: u64,
    /// Sum of the values read.
    pub sum: f64,
}

struct Job<'a> {
    inputs: &'a [Input],
    plan: &'a ConcatPlan,
    writer: &'a dyn StoreWriter,
    exec: &'a Exec,
    options: WriteOptions,
    report: ConcatReport,
    elsewhere: Elsewhere<'a>,
}

/// What somebody else writes.
#[derive(Debug, Default)]
pub(super) struct Elsewhere<'a> {
    /// All of `X`.
    pub(super) x: bool,
    /// Values of matrices, by their path; with how many each row has.
    pub(super) values: BTreeMap<&'a str, &'a [u64]>,
}

/// Writes the concatenation and publishes it. Reads every matrix once, in stored order (those that must be transposed
/// or permuted twice more, from scratch space once); holds blocks in flight within the budget, one column of a table, one
/// merged element, and the pointers of one sparse matrix. Matrices that are shown and not copied are not read, but for
/// the pointers of sparse ones.
///
/// # Errors
/// If an input is damaged, the budget too small, or writing fails; the target is then untouched.
pub fn execute(inputs: &[Input], plan: &ConcatPlan, writer: Box<dyn StoreWriter>, exec: &Exec) -> Result<ConcatReport> {
    write(inputs, plan, writer, exec, Elsewhere::default())
}

/// The same without `X`.
pub(crate) fn execute_without_x(
    inputs: &[Input],
    plan: &ConcatPlan,
    writer: Box<dyn StoreWriter>,
    exec: &Exec,
) -> Result<ConcatReport> {
    write(inputs, plan, writer, exec, Elsewhere { x: true, ..Elsewhere::default() })
}

pub(super) fn write(
    inputs: &[Input],
    plan: &ConcatPlan,
    writer: Box<dyn StoreWriter>,
    exec: &Exec,
    elsewhere: Elsewhere<'_>,
) -> Result<ConcatReport> {
    let options = WriteOptions { compression: plan.compression };
    let report = ConcatReport::default();
    let mut job = Job { inputs, plan, writer: writer.as_ref(), exec, options, report, elsewhere };
    job.run()?;
    let report = job.report;
    exec.check()?;
    writer.commit()?;
    Ok(report)
}

impl Job<'_> {
    fn run(&mut self) -> Result<()> {
        write_root(self.writer)?;
        let view = View { inputs: self.inputs, raw: false };
        let axis = self.plan.spec.axis;
        self.matrices_over_both(view, &self.plan.main)?;
        self.exec.check()?;
        tables::write_stacked(view, self.plan, &self.plan.main, self.writer)?;
        tables::write_merged(view, self.plan, &self.plan.main, self.writer)?;
        self.aligned(view, &self.plan.main)?;
        self.pairwise(view, &self.plan.main)?;
        for mapping in [Mapping::Aligned(axis.other()), Mapping::Pairwise(axis.other())] {
            self.merged(view, &self.plan.main, mapping)?;
        }
        self.uns()?;
        if let Some(raw) = &self.plan.raw {
            self.raw(raw)?;
        }
        if self.plan.spec.virtual_from.is_some() {
            shown::record(self.inputs, self.writer)?;
        }
        Ok(())
    }

    fn raw(&mut self, raw: &ViewPlan) -> Result<()> {
        let view = View { inputs: self.inputs, raw: true };
        self.writer.group("raw")?;
        if let Some(matrix) = &raw.x {
            self.matrix(view, matrix, Slot::RawX, raw)?;
        }
        if self.plan.spec.axis == super::Axis::Var {
            tables::write_stacked(view, self.plan, raw, self.writer)?;
            self.aligned(view, raw)?;
        } else {
            tables::write_merged(view, self.plan, raw, self.writer)?;
            self.group("raw/varm")?;
        }
        tag(self.writer, "raw", "raw", "0.1.0")
    }

    fn group(&self, path: &str) -> Result<()> {
        self.writer.group(path)?;
        tag(self.writer, path, "dict", "0.1.0")
    }

    fn matrices_over_both(&mut self, view: View<'_>, part: &ViewPlan) -> Result<()> {
        if let Some(matrix) = part.x.as_ref().filter(|_| !self.elsewhere.x) {
            self.matrix(view, matrix, Slot::X, part)?;
        }
        self.group("layers")?;
        for (name, matrix) in &part.layers {
            self.matrix(view, matrix, Slot::Layer(name), part)?;
        }
        Ok(())
    }

    fn aligned(&mut self, view: View<'_>, part: &ViewPlan) -> Result<()> {
        let mapping = Mapping::Aligned(self.plan.spec.axis);
        self.group(&view.path(mapping.name()))?;
        for (name, aligned) in &part.aligned {
            self.exec.check()?;
            match aligned {
                AlignedPlan::Matrix(matrix) => self.matrix(view, matrix, view.slot(mapping, name), part)?,
                AlignedPlan::Tables => tables::write_aligned(view, self.plan, part, name, self.writer)?,
                AlignedPlan::Whole => {
                    let path = view.path(&format!("{}/{name}", mapping.name()));
                    let stacked = stack_whole::stack(view, mapping, name, &part.lengths, self.plan.spec.join)
                        .map_err(|error| error.at(&path))?;
                    write_element(self.writer, &path, &stacked, &self.options, &[])?;
                }
            }
        }
        Ok(())
    }

    fn pairwise(&mut self, view: View<'_>, part: &ViewPlan) -> Result<()> {
        let mapping = Mapping::Pairwise(self.plan.spec.axis);
        self.group(mapping.name())?;
        for (name, matrix) in &part.pairwise {
            self.matrix(view, matrix, view.slot(mapping, name), part)?;
        }
        Ok(())
    }

    /// Streams one matrix.
    fn matrix(&mut self, view: View<'_>, matrix: &MatrixPlan, slot: Slot<'_>, part: &ViewPlan) -> Result<()> {
        let exec = self.exec;
        if self.plan.spec.virtual_from.is_some() {
            self.report.shown.push(shown::write(view, self.plan, matrix, self.writer, exec)?);
            return Ok(());
        }
        if let Some(lengths) = self.elsewhere.values.get(matrix.path.as_str()) {
            let (layout, shape, dtype) = (SparseLayout::Csr, matrix.shape, matrix.dtype);
            let mut sink = SparseSink::new(self.writer, &matrix.path, layout, shape, dtype, self.plan.compression)?;
            sink.skip_rows(lengths)?;
            return sink.finish().map(drop);
        }
        let sorting = matrix.sorted_values(&part.alignment);
        if sorting > 0 {
            exec.progress().begin(&format!("{} (sorting)", matrix.path), sorting, "values");
        }
        let mut parts = matrix.open(view, slot, &part.alignment, exec)?;
        for part in &mut parts {
            part.source.read_once();
        }
        if sorting > 0 {
            exec.progress().end();
        }
        let mut sink = match &matrix.container {
            Container::Dense(_) => Sink::Dense(DenseSink::new(
                self.writer,
                &matrix.path,
                &matrix.full_shape(),
                matrix.dtype,
                self.plan.compression,
            )?),
            Container::Sparse(layout) => Sink::Sparse(SparseSink::new(
                self.writer,
                &matrix.path,
                *layout,
                matrix.shape,
                matrix.dtype,
                self.plan.compression,
            )?),
        };
        let mut tallies = vec![Tally::default(); self.inputs.len()];
        let zipped = matrix.arrangement == Arrangement::Zip;
        let total = if zipped { matrix.shape[0] } else { matrix.lengths.iter().sum() };
        exec.progress().begin(&matrix.path, total, if zipped { "rows" } else { view_unit(self.plan) });
        let place = |error: Error| error.at(&matrix.path);
        if zipped {
            zip(&parts, matrix.shape[0], &mut sink, &mut tallies, exec).map_err(place)?;
        } else {
            stack(&parts, &mut sink, &mut tallies, exec).map_err(place)?;
        }
        let written = sink.finish()?;
        drop(parts);
        exec.release();
        exec.progress().end();
        for (tally, input) in tallies.iter().zip(self.inputs) {
            tally.verify(&matrix.path, &input.name)?;
        }
        self.report.matrices.push(MatrixReport {
            path: matrix.path.clone(),
            values: written.count,
            sum: written.sum,
            inputs: tallies
                .iter()
                .map(|tally| InputReport { rows: tally.rows, values: tally.read.count, sum: tally.read.sum })
                .collect(),
        });
        Ok(())
    }

    /// What is aligned with the other axis, one entry at a time.
    fn merged(&mut self, view: View<'_>, part: &ViewPlan, mapping: Mapping) -> Result<()> {
        self.group(mapping.name())?;
        let strategy = self.plan.spec.merge;
        if strategy == MergeStrategy::None {
            return Ok(());
        }
        let axis = self.plan.spec.axis.other();
        let names: Vec<Option<&str>> = (0..self.inputs.len()).map(|input| view.index_name(input, axis)).collect();
        let index_name = common_name(&names);
        for name in view.names(mapping, strategy == MergeStrategy::Same) {
            self.exec.check()?;
            let mut dicts = Vec::with_capacity(self.inputs.len());
            for (input, file) in self.inputs.iter().enumerate() {
                let mut dict = Dict::new();
                if view.entries(input, mapping).is_some_and(|entries| entries.contains_key(&name)) {
                    let mut element = file.file.read(view.slot(mapping, &name))?;
                    set_origin(&mut element, input);
                    let map = &part.alignment.maps[input];
                    let aligned = match mapping {
                        Mapping::Pairwise(_) => reindex_square(&element, map),
                        _ => reindex_rows(&element, &part.alignment.index, index_name, map),
                    };
                    let place = format!("{}/{name}", mapping.name());
                    dict.insert(name.clone(), aligned.map_err(|error| error.in_file(&file.name).at(place))?);
                }
                dicts.push(dict);
            }
            for (name, element) in merge_dicts(&dicts.iter().collect::<Vec<_>>(), strategy) {
                self.element(&format!("{}/{name}", mapping.name()), &element)?;
            }
        }
        Ok(())
    }

    fn uns(&mut self) -> Result<()> {
        self.group("uns")?;
        let strategy = self.plan.spec.uns_merge;
        if strategy == MergeStrategy::None {
            return Ok(());
        }
        let mut dicts = Vec::with_capacity(self.inputs.len());
        for (input, file) in self.inputs.iter().enumerate() {
            let mut dict = file.file.read_uns()?;
            dict.values_mut().for_each(|element| set_origin(element, input));
            dicts.push(dict);
        }
        for (name, element) in merge_dicts(&dicts.iter().collect::<Vec<_>>(), strategy) {
            self.element(&format!("uns/{name}"), &element)?;
        }
        Ok(())
    }

    fn element(&self, path: &str, element: &Element) -> Result<()> {
        let stores: Vec<&dyn Store> = self.inputs.iter().map(|input| input.file.store().as_ref()).collect();
        write_element(self.writer, path, element, &self.options, &stores)
    }
}

fn view_unit(plan: &ConcatPlan) -> &'static str {
    match plan.spec.axis {
        super::Axis::Obs => "cells",
        super::Axis::Var => "genes",
    }
}

/// Remembers which input an element that is only copied came from.
fn set_origin(element: &mut Element, input: usize) {
    match element {
        Element::Opaque(opaque) => opaque.origin = input,
        Element::Dict(dict) => dict.values_mut().for_each(|element| set_origin(element, input)),
        _ => {}
    }
}
