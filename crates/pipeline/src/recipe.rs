//! What is done, as data: all steps and their options.

use annstream_graph::harmony::HarmonyStep;
use annstream_graph::leiden::LeidenStep;
use annstream_graph::neighbors::{Metric, NeighborsStep};
use annstream_graph::umap::UmapStep;
use annstream_sc::markers::{MarkerOptions, MarkersStep};
use annstream_sc::recipe::{self, Recipe as MatrixSteps};
use serde::Serialize;

use crate::{Error, Result};

/// A pipeline from counts to markers. A step that is absent is left out; the others run in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Recipe {
    /// Steps on the matrix, from quality control to components.
    #[serde(flatten)]
    pub matrix: MatrixSteps,
    /// `harmony`.
    pub harmony: Option<HarmonyStep>,
    /// `neighbors`; of what `harmony` corrected, if there is that step, unless another embedding is named.
    pub neighbors: Option<NeighborsStep>,
    /// `umap`.
    pub umap: Option<UmapStep>,
    /// `leiden`.
    pub leiden: Option<LeidenStep>,
    /// `rank_genes_groups`; an empty `groupby` stands for the communities of `leiden`.
    pub rank_genes_groups: Option<MarkersStep>,
}

/// Names of the steps, in order.
pub const STEPS: [&str; 16] = [
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
    "harmony",
    "neighbors",
    "umap",
    "leiden",
    "rank_genes_groups",
];

impl From<MatrixSteps> for Recipe {
    fn from(matrix: MatrixSteps) -> Self {
        Self { matrix, ..Self::default() }
    }
}

impl Recipe {
    /// The scanpy tutorial: up to the components as in [`MatrixSteps::tutorial`], then neighbours, picture and communities
    /// with scanpy's defaults, and the genes that mark the communities.
    pub fn tutorial() -> Self {
        let options = MarkerOptions { groupby: "leiden".to_owned(), ..MarkerOptions::default() };
        Self {
            matrix: MatrixSteps::tutorial(),
            harmony: None,
            neighbors: Some(NeighborsStep::default()),
            umap: Some(UmapStep { init_pos: Some("spectral".to_owned()), ..UmapStep::default() }),
            leiden: Some(LeidenStep::default()),
            rank_genes_groups: Some(MarkersStep { options, ..MarkersStep::default() }),
        }
    }

    /// Whether a step after the components may look at them, or at another embedding.
    pub(crate) fn looks_at_cells(&self) -> bool {
        self.harmony.is_some() || self.neighbors.is_some() || self.umap.is_some()
    }

