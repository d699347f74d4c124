//! What a pipeline does, as data: the steps and their options.

use annstream_core::{Error, Result};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::filter::{CellFilter, GeneFilter};
use crate::gene_sets::GeneSet;
use crate::hvg::{Flavor, HvgOptions};
use crate::normalize::NormalizeOptions;
use crate::pearson::PearsonOptions;
use crate::qc::QcOptions;
use crate::regress::RegressOptions;
use crate::scrublet::ScrubletStep;

/// A pipeline. A step that is absent is left out; the others run in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Sets of genes by name, each a column of truth values in `var`; for `qc_vars` and `max_percent`.
    pub gene_sets: IndexMap<String, GeneSet>,
    /// `calculate_qc_metrics`.
    pub qc: Option<QcOptions>,
    /// `filter_cells`.
    pub filter_cells: Option<CellFilter>,
    /// `filter_genes`.
    pub filter_genes: Option<GeneFilter>,
    /// `scrublet`: of the counts of the cells and genes that are kept.
    pub scrublet: Option<ScrubletStep>,
    /// `normalize_total`.
    pub normalize_total: Option<NormalizeOptions>,
    /// `log1p`.
    pub log1p: Option<LogOptions>,
    /// `highly_variable_genes`.
    pub highly_variable_genes: Option<HvgStep>,
    /// `normalize_pearson_residuals`, instead of `normalize_total` and `log1p`, of the genes that are kept.
    pub normalize_pearson_residuals: Option<PearsonOptions>,
    /// `regress_out`: what scaling and PCA see; `X` stays as it is.
    pub regress_out: Option<RegressOptions>,
    /// `scale`: what PCA sees; `X` stays as it is.
    pub scale: Option<ScaleOptions>,
    /// `pca`.
    pub pca: Option<PcaStep>,
}

/// What `log1p` is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogOptions {
    /// Base of the logarithm; natural if absent.
    pub base: Option<f64>,
}

/// What `highly_variable_genes` is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HvgStep {
    /// Column of `obs` with the batch of each cell.
    pub batch_key: Option<String>,
    /// Whether only those genes are kept.
    pub subset: bool,
    /// The rest.
    #[serde(flatten)]
    pub options: HvgOptions,
}

/// What `scale` is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScaleOptions {
    /// Whether means are subtracted.
    pub zero_center: bool,
    /// Values beyond this are clipped.
    pub max_value: Option<f64>,
}

/// What `pca` is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PcaStep {
    /// Number of components; 50, or one less than the smaller extent.
    pub n_comps: Option<usize>,
    /// Whether means are subtracted.
    pub zero_center: bool,
    /// Column of `var` that chooses genes; `highly_variable` if it is there. Empty for all genes.
    pub mask_var: Option<String>,
}

impl Default for ScaleOptions {
    fn default() -> Self {
        Self { zero_center: true, max_value: None }
    }
}

impl Default for PcaStep {
    fn default() -> Self {
        Self { n_comps: None, zero_center: true, mask_var: None }
    }
}

/// Names of the steps, in order.
pub const STEPS: [&str; 11] = [
    "qc",
    "filter_cells",
    "filter_genes",
    "scrublet",
    "normalize_total",
    "log1p",
    "highly_variable_genes",
    "normalize_pearson_residuals",
    "regress_out",
    "scale",
    "pca",
];

impl Recipe {
    /// The scanpy tutorial: quality control with mitochondrial, ribosomal and hemoglobin genes, cells with 100 genes,
    /// genes in 3 cells, medians, logarithms, 2000 genes, 50 components.
    pub fn tutorial() -> Self {
        let sets = [
            ("mt", GeneSet::prefix(&["MT-", "mt-"])),
            ("ribo", GeneSet::prefix(&["RPS", "RPL", "Rps", "Rpl"])),
            ("hb", GeneSet::pattern("^(HB|Hb)[^(Pp)]")),
        ];
        let qc_vars = sets.iter().map(|(name, _)| (*name).to_owned()).collect();
        Self {
            gene_sets: sets.into_iter().map(|(name, set)| (name.to_owned(), set)).collect(),
            qc: Some(QcOptions { qc_vars, ..QcOptions::default() }),
            filter_cells: Some(CellFilter { min_genes: Some(100), ..CellFilter::default() }),
            filter_genes: Some(GeneFilter { min_cells: Some(3), ..GeneFilter::default() }),
            scrublet: None,
            normalize_total: Some(NormalizeOptions::default()),
            log1p: Some(LogOptions::default()),
            highly_variable_genes: Some(HvgStep {
                options: HvgOptions { n_top_genes: Some(2000), ..HvgOptions::default() },
                ..HvgStep::default()
            }),
            normalize_pearson_residuals: None,
            regress_out: None,
            scale: None,
            pca: Some(PcaStep::default()),
        }
    }

