//! What a concatenation will do, found out from metadata and indexes before any work.

use annstream_store::{Compression, DType};
use serde::Serialize;

use super::align::{Alignment, Join, align};
use super::clashes::duplicate_labels;
use super::inputs::{Input, Mapping, View, keys};
use super::matrices::{Container, MatrixPlan, numeric, values};
use super::notes::Notes;
use super::shown;
use super::spec::{Axis, ConcatSpec};
use crate::anndata::{MatrixHeader, usual_compression};
use crate::matrix::BLOCK_BYTES;
use crate::{Budget, Error, Exec, Result};

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
    /// `keep`, `convert`, `show` (not copied), `merge` or `drop`.
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

impl ConcatPlan {
    /// Columns of the table of the appended axis in the result.
    pub fn columns(&self) -> Vec<String> {
        self.main.columns.iter().chain(&self.spec.label).cloned().collect()
    }

    /// Entries of `obsm`, or `varm`, of the appended axis in the result.
    pub fn aligned(&self) -> Vec<String> {
        self.main.aligned.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Layers of the result.
    pub fn layers(&self) -> Vec<String> {
        self.main.layers.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Whether the result has a `raw`.
    pub fn has_raw(&self) -> bool {
        self.raw.is_some()
    }
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
    check_budget(inputs, spec, exec)?;
    let compression = spec.compression.unwrap_or_else(|| usual_compression(inputs.iter().map(|input| &input.file)));
    let mut notes = Notes::default();
    for input in inputs {
        notes.warnings.extend(input.file.warnings().into_iter().map(|warning| format!("{}: {warning}", input.name)));
    }
    let main = ViewPlan::new(View { inputs, raw: false }, spec, exec.budget(), &mut notes)?;
    notes.warnings.extend(duplicate_labels(View { inputs, raw: false }, spec, exec.budget())?);
    if let Some(label) = spec.label.as_ref().filter(|label| main.columns.contains(label)) {
        notes.warnings.push(format!("the column '{label}' of the inputs is replaced by the label"));
    }
    let with_raw = inputs.iter().filter(|input| input.file.raw().is_some()).count();
    let has_rows = match spec.axis {
        Axis::Obs => main.lengths.iter().any(|&length| length > 0),
        Axis::Var => !main.alignment.index.is_empty(),
    };
    let raw = if with_raw == inputs.len() && has_rows {
        Some(ViewPlan::new(View { inputs, raw: true }, spec, exec.budget(), &mut notes)?)
    } else {
        if with_raw == inputs.len() {
            // What cannot be joined is refused, as anndata does before it drops the result.
            ViewPlan::new(View { inputs, raw: true }, spec, exec.budget(), &mut Notes::default())?;
            notes.drop("raw", "the result has no observations");
        } else if with_raw > 0 {
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
    if let Some(format) = spec.virtual_from {
        shown::check(View { inputs, raw: false }, spec.axis, &main, format, &mut notes)?;
        if let Some(raw) = &raw {
            shown::check(View { inputs, raw: true }, spec.axis, raw, format, &mut notes)?;
        }
    }
    let moved = matrices.iter().map(|(matrix, alignment)| matrix.sorted_values(alignment));
    let moved = moved.fold(0, u64::saturating_add);
    let widest = matrices.iter().map(|(matrix, _)| matrix.dtype.size() as u64).max().unwrap_or(4);
    let copied = if spec.virtual_from.is_some() { &[] } else { &matrices[..] };
    let output = copied.iter().map(|(matrix, _)| predicted_bytes(matrix)).fold(0, u64::saturating_add);
    let mut shape = [0, 0];
    shape[spec.axis.position()] = main.lengths.iter().sum();
    shape[spec.axis.other().position()] = main.alignment.index.len() as u64;
    let in_flight = (2 * exec.threads() as u64 + 1) * BLOCK_BYTES * 4;
    let aligned = main.alignment.index.len() as u64 * 24 * (inputs.len() as u64 + 1);
    let labels = shape[spec.axis.position()].saturating_mul(64).saturating_add(aligned);
    let in_flight = in_flight.min(output.saturating_mul(4));
    let sort = moved.saturating_mul((8 + widest) * 2).min(exec.budget().total() / 4);
    let memory = labels.saturating_add((60 << 20) + in_flight.max(sort)).min(exec.budget().total());
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
        passes: match spec.virtual_from {
            Some(_) => 0,
            None if moved > 0 => 3,
            None => 1,
        },
        memory,
        scratch: moved.saturating_mul(8 + widest),
        output,
    };
    Ok(ConcatPlan { spec: spec.clone(), keys, compression, main, raw, summary })
}

/// Memory for one column of the appended axis: the labels of all inputs, and the same stacked.
fn column_bytes(inputs: &[Input], spec: &ConcatSpec) -> u64 {
    let view = View { inputs, raw: false };
    let labels = (0..inputs.len()).map(|input| view.len(input, spec.axis));
    labels.fold(0, u64::saturating_add).saturating_mul(64)
}

/// Fails before any work if the budget holds neither a column nor a few blocks.
fn check_budget(inputs: &[Input], spec: &ConcatSpec, exec: &Exec) -> Result<()> {
    let (columns, blocks) = (column_bytes(inputs, spec), BLOCK_BYTES * 3);
    if columns <= blocks {
        return exec.budget().charge(blocks, "the work").map(drop);
    }
    let view = View { inputs, raw: false };
    // The longest input is where to look if that is absurd.
    let longest = (0..inputs.len()).max_by_key(|&input| view.len(input, spec.axis));
    exec.budget().charge(columns, "a column of the result").map(drop).map_err(|error| match longest {
        Some(input) => error.in_file(&inputs[input].name).at(spec.axis.name()),
        None => error,
    })
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
    fn new(view: View<'_>, spec: &ConcatSpec, budget: &Budget, notes: &mut Notes) -> Result<Self> {
        let axis = spec.axis;
        let inputs = view.inputs.len();
        let inner = spec.join == Join::Inner;
        let lengths: Vec<u64> = (0..inputs).map(|input| view.len(input, axis)).collect();
        let indexes = (0..inputs).map(|input| view.index(input, axis.other())).collect::<Result<Vec<_>>>()?;
        let name = |input: usize| view.inputs[input].name.clone();
        let alignment =
            align(&indexes, spec.join, budget, name).map_err(|error| error.at(view.path(axis.other().name())))?;
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
        notes.columns(view, axis, &this.columns);
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
            let text = present.iter().all(|header| matches!(header, MatrixHeader::Dense(d) if d.dtype == DType::Str));
            let whole = text || present.iter().any(|header| matches!(header, MatrixHeader::Other { .. }));
            let plan = if tables || whole {
                let mixed = present.iter().any(|header| match header {
                    MatrixHeader::Table(_) => !tables,
                    MatrixHeader::Other { .. } => tables,
                    _ => !text,
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
