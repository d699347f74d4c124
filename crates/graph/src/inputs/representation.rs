//! The embedding that scanpy would choose.

use std::borrow::Cow;

use annstream_core::anndata::{AnnDataFile, MatrixHeader, Slot};
use annstream_core::element::{Element, SparseLayout, SparseMatrix};
use annstream_store::Buffer;

use super::Cells;
use crate::{Error, Exec, Result};

/// Genes up to which `X` is taken as it is: `scanpy.settings.N_PCS`.
const SMALL: usize = 50;

/// An embedding of cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Representation<'a> {
    /// Where it stands.
    pub path: String,
    /// Number of cells.
    pub cells: usize,
    /// Number of dimensions.
    pub width: usize,
    /// Cells × dimensions, row-major.
    pub values: Cow<'a, [f32]>,
}

/// Reads the embedding that `scanpy.tools._utils._choose_representation` would choose: `use_rep` of `obsm`, of which
/// the first `n_pcs` columns; without it `X_pca`, or `X` where that has at most 50 genes or `n_pcs` is zero. Doubles
/// become single precision, sparse matrices dense. Where scanpy would run `pca`, this is an error.
///
/// Memory: what is stored, and 4 bytes a value; nothing where single precision is held already.
///
/// # Errors
/// `NotFound` if it is not there; `Argument` if it has fewer dimensions than asked for; `Unsupported` if it is no matrix of
/// numbers; `Memory` if the budget is too small.
pub fn representation<'a>(
    cells: &'a dyn Cells,
    use_rep: Option<&str>,
    n_pcs: Option<usize>,
    exec: &Exec,
) -> Result<Representation<'a>> {
    let (slot, n_pcs) = choose(cells, use_rep, n_pcs)?;
    read(cells, slot, n_pcs, exec).map_err(|error| error.at(slot.to_string()))
}

/// The matrix of a file that [`representation`] reads, and how many of its columns: all unless given.
pub(crate) fn chosen<'a>(
    file: &'a AnnDataFile,
    use_rep: Option<&'a str>,
    n_pcs: Option<usize>,
) -> Result<(Slot<'a>, &'a MatrixHeader, Option<usize>)> {
    let (slot, n_pcs) = choose(file, use_rep, n_pcs)?;
    let header = file.matrix(slot).ok_or_else(|| Error::not_found("there is no X"))?;
    Ok((slot, header, n_pcs))
}

/// What is read, and how many of its columns: `X` or an entry of `obsm`.
///
/// # Errors
/// `NotFound` if it is not there.
pub fn choose<'a>(
    cells: &dyn Cells,
    use_rep: Option<&'a str>,
    n_pcs: Option<usize>,
) -> Result<(Slot<'a>, Option<usize>)> {
    choose_among(&cells.embeddings(), cells.n_vars(), use_rep, n_pcs)
}

/// As [`choose`], among the names in `obsm` and for so many genes.
///
/// # Errors
/// `NotFound` if it is not there.
pub fn choose_among<'a>(
    known: &[String],
    n_vars: usize,
    use_rep: Option<&'a str>,
    n_pcs: Option<usize>,
) -> Result<(Slot<'a>, Option<usize>)> {
    let has = |name: &str| known.iter().any(|known| known == name);
    match use_rep {
        None if n_pcs == Some(0) || n_vars <= SMALL => Ok((Slot::X, None)),
        None if has("X_pca") => Ok((Slot::Obsm("X_pca"), n_pcs)),
        None => Err(Error::not_found("there is no X_pca in obsm")
            .hint("run annstream pca first, or give --use-rep with another embedding, or X for all genes")),
        Some(name) if has(name) => Ok((Slot::Obsm(name), n_pcs)),
        Some("X") => Ok((Slot::X, None)),
        Some(name) => Err(no_embedding(name, known)),
    }
}

/// Says which embeddings there are.
pub fn no_embedding(name: &str, known: &[String]) -> Error {
    let hint = if known.is_empty() {
        "obsm is empty; run annstream pca first".to_owned()
    } else {
        format!("obsm has {}", known.join(", "))
    };
    Error::not_found(format!("there is no {name} in obsm")).hint(hint)
}

fn read<'a>(cells: &'a dyn Cells, slot: Slot<'_>, n_pcs: Option<usize>, exec: &Exec) -> Result<Representation<'a>> {
    let extent = match (cells.extent(slot), slot) {
        (Some(extent), _) => extent,
        (None, Slot::X) => return Err(Error::not_found("there is no X")),
        (None, _) => return Err(Error::unsupported("is no matrix of numbers")),
    };
    let &[rows, stored] = extent.shape.as_slice() else {
        return Err(Error::unsupported("is no matrix of numbers"));
    };
    let width = n_pcs.unwrap_or(stored);
    if width > stored {
        let message = format!("has {stored} dimensions, {width} are asked for");
        return Err(Error::argument(message).hint("give a smaller --n-pcs, or compute more components"));
    }
    if width == 0 {
        return Err(Error::argument("has no dimensions to look at"));
    }
    let _held = exec.budget().charge(extent.bytes + (rows * width * 4) as u64, "an embedding")?;
    let values = match cells.read(slot, exec)? {
        Cow::Borrowed(Element::Array(array)) => match &array.values {
            Buffer::F32(values) if stored == width => Cow::Borrowed(values.as_slice()),
            values => Cow::Owned(some_columns(values, stored, width)?),
        },
        Cow::Owned(Element::Array(array)) => Cow::Owned(match array.values {
            Buffer::F32(values) if stored == width => values,
            values => some_columns(&values, stored, width)?,
        }),
        other => match other.as_ref() {
            Element::Sparse(matrix) => Cow::Owned(densify(matrix, width)?),
            other => return Err(Error::unsupported(format!("is a {}, no matrix of numbers", other.kind()))),
        },
    };
    Ok(Representation { path: slot.to_string(), cells: rows, width, values })
}

fn some_columns(values: &Buffer, stored: usize, width: usize) -> Result<Vec<f32>> {
    if let Buffer::F32(values) = values {
        return Ok(values.chunks_exact(stored).flat_map(|row| &row[..width]).copied().collect());
    }
    let rows = values.len() / stored;
    (0..rows).flat_map(|row| row * stored..row * stored + width).map(|i| single(values, i)).collect()
}

fn densify(matrix: &SparseMatrix, width: usize) -> Result<Vec<f32>> {
    let mut out = vec![0.0; matrix.shape[0] * width];
    for major in 0..matrix.major() {
        let (Some(&start), Some(&end)) = (matrix.indptr.get(major), matrix.indptr.get(major + 1)) else { break };
        for i in usize::try_from(start).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(0) {
            let minor = matrix.indices.get(i).and_then(|&minor| usize::try_from(minor).ok());
            let minor =
                minor.filter(|_| i < matrix.data.len()).ok_or_else(|| Error::invalid("pointers reach too far"))?;
            let (row, column) = match matrix.layout {
                SparseLayout::Csr => (major, minor),
                SparseLayout::Csc => (minor, major),
            };
            if column < width {
                let place = out.get_mut(row * width + column).ok_or_else(|| Error::invalid("ids reach too far"))?;
                *place += single(&matrix.data, i)?;
            }
        }
    }
    Ok(out)
}

#[expect(clippy::cast_possible_truncation, reason = "to single precision")]
fn single(values: &Buffer, i: usize) -> Result<f32> {
    values.get_f64(i).map(|value| value as f32).ok_or_else(|| Error::unsupported("values are not real numbers"))
}
