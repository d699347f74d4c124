//! Writing a file with changes.

use annstream_store::{Compression, StoreWriter};

use super::check::{check, check_key};
use super::{Additions, Edits};
use crate::anndata::{WriteOptions, write_element};
use crate::concat::Input;
use crate::subset::{MatrixReport, Selection, Target, write_targets};
use crate::{Error, Exec, Result};

/// Where the `X` of the result comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XSource {
    /// From the input, if it has one.
    #[default]
    Keep,
    /// From nowhere: the result has none.
    Skip,
    /// From the caller, who writes it into the same writer.
    Written,
}

/// What of the input a result has.
#[derive(Clone, Debug)]
pub struct EditSpec {
    /// The cells that are kept.
    pub obs: Selection,
    /// The genes that are kept.
    pub var: Selection,
    /// Where `X` comes from.
    pub x: XSource,
    /// Names of the layers that the caller writes into the same writer; those of the input by these names are left out.
    pub layers: Vec<String>,
    /// Names of the entries of `obsm` that the caller writes, likewise.
    pub obsm: Vec<String>,
    /// Compression of all that is written here.
    pub compression: Compression,
}

impl EditSpec {
    /// Some cells and genes, with all matrices of the input.
    pub fn new(obs: Selection, var: Selection, compression: Compression) -> Self {
        Self { obs, var, x: XSource::Keep, layers: Vec::new(), obsm: Vec::new(), compression }
    }
}

/// Writes the chosen cells and genes of a file with additions; does not commit. The result is that of
/// `adata = adata[cells, genes].copy()` followed by the assignments.
///
/// Matrices that the caller provides ([`XSource::Written`], [`EditSpec::layers`], [`EditSpec::obsm`]) may be written before
/// or after; the root, the groups of these and their attributes are written here. That the caller does write them is not
/// checked.
///
/// Unused categories and their colours go as in a subset; colours of a column that is replaced stay as they are.
///
/// Entries of `obsm` are written first, and each is let go when it is: they are what takes most memory of each cell.
///
/// Reads what is not replaced as [`subset`](crate::subset::subset) does: every matrix once, in blocks within the budget,
/// one column of a table at a time, and `uns`.
///
/// # Errors
/// If the additions do not fit the cells and genes that are kept, the input is damaged, the budget too small, or writing
/// fails.
pub fn write_edited(
    input: &Input,
    spec: &EditSpec,
    mut additions: Additions,
    writer: &dyn StoreWriter,
    exec: &Exec,
) -> Result<Vec<MatrixReport>> {
    for (selection, extent) in [(&spec.obs, input.file.n_obs()), (&spec.var, input.file.n_vars())] {
        if selection.extent() != extent {
            let message = format!("a selection of {} entries, the axis has {extent}", selection.extent());
            return Err(Error::internal(message).in_file(&input.name));
        }
    }
    check(&additions, spec.obs.len(), spec.var.len())?;
    for (mapping, names) in [("layers", &spec.layers), ("obsm", &spec.obsm)] {
        for name in names {
            check_key(name).map_err(|error| error.at(mapping))?;
        }
    }
    let options = WriteOptions { compression: spec.compression };
    let mut obsm = spec.obsm.clone();
    for (name, element) in std::mem::take(&mut additions.obsm) {
        writer.group("obsm")?;
        write_element(writer, &format!("obsm/{name}"), &element, &options, &[input.file.store().as_ref()])?;
        obsm.push(name);
    }
    let edits = Edits { additions: Some(&additions), x: spec.x, layers: &spec.layers, obsm: &obsm };
    let mut targets = [Target::edited(writer, spec.obs.clone(), spec.var.clone(), edits)];
    write_targets(&input.file, &input.name, &mut targets, spec.compression, exec)
}
