//! What a concatenation will do, found out from metadata and indexes before any work.

use annstream_store::Compression;
use serde::Serialize;

use super::align::{Alignment, ColumnMap, Join, align_named};
use super::inputs::{Input, Mapping, View, keys, usual_compression};
use super::matrices::{Arrangement, Container, MatrixPlan, layout, numeric, values};
use super::merge::MergeStrategy;
use super::spec::{Axis, ConcatSpec};
use crate::anndata::{ColumnSchema, MatrixHeader};
use crate::element::SparseLayout;
use crate::matrix::BLOCK_BYTES;
use crate::table::ColumnKind;
use crate::{Error, Exec, Result};

/// What a concatenation will do.
pub struct ConcatPlan {
    pub(crate) spec: ConcatSpec,
    pub(crate) keys: Vec<String>,
    pub(crate) compression: Compression,
    pub(crate) main: ViewPlan,
    pub(crate) raw: Option<ViewPlan>,
    /// For people and scripts.
    pub summary: PlanSummary,
}

/// The plan in numbers and words.
#[derive(Clone, Debug, Serialize)]
pub struct PlanSummary {
    /// Rows and columns of the result.
    pub shape: [u64; 2],
    /// The inputs in order.
    pub inputs: Vec<InputSummary>,
    /// Axis that is appended: `obs` or `var`.
    pub axis: String,
    /// Compression of the output.
    pub compression: String,
    /// What becomes of each element.
    pub elements: Vec<ElementSummary>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Times the matrices are read.
    pub passes: u32,
    /// Predicted peak memory in bytes.
    pub memory: u64,
    /// Predicted scratch space in bytes.
    pub scratch: u64,
    /// Predicted size of the output before compression, in bytes.
    pub output: u64,
}

/// One input of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct InputSummary {
    /// Its key.
    pub key: String,
    /// Its path.
    pub path: String,
    /// Rows and columns.
    pub shape: [u64; 2],
}

/// What becomes of one element.
#[derive(Clone, Debug, Serialize)]
pub struct ElementSummary {
    /// Its path in the result.
    pub path: String,
    /// `keep`, `convert`, `merge` or `drop`.
    pub action: &'static str,
    /// Of what type, and why.
    pub detail: String,
}

/// The plan of the main part of the file, or of `raw`.
pub(crate) struct ViewPlan {
    pub(crate) lengths: Vec<u64>,
    pub(crate) alignment: Alignment,
    pub(crate) x: Option<MatrixPlan>,
    pub(crate) layers: Vec<(String, MatrixPlan)>,
    pub(crate) aligned: Vec<(String, AlignedPlan)>,
    pub(crate) pairwise: Vec<(String, MatrixPlan)>,
    pub(crate) columns: Vec<String>,
}

/// An entry of `obsm` (`varm`) of the appended axis.
pub(crate) enum AlignedPlan {
    /// An array or sparse matrix.
    Matrix(MatrixPlan),
    /// Tables.
    Tables,
    /// Awkward arrays or records, stacked in memory.
    Whole,
}

