//! What scanpy stores of it, and where.

use annstream_core::lazy::Precision;

use super::{Model, Pca};
use crate::{Error, Result};

/// What `scanpy.pp.pca` puts into an AnnData, as plain values.
///
/// | field | key | type |
/// |---|---|---|
/// | `scores` | `obsm["X_pca"]` | float32, rows × components |
/// | `loadings` | `varm["PCs"]` | float64 with a mask of columns; else the type of the matrix, see `precision` |
/// | `variance` | `uns["pca"]["variance"]` | that of the matrix |
/// | `variance_ratio` | `uns["pca"]["variance_ratio"]` | that of the matrix |
/// | `zero_center` | `uns["pca"]["params"]["zero_center"]` | bool |
/// | `mask_var` | `uns["pca"]["params"]["mask_var"]` | text, or null without a mask |
/// | `use_highly_variable` | `uns["pca"]["params"]["use_highly_variable"]` | bool; scanpy 1.11 and 1.12 have it |
///
/// With `key_added`, that key stands for all of `X_pca`, `PCs` and `pca`.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<'a> {
    /// Rows × components, row-major.
    pub scores: &'a [f32],
    /// All columns × components, row-major; zeros where the mask is false.
    pub loadings: Vec<f64>,
    /// Number of components.
    pub n_comps: usize,
    /// The type that loadings are stored in.
    pub loadings_precision: Precision,
    /// Variance of each component.
    pub variance: &'a [f64],
    /// The same as a share of all.
    pub variance_ratio: &'a [f64],
    /// The type that variances are stored in.
    pub variance_precision: Precision,
    /// Whether means were subtracted.
    pub zero_center: bool,
    /// The column of `var` that is the mask.
    pub mask_var: Option<&'a str>,
    /// Whether that is `highly_variable`.
    pub use_highly_variable: bool,
}

impl Model {
    /// Loadings of all columns, of which `mask` says which the model has; zeros elsewhere.
    ///
    /// # Errors
    /// If the mask does not keep as many columns as the model has.
    pub fn loadings(&self, mask: Option<&[bool]>) -> Result<Vec<f64>> {
        let Some(mask) = mask else { return Ok(self.components.clone()) };
        let kept = mask.iter().filter(|keep| **keep).count();
        if kept != self.width {
            return Err(Error::internal(format!("a mask of {kept} columns for a model of {}", self.width)));
        }
        let mut out = vec![0.0; mask.len() * self.n_comps];
        let places = out.chunks_exact_mut(self.n_comps).zip(mask).filter(|(_, keep)| **keep);
        for ((place, _), loadings) in places.zip(self.components.chunks_exact(self.n_comps)) {
            place.copy_from_slice(loadings);
        }
        Ok(out)
    }
}

impl Pca {
    /// What scanpy would store. `mask` is the name and the values of the column of `var` that chose the columns;
    /// `precision` is that of the matrix.
    ///
    /// # Errors
    /// If the mask does not keep as many columns as the model has.
    pub fn stored<'a>(
        &'a self,
        mask: Option<(&'a str, &[bool])>,
        zero_center: bool,
        precision: Precision,
    ) -> Result<Stored<'a>> {
        let mask_var = mask.map(|(name, _)| name);
        Ok(Stored {
            scores: &self.scores,
            loadings: self.model.loadings(mask.map(|(_, mask)| mask))?,
            n_comps: self.model.n_comps,
            loadings_precision: if mask.is_some() { Precision::Double } else { precision },
            variance: &self.model.variance,
            variance_ratio: &self.model.variance_ratio,
            variance_precision: precision,
            zero_center,
            mask_var,
            use_highly_variable: mask_var == Some("highly_variable"),
        })
    }
}
