//! The first two coordinates of cells, and which of them are drawn.

use annstream_core::anndata::{AnnDataFile, MatrixHeader};
use annstream_core::{Error, Result};
use annstream_sc::sample::{Amount, SampleOptions, positions};
use annstream_store::{Buffer, Region};

/// Embeddings in the order in which they are looked for.
const USUAL: [&str; 5] = ["X_umap", "X_tsne", "X_draw_graph_fa", "X_diffmap", "X_pca"];

/// Coordinates of all cells.
pub(crate) struct Coordinates {
    /// Entry of `obsm`.
    pub(crate) basis: String,
    /// First and second.
    pub(crate) axes: [Vec<f32>; 2],
}

/// Reads the embedding asked for, or the first usual one; `None` if there is none. Reads two columns only.
///
/// # Errors
/// `Argument` if the one asked for is not there, or has fewer than two columns.
pub(crate) fn read(file: &AnnDataFile, basis: Option<&str>) -> Result<Option<Coordinates>> {
    let usable = |name: &str| {
        matches!(file.obsm().get(name), Some(MatrixHeader::Dense(header)) if header.field.is_none()
        && matches!(header.shape[..], [_, columns] if columns >= 2))
    };
    let name = match basis {
        None => USUAL.into_iter().find(|name| usable(name)).map(str::to_owned),
        Some(basis) => {
            let candidates = [basis.to_owned(), format!("X_{basis}")];
            let known: Vec<&str> = file.obsm().keys().map(String::as_str).take(20).collect();
            let unknown = || {
                Error::argument(format!("obsm has no embedding '{basis}' of two columns")).hint(format!(
                    "obsm has {}",
                    if known.is_empty() { "nothing".to_owned() } else { known.join(", ") }
                ))
            };
            Some(candidates.into_iter().find(|name| usable(name)).ok_or_else(unknown)?)
        }
    };
    let Some(basis) = name else { return Ok(None) };
    let header = file.obsm().get(&basis).ok_or_else(|| Error::internal("an embedding that is not there"))?;
    let read = || -> Result<[Vec<f32>; 2]> {
        let array = file.store().array(header.path())?;
        let rows = array.shape().first().copied().unwrap_or(0);
        let mut values = Buffer::empty(annstream_store::DType::F32);
        array.read(&Region::new(vec![0..rows, 0..2]), &mut values)?;
        let column = |offset: usize| (offset..values.len()).step_by(2).map(|i| single(&values, i)).collect();
        Ok([column(0), column(1)])
    };
    let axes = read().map_err(|error| error.at(format!("obsm/{basis}")).in_file(file.store().location()))?;
    Ok(Some(Coordinates { basis, axes }))
}

#[expect(clippy::cast_possible_truncation, reason = "a picture needs no more")]
fn single(values: &Buffer, i: usize) -> f32 {
    values.get_f64(i).map_or(f32::NAN, |value| value as f32)
}

/// The cells that are drawn, in the order in which they are: all or some, as `numpy.random.default_rng(0).choice` draws
/// them without replacement.
pub(crate) fn drawn(cells: usize, most: usize) -> Result<Vec<u32>> {
    let amount = Amount::Count(cells.min(most) as u64);
    positions(cells, &SampleOptions { amount, seed: 0, replace: false })
}

/// What the axes of an embedding are called.
pub(crate) fn label(basis: &str) -> String {
    let name = basis.strip_prefix("X_").unwrap_or(basis);
    match name {
        "umap" => "UMAP".to_owned(),
        "tsne" => "t-SNE".to_owned(),
        "pca" => "PC".to_owned(),
        "diffmap" => "DC".to_owned(),
        other => other.replace("draw_graph_", "").clone(),
    }
}