/// Finds out what a concatenation will do. Reads metadata, the indexes and the categories; no matrix.
///
/// # Errors
/// If the inputs cannot be combined as asked, or one is damaged.
pub fn plan(inputs: &[Input], spec: &ConcatSpec, exec: &Exec) -> Result<ConcatPlan> {
    if inputs.is_empty() {
        return Err(Error::argument("no objects to concatenate"));
    }
    let keys = keys(spec.keys.as_deref(), inputs.len())?;
    let compression = spec.compression.unwrap_or_else(|| usual_compression(inputs));
    let mut notes = Notes::default();
    for input in inputs {
        notes.warnings.extend(input.file.warnings().into_iter().map(|warning| format!("{}: {warning}", input.name)));
    }
    let main = ViewPlan::new(View { inputs, raw: false }, spec, &mut notes)?;
    let with_raw = inputs.iter().filter(|input| input.file.raw().is_some()).count();
    let raw = if with_raw == inputs.len() {
        Some(ViewPlan::new(View { inputs, raw: true }, spec, &mut notes)?)
    } else {
        if with_raw > 0 {
            let message = "only some inputs have raw; raw is not concatenated".to_owned();
            notes.drop("raw", &message);
            notes.warnings.push(message);
        }
        None
    };
    notes.other_axis(View { inputs, raw: false }, spec);
    notes.uns(inputs, spec.uns_merge);

    let matrices: Vec<(&MatrixPlan, &Alignment)> = [Some(&main), raw.as_ref()]
        .into_iter()
        .flatten()
        .flat_map(|view| view.matrices().map(move |matrix| (matrix, &view.alignment)))
        .collect();
    let moved = matrices.iter().map(|(matrix, alignment)| matrix.sorted_values(alignment));
    let moved = moved.fold(0, u64::saturating_add);
    let widest = matrices.iter().map(|(matrix, _)| matrix.dtype.size() as u64).max().unwrap_or(4);
    let output = matrices.iter().map(|(matrix, _)| predicted_bytes(matrix)).fold(0, u64::saturating_add);
    let mut shape = [0, 0];
    shape[spec.axis.position()] = main.lengths.iter().sum();
    shape[spec.axis.other().position()] = main.alignment.index.len() as u64;
    // At least this for the labels of the growing axis; a file that declares more than it can hold is found out here.
    let labels = shape[spec.axis.position()].saturating_mul(8);
    let charge = exec.budget().charge(labels, "holding the labels").map_err(|error| {
        let longest = main.lengths.iter().zip(inputs).max_by_key(|(length, _)| **length);
        let error = error.at(spec.axis.name());
        longest.map_or_else(|| Error::internal("no inputs"), |(_, input)| error.in_file(&input.name))
    });
    drop(charge?);
    let in_flight = (2 * exec.threads() as u64 + 1) * BLOCK_BYTES * 4;
    let labels =
        (main.alignment.index.len() as u64 * 24 * (inputs.len() as u64 + 1)) + shape[spec.axis.position()] * 64;
    let sort = if moved > 0 { exec.budget().total() / 4 } else { 0 };
    let memory = ((60 << 20) + in_flight.max(sort) + labels).min(exec.budget().total());
    let summary = PlanSummary {
        shape,
        inputs: inputs
            .iter()
            .zip(&keys)
            .map(|(input, key)| InputSummary {
                key: key.clone(),
                path: input.name.clone(),
                shape: [input.file.n_obs() as u64, input.file.n_vars() as u64],
            })
            .collect(),
        axis: spec.axis.name().to_owned(),
        compression: compression.to_string(),
        elements: notes.elements,
        warnings: notes.warnings,
        passes: if moved > 0 { 3 } else { 1 },
        memory,
        scratch: moved.saturating_mul(8 + widest),
        output,
    };
    Ok(ConcatPlan { spec: spec.clone(), keys, compression, main, raw, summary })
}

fn predicted_bytes(matrix: &MatrixPlan) -> u64 {
    let size = matrix.dtype.size() as u64;
    match matrix.container {
        Container::Dense(_) => matrix.shape[0].saturating_mul(matrix.shape[1]).saturating_mul(size),
        Container::Sparse(_) => {
            let values = matrix.parts.iter().flatten().map(values).fold(0, u64::saturating_add);
            values.saturating_mul(size + 4)
        }
    }
}

impl ViewPlan {
    fn new(view: View<'_>, spec: &ConcatSpec, notes: &mut Notes) -> Result<Self> {
        let axis = spec.axis;
        let inputs = view.inputs.len();
        let inner = spec.join == Join::Inner;
        let lengths: Vec<u64> = (0..inputs).map(|input| view.len(input, axis)).collect();
        let indexes = (0..inputs).map(|input| view.index(input, axis.other())).collect::<Result<Vec<_>>>()?;
        let names: Vec<&str> = view.inputs.iter().map(|input| input.name.as_str()).collect();
        let alignment =
            align_named(&indexes, &names, spec.join).map_err(|error| error.at(view.path(axis.other().name())))?;
        if inner && alignment.index.is_empty() && indexes.iter().any(|index| !index.is_empty()) {
            notes.warnings.push(format!("no {} name is in all inputs: the result has none", axis.other().name()));
        }
        drop(indexes);
        let mut this = Self {
            lengths,
            alignment,
            x: None,
            layers: Vec::new(),
            aligned: Vec::new(),
            pairwise: Vec::new(),
            columns: view.columns(axis, inner),
        };
        this.matrices_over_both(view, spec, notes)?;
        this.matrices_of_axis(view, spec, notes)?;
        notes.columns(view, axis, &this.columns)?;
        Ok(this)
    }

    /// `X` and the layers.
    fn matrices_over_both(&mut self, view: View<'_>, spec: &ConcatSpec, notes: &mut Notes) -> Result<()> {
        let inputs = view.inputs.len();
        let x: Vec<Option<MatrixHeader>> = (0..inputs).map(|input| view.x(input).cloned()).collect();
        let lacking = x.iter().filter(|header| header.is_none()).count();
        let over_both = |path: String, parts| {
            MatrixPlan::over_both(path, parts, spec.axis, &self.alignment, &self.lengths, spec.fill_value)
        };
        if lacking == 0 || (lacking < inputs && spec.join == Join::Outer) {
            all_numeric(view, &view.path("X"), &x)?;
            let matrix = over_both(view.path("X"), x)?;
            notes.matrix(view, &matrix, &self.alignment);
            self.x = Some(matrix);
        } else if lacking < inputs {
            let message = format!("{lacking} of {inputs} inputs have no X; an inner join drops it");
            notes.drop(&view.path("X"), &message);
            notes.warnings.push(message);
        }
        let inner = spec.join == Join::Inner;
        for name in view.names(Mapping::Layers, inner) {
            let (path, parts) = (view.path(&format!("layers/{name}")), parts(view, Mapping::Layers, &name));
            all_numeric(view, &path, &parts)?;
            let matrix = over_both(path, parts)?;
            notes.matrix(view, &matrix, &self.alignment);
            self.layers.push((name, matrix));
        }
        notes.dropped_names(view, Mapping::Layers, inner);
        Ok(())
    }

