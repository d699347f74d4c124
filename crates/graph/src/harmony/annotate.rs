//! The corrected embedding of the cells of a file, as scanpy stores it.

use annstream_core::Exec;
use annstream_core::anndata::{AnnDataFile, Slot, TableName};
use annstream_core::edit::Additions;
use annstream_core::element::{DenseArray, Element};
use annstream_core::table::Factor;
use annstream_store::{Buffer, DType};

use super::{Harmony, HarmonyOptions, harmony};
use crate::{Error, ErrorKind, Result};

/// Which embedding is corrected for which columns of `obs`.
#[derive(Clone, Debug, PartialEq)]
pub struct HarmonyStep {
    /// Columns of `obs` that tell batches: one, or several, each of which has an effect of its own.
    pub key: Vec<String>,
    /// The embedding in `obsm`.
    pub basis: String,
    /// Where in `obsm` the corrected one goes.
    pub adjusted_basis: String,
    /// How it is corrected.
    pub options: HarmonyOptions,
    /// Entry of `uns` with what clusters begin with, instead of `options.centres`.
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

/// Corrects an embedding of a file for batches.
///
/// # Errors
/// `NotFound` if there is no such embedding; `Argument` if there is no such column; `Invalid` for a cell without a batch or with values that are not
/// finite, naming the row; those of [`harmony`].
pub fn annotate(file: &AnnDataFile, step: &HarmonyStep, exec: &Exec) -> Result<Annotated> {
    annotated(file, step, exec).map_err(|error| error.in_file(file.store().location()))
}

fn annotated(file: &AnnDataFile, step: &HarmonyStep, exec: &Exec) -> Result<Annotated> {
    let mut options = step.options.clone();
    if let Some(name) = &step.centres {
        options.centres = Some(numbers(file, Slot::Uns(name))?.1);
    }
    let _keys = exec.budget().charge(4 * (file.n_obs() * step.key.len()) as u64, "the batches of cells")?;
    let keys = step.key.iter().map(|name| batches(file, name)).collect::<Result<Vec<_>>>()?;
    let slot = Slot::Obsm(&step.basis);
    let Some(header) = file.obsm().get(&step.basis) else {
        let known: Vec<&str> = file.obsm().keys().map(String::as_str).collect();
        let message = format!("there is no {} in obsm", step.basis);
        return Err(Error::not_found(message).hint(if known.is_empty() {
            "obsm is empty; run annstream pca first".to_owned()
        } else {
            format!("obsm has {}; give one of them as --basis", known.join(", "))
        }));
    };
    let (&[cells, width], Some(_)) = (&header.shape()[..], header.dtype()) else {
        return Err(Error::unsupported("is no matrix of numbers").at(slot.to_string()));
    };
    let _embedding = exec.budget().charge((cells * width * 12) as u64, "an embedding")?;
    let (_, embedding) = numbers(file, slot)?;
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
fn numbers(file: &AnnDataFile, slot: Slot) -> Result<(Vec<usize>, Vec<f64>)> {
    let unfit = |what: &str| Error::unsupported(format!("is {what}; a dense matrix of numbers expected"));
    match file.read(slot).map_err(|error| error.at(slot.to_string()))? {
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
fn batches(file: &AnnDataFile, name: &str) -> Result<Vec<u32>> {
    let columns = &file.obs().columns;
    if !columns.contains_key(name) {
        let known: Vec<&str> = columns.keys().map(String::as_str).collect();
        return Err(Error::argument(format!("obs has no column '{name}'"))
            .hint(format!("the columns are {}", known.join(", "))));
    }
    let place = |error: Error| error.at(format!("obs/{name}"));
    let factor = Factor::of(&file.read_column(TableName::Obs, name)?).map_err(place)?;
    if let Some(row) = factor.codes.iter().position(Option::is_none) {
        return Err(place(Error::invalid("has no value, so that the cell is of no batch"))
            .row(row as u64)
            .hint(format!("leave such cells out: annstream subset --obs '\"{name}\" IS NOT NULL'")));
    }
    Ok(factor.codes.into_iter().flatten().collect())
}
