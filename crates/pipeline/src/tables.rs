//! Recipes out of TOML files.

use annstream_graph::harmony::HarmonyStep;
use annstream_graph::leiden::LeidenStep;
use annstream_graph::neighbors::NeighborsStep;
use annstream_graph::umap::UmapStep;
use annstream_sc::markers::MarkersStep;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, Deserializer, Error as TomlError};

use crate::recipe::{Recipe, STEPS};
use crate::{Error, Result};

/// The tables that the steps on the matrix do not know.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Later {
    harmony: Option<HarmonyStep>,
    neighbors: Option<NeighborsStep>,
    umap: Option<UmapStep>,
    leiden: Option<LeidenStep>,
    rank_genes_groups: Option<MarkersStep>,
}

/// Their names.
const LATER: [&str; 5] = ["harmony", "neighbors", "umap", "leiden", "rank_genes_groups"];

impl Recipe {
    /// From the text of a TOML file: one table for each step.
    ///
    /// # Errors
    /// `Argument`, with line and column (of the table, for some), if it is not such a file.
    pub fn from_toml(text: &str) -> Result<Self> {
        read(text).map_err(|mut error| {
            error.set_input(Some(text));
            let said = Error::argument(format!("not a recipe: {}", error.to_string().trim_end()));
            let unknown = error.message().contains("`gene_sets`");
            if unknown { said.hint(format!("the tables are gene_sets, {}", STEPS.join(", "))) } else { said }
        })
    }
}

fn read(text: &str) -> std::result::Result<Recipe, TomlError> {
    let whole = DeTable::parse(text)?;
    let span = whole.span();
    let (later, matrix): (DeTable, DeTable) =
        whole.into_inner().into_iter().partition(|(name, _)| LATER.contains(&name.get_ref().as_ref()));
    let Later { harmony, neighbors, umap, leiden, rank_genes_groups } = part(Spanned::new(span.clone(), later))?;
    Ok(Recipe { matrix: part(Spanned::new(span, matrix))?, harmony, neighbors, umap, leiden, rank_genes_groups })
}

fn part<T: DeserializeOwned>(table: Spanned<DeTable<'_>>) -> std::result::Result<T, TomlError> {
    T::deserialize(Deserializer::from(table))
}

#[cfg(test)]
mod tests {
    use annstream_graph::leiden::Objective;
    use annstream_graph::neighbors::{Method, Metric};
    use annstream_sc::markers::Method as Test;

    use super::*;

    #[test]
    fn recipes_survive_toml() {
        let recipe = Recipe::tutorial();
        let text = recipe.to_toml().unwrap();
        assert_eq!(Recipe::from_toml(&text).unwrap(), recipe, "{text}");
        assert_eq!(Recipe::from_toml("").unwrap(), Recipe::default());
    }

    #[test]
    fn options_have_the_names_of_scanpy() {
        let text = r#"
            [scrublet]
            batch_key = "sample"
            sim_doublet_ratio = 3
            expected_doublet_rate = 0.08
            threshold = 0.3
            n_prin_comps = 20
            knn_dist_metric = "cosine"
            use_approx_neighbors = true
            filter = true
            random_state = 9
            [harmony]
            key = ["sample", "donor"]
            theta = 1
            ridge_lambda = [1, 2.5]
            max_iter_harmony = 5
            basis = "X_pca"
            random_state = 8
            [neighbors]
            n_neighbors = 30
            n_pcs = 20
            use_rep = "X_pca"
            metric = "cosine"
            method = "gauss"
            key_added = "mine"
            random_state = 3
            [umap]
            min_dist = 0.1
            spread = 2
            n_components = 3
            maxiter = 50
            alpha = 0.5
            gamma = 2.0
            negative_sample_rate = 7
            init_pos = "random"
            random_state = 4
            a = 1.5
            b = 0.9
            neighbors_key = "mine"
            [leiden]
            resolution = 0.8
            n_iterations = 2
            starts = 1
            objective = "cpm"
            directed = true
            use_weights = false
            restrict_to = { column = "batch", groups = ["x"] }
            key_added = "fine"
            neighbors_key = "mine"
            random_state = 5
            [rank_genes_groups]
            groupby = "fine"
            groups = ["all"]
            reference = "rest"
            method = "t-test_overestim_var"
            tie_correct = true
            n_genes = 25
            rankby_abs = true
            pts = true
            corr_method = "bonferroni"
            layer = "counts"
            use_raw = false
            mask_var = "highly_variable"
            key_added = "markers"
        "#;
        let recipe = Recipe::from_toml(text).unwrap();
        let again = Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap();
        assert_eq!(again, recipe);
        let (scrublet, harmony) = (recipe.matrix.scrublet.unwrap(), recipe.harmony.unwrap());
        assert_eq!(
            (scrublet.options.sim_doublet_ratio, scrublet.filter, scrublet.options.random_state),
            (3.0, true, 9)
        );
        assert_eq!((harmony.key.len(), &harmony.options.theta, harmony.options.random_state), (2, &vec![1.0], 8));
        let (neighbors, leiden) = (recipe.neighbors.unwrap(), recipe.leiden.unwrap());
        assert_eq!((neighbors.metric, neighbors.method, neighbors.random_state), (Metric::Cosine, Method::Gauss, 3));
        assert_eq!((leiden.options.objective, leiden.options.seed, leiden.key()), (Objective::Cpm, 5, "fine"));
        let umap = recipe.umap.unwrap();
        assert_eq!((umap.options.spread, umap.options.random_state, umap.a), (2.0, 4, Some(1.5)));
        let markers = recipe.rank_genes_groups.unwrap();
        assert_eq!(markers.options.method, Test::TTestOverestimVar);
        assert_eq!(markers.options.resolved().groups, None);
        let seeds = "[neighbors]\nseed = 1\n[umap]\nseed = 2\n[leiden]\nseed = 3\n";
        let seeds = Recipe::from_toml(seeds).unwrap();
        assert_eq!(seeds.neighbors.unwrap().random_state, 1);
        assert_eq!(seeds.umap.unwrap().options.random_state, 2);
        assert_eq!(seeds.leiden.unwrap().options.seed, 3);
    }

    #[test]
    fn errors_say_where() {
        for (text, line, word) in [
            ("[qc]\n[neighbor]\n", 2, "neighbor"),
            ("[qc]\n[neighbors]\nk = 3\n", 3, "k"),
            ("[log1p]\n\n[neighbors]\nmetric = \"taxi\"\n", 4, "taxi"),
            ("[neighbors]\nn_neighbors = \"many\"\n", 2, "string"),
            ("[umap]\nmindist = 1\n", 1, "mindist"),
            ("[log1p]\n[leiden]\nresolution = \"high\"\n", 2, "string"),
            ("[scrublet]\ndoublets = 3\n", 1, "doublets"),
            ("[harmony]\nkeys = \"a\"\n", 1, "keys"),
            ("[harmony]\nkey = 3\n", 2, "one value"),
            ("[rank_genes_groups]\nmethod = \"logreg\"\n", 1, "logreg"),
            ("[pca]\nn_comps = 3\n[pca]\n", 3, "pca"),
            ("[filter_cells]\nmin_genes = 1.5\n[umap]\n", 2, "floating"),
        ] {
            let error = Recipe::from_toml(text).unwrap_err();
            let said = error.to_string();
            assert!(said.contains(&format!("line {line}")) && said.contains(word), "{text}\n{said}");
        }
        let error = Recipe::from_toml("[normalise]\n").unwrap_err();
        assert!(error.next_step().unwrap().contains("harmony, neighbors, umap"));
    }
}