    /// As the text of a TOML file.
    ///
    /// # Errors
    /// If an option cannot be written so.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::internal(format!("recipe: {error}")))
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
                "harmony" => self.harmony = None,
                "neighbors" => self.neighbors = None,
                "umap" => self.umap = None,
                "leiden" => self.leiden = None,
                "rank_genes_groups" => self.rank_genes_groups = None,
                _ => {}
            }
        }
        if recipe::STEPS.contains(&last) {
            self.matrix = self.matrix.until(last)?;
        }
        Ok(self)
    }

    /// Refuses steps that do not go together, and options that make no sense, before any data are read.
    ///
    /// # Errors
    /// `Argument`, as the steps say.
    pub fn check(&self) -> Result<()> {
        self.matrix.check()?;
        let place = |step: &'static str| move |error: Error| error.at(format!("[{step}]"));
        let metric = self.matrix.scrublet.as_ref().map_or(Ok(Metric::default()), |step| step.knn_dist_metric.parse());
        metric.map_err(place("scrublet"))?;
        self.harmony.as_ref().map_or(Ok(()), HarmonyStep::check).map_err(place("harmony"))?;
        if let Some(step) = self.neighbors.as_ref().filter(|step| step.n_neighbors < 2) {
            let message = format!("{} neighbours, of which a cell itself is the first", step.n_neighbors);
            return Err(place("neighbors")(Error::argument(message).hint("give 2 or more")));
        }
        self.umap.as_ref().map_or(Ok(()), |step| step.check().map(drop)).map_err(place("umap"))?;
        self.leiden.as_ref().map_or(Ok(()), LeidenStep::check).map_err(place("leiden"))?;
        if self.rank_genes_groups.as_ref().is_some_and(|step| step.options.n_genes == Some(0)) {
            return Err(place("rank_genes_groups")(Error::argument("no genes are asked for")));
        }
        Ok(())
    }

    /// The step `neighbors` with the embedding that it looks at, if the recipe says which.
    pub(crate) fn connection(&self) -> Option<NeighborsStep> {
        let mut step = self.neighbors.clone()?;
        if let (Some(harmony), None) = (&self.harmony, &step.use_rep)
            && step.n_pcs != Some(0)
        {
            step.use_rep = Some(harmony.adjusted_basis.clone());
        }
        Some(step)
    }

    /// The comparison with its column of groups.
    pub(crate) fn comparison(&self) -> Option<MarkersStep> {
        let mut step = self.rank_genes_groups.clone()?;
        if step.options.groupby.is_empty() {
            let key = self.leiden.as_ref().map_or("leiden", LeidenStep::key);
            key.clone_into(&mut step.options.groupby);
        }
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_left_out_in_order() {
        for (position, last) in STEPS.iter().enumerate() {
            let recipe = Recipe::tutorial().until(last).unwrap();
            let text = recipe.to_toml().unwrap();
            for (later, step) in STEPS.iter().enumerate() {
                let there = text.contains(&format!("[{step}]"));
                let of_tutorial =
                    !["scrublet", "normalize_pearson_residuals", "regress_out", "scale", "harmony"].contains(step);
                assert_eq!(there, later <= position && of_tutorial, "{step} until {last}:\n{text}");
            }
        }
        let error = Recipe::tutorial().until("tsne").unwrap_err();
        assert!(error.to_string().contains("pca, harmony, neighbors, umap, leiden, rank_genes_groups"), "{error}");
    }

    #[test]
    fn nonsense_is_refused_at_once() {
        let refused = |text: &str| Recipe::from_toml(text).unwrap().check().unwrap_err().to_string();
        assert!(refused("[neighbors]\nn_neighbors = 1\n").contains("1 neighbours"));
        assert!(refused("[scrublet]\nsim_doublet_ratio = 0\n").contains("sim_doublet_ratio is 0"));
        assert!(refused("[scrublet]\nknn_dist_metric = \"taxi\"\n").contains("taxi"));
        assert!(refused("[harmony]\n").contains("no key"));
        assert!(refused("[harmony]\nkey = \"a\"\ntheta = [1, 2]\n").contains("theta has 2 numbers"));
        assert!(refused("[umap]\nn_components = 0\n").contains("0 components"));
        assert!(refused("[umap]\na = 1.5\n").contains("both a and b"));
        assert!(refused("[umap]\ninit_pos = \"paga\"\n").contains("paga"));
        assert!(refused("[leiden]\nresolution = -1\n").contains("resolution"));
        assert!(refused("[rank_genes_groups]\nn_genes = 0\n").contains("no genes"));
        assert!(refused("[normalize_pearson_residuals]\n[log1p]\n").contains("counts"));
        assert!(Recipe::tutorial().check().is_ok());
    }

    #[test]
    fn neighbours_are_those_of_harmony() {
        let read = |text: &str| Recipe::from_toml(text).unwrap().connection().and_then(|step| step.use_rep);
        let harmony = "[harmony]\nkey = \"a\"\n";
        assert_eq!(read(&format!("{harmony}[neighbors]\n")).as_deref(), Some("X_pca_harmony"));
        assert_eq!(read(&format!("{harmony}adjusted_basis = \"mine\"\n[neighbors]\n")).as_deref(), Some("mine"));
        assert_eq!(read(&format!("{harmony}[neighbors]\nuse_rep = \"X_pca\"\n")).as_deref(), Some("X_pca"));
        assert_eq!(read(&format!("{harmony}[neighbors]\nn_pcs = 0\n")), None);
        assert_eq!(read("[neighbors]\n"), None);
    }

    #[test]
    fn groups_are_those_of_leiden() {
        let read = |text: &str| Recipe::from_toml(text).unwrap().comparison().map(|step| step.options.groupby);
        assert_eq!(read("[rank_genes_groups]\n[leiden]\n").as_deref(), Some("leiden"));
        assert_eq!(read("[rank_genes_groups]\n[leiden]\nkey_added = \"fine\"\n").as_deref(), Some("fine"));
        assert_eq!(read("[rank_genes_groups]\ngroupby = \"type\"\n[leiden]\n").as_deref(), Some("type"));
        assert_eq!(read("[leiden]\n"), None);
    }
}