    /// What is aligned with the appended axis only.
    fn matrices_of_axis(&mut self, view: View<'_>, spec: &ConcatSpec, notes: &mut Notes) -> Result<()> {
        let inner = spec.join == Join::Inner;
        let aligned = Mapping::Aligned(spec.axis);
        for name in view.names(aligned, inner) {
            let headers = parts(view, aligned, &name);
            let path = view.path(&format!("{}/{name}", aligned.name()));
            let present: Vec<&MatrixHeader> = headers.iter().flatten().collect();
            let tables = present.iter().any(|header| matches!(header, MatrixHeader::Table(_)));
            let whole = present.iter().any(|header| matches!(header, MatrixHeader::Other { .. }));
            let plan = if tables || whole {
                let mixed = present.iter().any(|header| match header {
                    MatrixHeader::Table(_) => !tables,
                    MatrixHeader::Other { .. } => !whole || tables,
                    _ => true,
                });
                if mixed {
                    let what = if tables { "a dataframe" } else { "an awkward or record array" };
                    let message = format!("cannot concatenate {what} with other array types");
                    return Err(Error::incompatible(message).at(path));
                }
                let kind = if tables { "dataframe, column by column" } else { "stacked in memory" };
                notes.element(&path, "keep", kind.to_owned());
                if tables { AlignedPlan::Tables } else { AlignedPlan::Whole }
            } else {
                all_numeric(view, &path, &headers)?;
                let matrix = MatrixPlan::by_position(path, headers, &self.lengths, inner, spec.fill_value)?;
                notes.matrix(view, &matrix, &self.alignment);
                AlignedPlan::Matrix(matrix)
            };
            self.aligned.push((name, plan));
        }
        notes.dropped_names(view, aligned, inner);
        let pairwise = Mapping::Pairwise(spec.axis);
        if spec.pairwise {
            for name in view.names(pairwise, inner) {
                let path = view.path(&format!("{}/{name}", pairwise.name()));
                let parts = parts(view, pairwise, &name);
                all_numeric(view, &path, &parts)?;
                let matrix = MatrixPlan::diagonal(path, parts, &self.lengths)?;
                notes.matrix(view, &matrix, &self.alignment);
                self.pairwise.push((name, matrix));
            }
            notes.dropped_names(view, pairwise, inner);
        } else {
            for name in view.names(pairwise, false) {
                notes.drop(&format!("{}/{name}", pairwise.name()), "pairwise elements are kept with --pairwise only");
            }
        }
        Ok(())
    }

    /// All matrices that are streamed.
    pub(crate) fn matrices(&self) -> impl Iterator<Item = &MatrixPlan> {
        let aligned = self.aligned.iter().filter_map(|(_, plan)| match plan {
            AlignedPlan::Matrix(matrix) => Some(matrix),
            _ => None,
        });
        let layers = self.layers.iter().map(|(_, matrix)| matrix);
        self.x.iter().chain(layers).chain(aligned).chain(self.pairwise.iter().map(|(_, matrix)| matrix))
    }
}

/// Refuses parts that are not matrices of numbers, by the name of their file.
fn all_numeric(view: View<'_>, path: &str, parts: &[Option<MatrixHeader>]) -> Result<()> {
    for (input, header) in view.inputs.iter().zip(parts) {
        if let Some(header) = header {
            numeric(header, path).map_err(|error| error.in_file(&input.name))?;
        }
    }
    Ok(())
}

fn parts(view: View<'_>, mapping: Mapping, name: &str) -> Vec<Option<MatrixHeader>> {
    let inputs = 0..view.inputs.len();
    inputs.map(|input| view.entries(input, mapping).and_then(|entries| entries.get(name)).cloned()).collect()
}

/// What the plan has to say, gathered on the way.
#[derive(Default)]
struct Notes {
    elements: Vec<ElementSummary>,
    warnings: Vec<String>,
}

impl Notes {
    fn element(&mut self, path: &str, action: &'static str, detail: String) {
        self.elements.push(ElementSummary { path: path.to_owned(), action, detail });
    }

    fn drop(&mut self, path: &str, why: &str) {
        self.element(path, "drop", why.to_owned());
    }

