//! The corrected embedding of the cells of a file, as scanpy stores it.

use annstream_core::Exec;
use annstream_core::anndata::Slot;
use annstream_core::edit::Additions;
use annstream_core::element::{DenseArray, Element};
use annstream_core::table::Factor;
use annstream_store::{Buffer, DType};
use serde::{Deserialize, Serialize};

use super::options::one_or_several;
use super::{Harmony, HarmonyOptions, harmony};
use crate::inputs::{Cells, no_embedding};
use crate::{Error, ErrorKind, Result};

/// Which embedding is corrected for which columns of `obs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HarmonyStep {
    /// Columns of `obs` that tell batches: one, or several, each of which has an effect of its own.
    #[serde(deserialize_with = "one_or_several")]
    pub key: Vec<String>,
    /// The embedding in `obsm`.
    pub basis: String,
    /// Where in `obsm` the corrected one goes.
    pub adjusted_basis: String,
    /// How it is corrected.
    #[serde(flatten)]
    pub options: HarmonyOptions,
    /// Entry of `uns` with what clusters begin with, instead of `options.centres`.
    #[serde(skip)]
    pub centres: Option<String>,
}

impl Default for HarmonyStep {
    fn default() -> Self {
        Self {
            key: Vec::new(),
            basis: "X_pca".to_owned(),
            adjusted_basis: "X_pca_harmony".to_owned(),
            options: HarmonyOptions::default(),
            centres: None,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Annotated {
    /// How the turns went; the values are those of `additions`.
    pub harmony: Harmony,
    /// Number of cells and dimensions.
    pub shape: [usize; 2],
    /// `obsm[adjusted_basis]`, cells x dimensions in double precision, as `scanpy.pp.harmony_integrate` stores it; nothing
    /// in `uns`.
    pub additions: Additions,
}

impl HarmonyStep {
    /// Refuses options that make no sense, before any data are read.
    ///
    /// # Errors
    /// `Argument` for a number out of range, or if there is no key.
    pub fn check(&self) -> Result<()> {
        if self.key.is_empty() {
            return Err(Error::argument("no key: a column of obs that tells the batches"));
        }
        self.options.check(self.key.len())
    }
}

/// Corrects an embedding of a file or a pipeline for batches: `scanpy.external.pp.harmony_integrate`. Memory: 12 bytes for
/// each value of the embedding beside what [`harmony`] takes.
///
/// # Errors
/// `NotFound` if there is no such embedding; `Argument` if there is no such column; `Invalid` for a cell without a batch or
/// with values that are not finite, naming the row; those of [`harmony`].
pub fn annotate(cells: &dyn Cells, step: &HarmonyStep, exec: &Exec) -> Result<Annotated> {
    annotated(cells, step, exec).map_err(|error| error.in_file(cells.location()))
}

fn annotated(from: &dyn Cells, step: &HarmonyStep, exec: &Exec) -> Result<Annotated> {
    let mut options = step.options.clone();
    if let Some(name) = &step.centres {
        options.centres = Some(numbers(from, Slot::Uns(name), exec)?.1);
    }
    let slot = Slot::Obsm(&step.basis);
    let known = from.embeddings();
    if !known.contains(&step.basis) {
        return Err(no_embedding(&step.basis, &known));
    }
    let extent = from.extent(slot).filter(|extent| extent.shape.len() == 2);
    let extent = extent.ok_or_else(|| Error::unsupported("is no matrix of numbers").at(slot.to_string()))?;
    let (cells, width) = (extent.shape[0], extent.shape[1]);
    let _keys = exec.budget().charge(4 * (cells * step.key.len()) as u64, "the batches of cells")?;
    let keys = step.key.iter().map(|name| batches(from, name)).collect::<Result<Vec<_>>>()?;
    let _embedding = exec.budget().charge((cells * width * 12) as u64, "an embedding")?;
    let (_, embedding) = numbers(from, slot, exec)?;
    let mut harmony = harmony(embedding, width, &keys, &options, exec).map_err(|error| match error.kind() {
        ErrorKind::Invalid => error.at(slot.to_string()),
        _ => error,
    })?;
    let mut additions = Additions::default();
    let values = Buffer::F64(std::mem::take(&mut harmony.values));
    let array = DenseArray { shape: vec![cells, width], values };
    additions.obsm.insert(step.adjusted_basis.clone(), Element::Array(array));
    Ok(Annotated { harmony, shape: [cells, width], additions })
}

/// A dense matrix, as doubles.
fn numbers(cells: &dyn Cells, slot: Slot<'_>, exec: &Exec) -> Result<(Vec<usize>, Vec<f64>)> {
    let unfit = |what: &str| Error::unsupported(format!("is {what}; a dense matrix of numbers expected"));
    match cells.read(slot, exec).map_err(|error| error.at(slot.to_string()))?.into_owned() {
        Element::Array(DenseArray { shape, values }) if shape.len() == 2 => {
            let dtype = values.dtype();
            match values.cast(DType::F64) {
                Ok(Buffer::F64(values)) if dtype != DType::Str => Ok((shape, values)),
                _ => Err(unfit(&format!("a matrix of {dtype}")).at(slot.to_string())),
            }
        }
        other => Err(unfit(&format!("a {}", other.kind())).at(slot.to_string())),
    }
}

/// The number of each cell's batch.
fn batches(cells: &dyn Cells, name: &str) -> Result<Vec<u32>> {
    let place = |error: Error| error.at(format!("obs/{name}"));
    let Some(column) = cells.column(name)? else {
        return Err(Error::argument(format!("obs has no column '{name}'"))
            .hint(format!("the columns are {}", cells.columns().join(", "))));
    };
    let factor = Factor::of(&column).map_err(place)?;
    if let Some(row) = factor.codes.iter().position(Option::is_none) {
        return Err(place(Error::invalid("has no value, so that the cell is of no batch"))
            .row(row as u64)
            .hint(format!("leave such cells out: annstream subset --obs '\"{name}\" IS NOT NULL'")));
    }
    Ok(factor.codes.into_iter().flatten().collect())
}
