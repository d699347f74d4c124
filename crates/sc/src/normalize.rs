//! Normalising cells to one total: `scanpy.pp.normalize_total`.

use annstream_core::Result;
use annstream_core::anndata::{AnnDataFile, Slot};
use annstream_core::element::Element;
use annstream_core::lazy::Precision;
use serde::{Deserialize, Serialize};

/// What `normalize_total` is asked for; names and defaults are scanpy's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NormalizeOptions {
    /// The total that every cell gets; the median of those that are not zero, if absent.
    pub target_sum: Option<f64>,
    /// Whether genes that dominate a cell are left out of the totals.
    pub exclude_highly_expressed: bool,
    /// From which share of a cell on a gene dominates it.
    pub max_fraction: f64,
    /// Column of `obs` for the divisors.
    pub key_added: Option<String>,
}

impl Default for NormalizeOptions {
    fn default() -> Self {
        Self { target_sum: None, exclude_highly_expressed: false, max_fraction: 0.05, key_added: None }
    }
}

/// The median of the totals that are above zero (scanpy from 1.12 on; 1.11 counts empty cells of CSR matrices too), in
/// the precision of the values; NaN if there is none.
#[expect(clippy::cast_possible_truncation, reason = "the precision of the values")]
pub fn median_total(totals: &[f64], precision: Precision) -> f64 {
    let mut above: Vec<f64> = totals.iter().copied().filter(|total| *total > 0.0).collect();
    if above.is_empty() {
        return f64::NAN;
    }
    above.sort_unstable_by(f64::total_cmp);
    let (low, high) = (above[(above.len() - 1) / 2], above[above.len() / 2]);
    match precision {
        Precision::Single => f64::from(f32::midpoint(low as f32, high as f32)),
        Precision::Double => f64::midpoint(low, high),
    }
}

/// What each cell is divided by: its total over the target, in the precision of the values; 1 for empty cells, which
/// scanpy leaves as they are. Also what scanpy writes to `key_added`, 0 for empty cells.
#[expect(clippy::cast_possible_truncation, reason = "the precision of the values")]
pub fn divisors(totals: &[f64], target: f64, precision: Precision) -> (Vec<f64>, Vec<f64>) {
    let factors: Vec<f64> = match precision {
        Precision::Single => totals.iter().map(|&total| f64::from(total as f32 / target as f32)).collect(),
        Precision::Double => totals.iter().map(|total| total / target).collect(),
    };
    let divisors = factors.iter().map(|&factor| if factor == 0.0 || factor.is_nan() { 1.0 } else { factor }).collect();
    (divisors, factors)
}

/// The base in `uns["log1p"]` of a file, if X was logarithmised there with one that is named.
pub(crate) fn stored_base(file: &AnnDataFile) -> Result<Option<f64>> {
    if !file.uns_names().iter().any(|name| name == "log1p") {
        return Ok(None);
    }
    let Element::Dict(log1p) = file.read(Slot::Uns("log1p"))? else { return Ok(None) };
    Ok(match log1p.get("base") {
        Some(Element::Scalar(value)) => value.get_f64(0),
        Some(Element::Array(array)) => array.values.get_f64(0),
        _ => None,
    })
}