    fn matrix(&mut self, view: View<'_>, matrix: &MatrixPlan, alignment: &Alignment) {
        let container = match matrix.container {
            Container::Sparse(SparseLayout::Csr) => "csr",
            Container::Sparse(SparseLayout::Csc) => "csc",
            Container::Dense(_) => "dense",
        };
        let mut detail = format!("{container} {}", matrix.dtype);
        let mut converted = false;
        for (input, part) in matrix.parts.iter().enumerate() {
            let name = &view.inputs[input].name;
            let Some(part) = part else {
                if matrix.lengths[input] > 0 {
                    detail.push_str(&format!("; {name} lacks it: filled with {}", matrix.fill));
                }
                continue;
            };
            let own = super::matrices::dtype(part);
            if own != matrix.dtype {
                detail.push_str(&format!("; {name}: {own} becomes {}", matrix.dtype));
                converted = true;
            }
            let stored = match layout(part) {
                Some(SparseLayout::Csr) => "csr",
                Some(SparseLayout::Csc) => "csc",
                None => "dense",
            };
            if stored != container {
                detail.push_str(&format!("; {name}: {stored} becomes {container}"));
                converted = true;
            }
        }
        let outer = matches!(matrix.arrangement, Arrangement::StackByName | Arrangement::Zip)
            && alignment.maps.iter().any(ColumnMap::has_holes);
        if outer {
            detail.push_str(&format!("; what an input lacks is {}", matrix.fill));
        }
        if matrix.sorted_values(alignment) > 0 {
            detail.push_str("; sorted in scratch space, 2 more passes");
        }
        self.element(&matrix.path, if converted { "convert" } else { "keep" }, detail);
    }

    fn columns(&mut self, view: View<'_>, axis: Axis, columns: &[String]) -> Result<()> {
        for name in columns {
            let headers = (0..view.inputs.len()).map(|input| view.table(input, axis)?.columns.get(name));
            let kinds: Vec<Option<ColumnKind>> =
                headers.map(|header| header.map(|header| kind(&header.schema))).collect();
            let mut distinct: Vec<String> = kinds.iter().flatten().map(ToString::to_string).collect();
            distinct.dedup();
            let mut detail = distinct.join(" + ");
            if kinds.iter().any(Option::is_none) {
                detail.push_str("; missing in some inputs");
            }
            let action = if distinct.len() > 1 { "convert" } else { "keep" };
            self.element(&view.path(&format!("{}/{name}", axis.name())), action, detail);
        }
        for name in view.columns(axis, false) {
            if !columns.contains(&name) {
                self.drop(&view.path(&format!("{}/{name}", axis.name())), "not in all inputs; an inner join drops it");
            }
        }
        Ok(())
    }

    fn dropped_names(&mut self, view: View<'_>, mapping: Mapping, inner: bool) {
        if inner {
            let kept = view.names(mapping, true);
            for name in view.names(mapping, false) {
                if !kept.contains(&name) {
                    let path = view.path(&format!("{}/{name}", mapping.name()));
                    self.drop(&path, "not in all inputs; an inner join drops it");
                }
            }
        }
    }

    /// What is aligned with the other axis: merged by strategy.
    fn other_axis(&mut self, view: View<'_>, spec: &ConcatSpec) {
        let other = spec.axis.other();
        let mut paths: Vec<String> =
            view.columns(other, false).iter().map(|name| format!("{}/{name}", other.name())).collect();
        for mapping in [Mapping::Aligned(other), Mapping::Pairwise(other)] {
            paths.extend(view.names(mapping, false).iter().map(|name| format!("{}/{name}", mapping.name())));
        }
        for path in paths {
            self.merged(&path, spec.merge, "--merge");
        }
    }

    fn uns(&mut self, inputs: &[Input], strategy: MergeStrategy) {
        let mut names: Vec<&String> = inputs.iter().flat_map(|input| input.file.uns_names()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.merged(&format!("uns/{name}"), strategy, "--uns-merge");
        }
    }

    fn merged(&mut self, path: &str, strategy: MergeStrategy, option: &str) {
        let when = match strategy {
            MergeStrategy::None => return self.drop(path, &format!("{option} is none")),
            MergeStrategy::Same => "kept if all inputs have it, with equal values",
            MergeStrategy::Unique => "kept if equal wherever it is present",
            MergeStrategy::First => "taken from the first input that has it",
            MergeStrategy::Only => "kept if only one input has it",
        };
        self.element(path, "merge", when.to_owned());
    }
}

fn kind(schema: &ColumnSchema) -> ColumnKind {
    match *schema {
        ColumnSchema::Plain(dtype) => ColumnKind::Plain(dtype),
        ColumnSchema::Nullable(dtype) => ColumnKind::Nullable(dtype),
        ColumnSchema::Categorical { categories, ordered, .. } => ColumnKind::Categorical { categories, ordered },
    }
}
