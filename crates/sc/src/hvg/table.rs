//! The result: columns of `var` and an entry of `uns`, as scanpy writes them.

use std::cmp::Ordering;

use annstream_store::Buffer;

use super::options::{Flavor, HvgOptions};

pub(super) const HIGHLY_VARIABLE: &str = "highly_variable";
pub(super) const RANK: &str = "highly_variable_rank";
pub(super) const BATCHES: &str = "highly_variable_nbatches";
pub(super) const INTERSECTION: &str = "highly_variable_intersection";

/// The columns that scanpy adds to `var`, with its names, dtypes and order.
///
/// | flavor | columns |
/// |---|---|
/// | `seurat`, `cell_ranger` | `highly_variable` bool, `means` f64, `dispersions` f64, `dispersions_norm` f32 |
/// | … with batches | and `highly_variable_nbatches` i64, `highly_variable_intersection` bool |
/// | `seurat_v3`, `seurat_v3_paper` | `highly_variable` bool, `highly_variable_rank` f32, `means`, `variances`, `variances_norm` f64 |
/// | … with batches | and `highly_variable_nbatches` i64 |
/// | `pearson_residuals` | `means`, `variances`, `residual_variances` f64, `highly_variable_rank` f32, `highly_variable` bool |
/// | … with batches | before the last one `highly_variable_nbatches` i64, `highly_variable_intersection` bool |
///
/// A rank is NaN where a gene is among the top in no batch. A dispersion is NaN for `seurat` where the variance is zero.
#[derive(Clone, Debug, PartialEq)]
pub struct HvgTable {
    /// The measure that was used.
    pub flavor: Flavor,
    /// Names and values; all are as long as there are genes.
    pub columns: Vec<(&'static str, Buffer)>,
}

impl HvgTable {
    pub(super) fn new(options: &HvgOptions, columns: Vec<(&'static str, Buffer)>) -> Self {
        Self { flavor: options.flavor, columns }
    }

    /// The values of a column.
    pub fn column(&self, name: &str) -> Option<&Buffer> {
        self.columns.iter().find(|(found, _)| *found == name).map(|(_, values)| values)
    }

    /// Which genes were chosen: what `subset=True` would keep.
    pub fn highly_variable(&self) -> Vec<bool> {
        match self.column(HIGHLY_VARIABLE) {
            Some(Buffer::Bool(chosen)) => chosen.iter().map(|byte| *byte != 0).collect(),
            _ => Vec::new(),
        }
    }

    /// The entries of `uns["hvg"]`, which replaces what was there. `layer` is the one that was looked at, if not X.
    pub fn uns(&self, layer: Option<&str>) -> Vec<(&'static str, String)> {
        let mut entries = vec![("flavor", self.flavor.name().to_owned())];
        if self.flavor == Flavor::PearsonResiduals {
            entries.push(("computed_on", layer.filter(|name| !name.is_empty()).unwrap_or("adata.X").to_owned()));
        }
        entries
    }
}

/// A column of truth values.
pub(super) fn booleans(values: &[bool]) -> Buffer {
    Buffer::Bool(values.iter().map(|value| u8::from(*value)).collect())
}

/// Marks the first `count` of an order.
pub(super) fn first(order: &[usize], count: usize) -> Vec<bool> {
    let mut chosen = vec![false; order.len()];
    for gene in order.iter().take(count) {
        chosen[*gene] = true;
    }
    chosen
}

/// Numbers in order, those that are NaN last, zeros of either sign alike.
pub(super) fn ascending(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[expect(clippy::cast_possible_truncation, reason = "scanpy keeps these columns in single precision")]
pub(super) fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}