    /// From the text of a TOML file: one table for each step.
    ///
    /// # Errors
    /// `Argument`, with line and column, if it is not such a file.
    pub fn from_toml(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::argument(format!("not a recipe: {}", error.to_string().trim_end())))
    }

    /// As the text of a TOML file.
    ///
    /// # Errors
    /// If an option cannot be written so.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::internal(format!("recipe: {error}")))
    }

    /// Whether a step changes `X` itself.
    pub fn changes_x(&self) -> bool {
        self.normalize_total.is_some() || self.log1p.is_some() || self.normalize_pearson_residuals.is_some()
    }

    /// Refuses steps that do not go together.
    ///
    /// # Errors
    /// `Argument` if an option of `scrublet` has no meaning, counts would become Pearson residuals after they were changed,
    /// or genes be chosen by logarithms that nobody took.
    pub fn check(&self) -> Result<()> {
        if let Some(step) = &self.scrublet {
            step.options.check().map_err(|error| error.at("[scrublet]"))?;
        }
        if self.normalize_pearson_residuals.is_none() {
            return Ok(());
        }
        if self.normalize_total.is_some() || self.log1p.is_some() {
            return Err(Error::argument(
                "normalize_pearson_residuals is of counts; normalize_total and log1p change them",
            )
            .hint("leave out one or the other"));
        }
        let flavor = self.highly_variable_genes.as_ref().map(|step| step.options.flavor);
        match flavor.filter(|flavor| matches!(flavor, Flavor::Seurat | Flavor::CellRanger)) {
            Some(flavor) => Err(Error::argument(format!(
                "flavor {flavor} looks at logarithms, and there are none before normalize_pearson_residuals"
            ))
            .hint("choose pearson_residuals or seurat_v3")),
            None => Ok(()),
        }
    }

    /// The same without the steps after `last`.
    ///
    /// # Errors
    /// `Argument` if there is no such step.
    pub fn until(mut self, last: &str) -> Result<Self> {
        let Some(position) = STEPS.iter().position(|step| *step == last) else {
            return Err(Error::argument(format!("no step '{last}'; expected one of {}", STEPS.join(", "))));
        };
        for step in &STEPS[position + 1..] {
            match *step {
                "filter_cells" => self.filter_cells = None,
                "filter_genes" => self.filter_genes = None,
                "scrublet" => self.scrublet = None,
                "normalize_total" => self.normalize_total = None,
                "log1p" => self.log1p = None,
                "highly_variable_genes" => self.highly_variable_genes = None,
                "normalize_pearson_residuals" => self.normalize_pearson_residuals = None,
                "regress_out" => self.regress_out = None,
                "scale" => self.scale = None,
                _ => self.pca = None,
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_survive_toml() {
        let recipe = Recipe::tutorial();
        let text = recipe.to_toml().unwrap();
        assert_eq!(Recipe::from_toml(&text).unwrap(), recipe, "{text}");
        let short = Recipe::from_toml("[normalize_total]\ntarget_sum = 1e4\n[log1p]\n").unwrap();
        assert_eq!(short.normalize_total.unwrap().target_sum, Some(1e4));
        assert!(short.qc.is_none() && short.log1p.is_some());
        let error = Recipe::from_toml("[normalise]\n").unwrap_err();
        assert!(error.to_string().contains("normalise"), "{error}");
        let error = Recipe::from_toml("[highly_variable_genes]\nn_top = 5\n").unwrap_err();
        assert!(error.to_string().contains("n_top"), "{error}");
    }

    #[test]
    fn residuals_are_of_counts() {
        let read = |text: &str| Recipe::from_toml(text).unwrap().check();
        assert!(read("[normalize_pearson_residuals]\nclip = 3\n[regress_out]\nkeys = [\"total_counts\"]\n").is_ok());
        assert!(read("[normalize_pearson_residuals]\n[log1p]\n").is_err());
        assert!(read("[normalize_pearson_residuals]\n[normalize_total]\n").is_err());
        assert!(read("[normalize_pearson_residuals]\n[highly_variable_genes]\nn_top_genes = 9\n").is_err());
        let flavor = "[highly_variable_genes]\nflavor = \"pearson_residuals\"\nn_top_genes = 9\n";
        assert!(read(&format!("[normalize_pearson_residuals]\n{flavor}")).is_ok());
        assert!(read("[regress_out]\nkeys = [\"a\"]\n[log1p]\n[normalize_total]\n").is_ok());
    }

    #[test]
    fn later_steps_are_left_out() {
        let recipe = Recipe::tutorial().until("log1p").unwrap();
        assert!(recipe.log1p.is_some() && recipe.highly_variable_genes.is_none() && recipe.pca.is_none());
        assert!(Recipe::tutorial().until("umap").is_err());
    }
}
