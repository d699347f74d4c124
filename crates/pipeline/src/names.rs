//! What the steps of a recipe look for by name, before anything of the matrix is read.

use annstream_core::anndata::{AnnDataFile, Slot};
use annstream_core::concat::ConcatPlan;
use annstream_graph::inputs::{choose_among, no_embedding, no_graph};
use annstream_graph::umap::beginning;
use annstream_sc::markers;
use annstream_sc::pipeline::{ColumnNames, KeepX, no_x};

use crate::{Recipe, Result};

/// What an input has, by name.
#[derive(Clone, Debug, Default)]
pub struct Names {
    columns: ColumnNames,
    obsm: Vec<String>,
    layers: Vec<String>,
    /// `None` where it is not known yet.
    uns: Option<Vec<String>>,
    has_raw: bool,
    /// `None` where it is found out when the matrices are joined.
    has_x: Option<bool>,
    n_vars: usize,
}

impl Names {
    /// Those of a file.
    pub fn of_file(file: &AnnDataFile) -> Self {
        Self {
            columns: ColumnNames {
                obs: file.obs().columns.keys().cloned().collect(),
                var: Some(file.var().columns.keys().cloned().collect()),
            },
            obsm: file.obsm().keys().cloned().collect(),
            layers: file.layers().keys().cloned().collect(),
            uns: Some(file.uns_names().to_vec()),
            has_raw: file.raw().is_some(),
            has_x: Some(file.x().is_some()),
            n_vars: file.n_vars(),
        }
    }

    /// The same where the rows of `X` stand in no file.
    #[must_use]
    pub fn with_rows_apart(self) -> Self {
        Self { has_x: None, ..self }
    }

    /// Those of a concatenation. What becomes of the columns of `var` and of `uns` is found out when values are compared.
    pub fn of_plan(plan: &ConcatPlan) -> Self {
        Self {
            columns: ColumnNames { obs: plan.columns(), var: None },
            obsm: plan.aligned(),
            layers: plan.layers(),
            uns: None,
            has_raw: plan.has_raw(),
            has_x: None,
            n_vars: usize::try_from(plan.summary.shape[1]).unwrap_or(usize::MAX),
        }
    }

    /// Refuses a recipe of which a step looks for a column, an embedding, a graph, a layer or `raw` that neither the input
    /// has nor a step before it makes.
    ///
    /// # Errors
    /// Those of the steps: `Argument` or `NotFound`.
    pub fn check(mut self, recipe: &Recipe, keep_x: KeepX) -> Result<()> {
        self.columns = self.columns.after(&recipe.matrix)?;
        if recipe.matrix.pca.is_some() {
            self.obsm.push("X_pca".to_owned());
        }
        self.harmony(recipe).map_err(|error| error.at("[harmony]"))?;
        self.neighbors(recipe).map_err(|error| error.at("[neighbors]"))?;
        self.umap(recipe).map_err(|error| error.at("[umap]"))?;
        self.leiden(recipe).map_err(|error| error.at("[leiden]"))?;
        self.comparison(recipe, keep_x).map_err(|error| error.at("[rank_genes_groups]"))?;
        match self.reader_of_x(recipe)? {
            Some(step) if self.has_x == Some(false) => {
                let other = "a recipe of steps on embeddings and graphs needs no X";
                Err(no_x().at(format!("[{step}]")).hint(other))
            }
            _ => Ok(()),
        }
    }

    /// The first step that reads `X`, if any does.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn reader_of_x(&self, recipe: &Recipe) -> Result<Option<&'static str>> {
        if let Some(step) = recipe.matrix.first() {
            return Ok(Some(step));
        }
        if let Some(step) = recipe.connection() {
            let made = recipe.harmony.iter().map(|step| step.adjusted_basis.clone());
            let known: Vec<String> = self.obsm.iter().cloned().chain(made).collect();
            let chosen = choose_among(&known, self.n_vars, step.use_rep.as_deref(), step.n_pcs)?;
            if matches!(chosen, (Slot::X, _)) {
                return Ok(Some("neighbors"));
            }
        }
        let Some(step) = recipe.comparison() else { return Ok(None) };
        Ok(markers::reads_x(&step.options.resolved(), self.has_raw)?.then_some("rank_genes_groups"))
    }

    fn harmony(&mut self, recipe: &Recipe) -> Result<()> {
        let Some(step) = &recipe.harmony else { return Ok(()) };
        if !self.obsm.contains(&step.basis) {
            return Err(no_embedding(&step.basis, &self.obsm));
        }
        step.key.iter().try_for_each(|key| self.columns.in_obs(key))?;
        self.obsm.push(step.adjusted_basis.clone());
        Ok(())
    }

    fn neighbors(&self, recipe: &Recipe) -> Result<()> {
        let Some(step) = recipe.connection() else { return Ok(()) };
        let subset = recipe.matrix.highly_variable_genes.as_ref().is_some_and(|step| step.subset);
        // As few genes may be left that they are the embedding.
        let least = if subset || recipe.matrix.filter_genes.is_some() { 0 } else { self.n_vars };
        choose_among(&self.obsm, least, step.use_rep.as_deref(), step.n_pcs).map(drop)
    }

    /// The graph that stands under a key, or is made.
    fn graph(&self, recipe: &Recipe, key: Option<&str>) -> Result<()> {
        let key = key.unwrap_or("neighbors");
        let made = recipe.neighbors.as_ref().map(|step| step.key_added.as_deref().unwrap_or("neighbors"));
        match &self.uns {
            Some(uns) if made != Some(key) && !uns.iter().any(|known| known == key) => Err(no_graph(key)),
            _ => Ok(()),
        }
    }

    fn umap(&mut self, recipe: &Recipe) -> Result<()> {
        let Some(step) = &recipe.umap else { return Ok(()) };
        self.graph(recipe, step.neighbors_key.as_deref())?;
        beginning(&self.obsm, step.init_pos.as_deref())?;
        self.obsm.push("X_umap".to_owned());
        Ok(())
    }

    fn leiden(&mut self, recipe: &Recipe) -> Result<()> {
        let Some(step) = &recipe.leiden else { return Ok(()) };
        self.graph(recipe, step.neighbors_key.as_deref())?;
        step.restrict_to.as_ref().map_or(Ok(()), |restriction| self.columns.in_obs(&restriction.column))?;
        self.columns.obs.push(step.key().to_owned());
        Ok(())
    }

    fn comparison(&mut self, recipe: &Recipe, keep_x: KeepX) -> Result<()> {
        let Some(step) = recipe.comparison() else { return Ok(()) };
        let options = step.options.resolved();
        self.columns.in_obs(&options.groupby)?;
        if keep_x == KeepX::Both && recipe.matrix.changes_x() {
            self.layers.push("counts".to_owned());
        }
        markers::check_matrix(&options, &self.layers, self.has_raw)?;
        options.mask_var.as_deref().map_or(Ok(()), |mask| self.columns.in_var(mask))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<()> {
        check_with(text, true)
    }

    fn check_with(text: &str, has_x: bool) -> Result<()> {
        let names = Names {
            columns: ColumnNames { obs: vec!["batch".to_owned()], var: Some(Vec::new()) },
            obsm: vec!["X_other".to_owned()],
            layers: vec!["logs".to_owned()],
            uns: Some(vec!["mine".to_owned()]),
            has_raw: false,
            has_x: Some(has_x),
            n_vars: 100,
        };
        names.check(&Recipe::from_toml(text).unwrap(), KeepX::Both)
    }

    #[test]
    fn steps_find_what_stands_there_and_what_was_made() {
        for (text, word) in [
            ("[harmony]\nkey = \"batch\"\n", "no X_pca"),
            ("[pca]\n[harmony]\nkey = [\"batch\", \"no\"]\n", "no column 'no'"),
            ("[neighbors]\n", "no X_pca"),
            ("[pca]\n[neighbors]\nuse_rep = \"X_pca_harmony\"\n", "no X_pca_harmony"),
            ("[umap]\n", "no graph"),
            ("[pca]\n[neighbors]\nkey_added = \"own\"\n[umap]\n", "no graph"),
            ("[leiden]\nneighbors_key = \"no\"\n", "uns/no"),
            ("[umap]\nneighbors_key = \"mine\"\ninit_pos = \"X_no\"\n", "obsm/X_no"),
            ("[umap]\nneighbors_key = \"mine\"\ninit_pos = \"pca\"\n", "obsm/X_pca"),
            ("[leiden]\nneighbors_key = \"mine\"\nrestrict_to = { column = \"no\", groups = [\"a\"] }\n", "no column"),
            ("[rank_genes_groups]\n", "no column 'leiden'"),
            ("[rank_genes_groups]\ngroupby = \"batch\"\nlayer = \"counts\"\n", "no layer 'counts'"),
            ("[rank_genes_groups]\ngroupby = \"batch\"\nuse_raw = true\n", "raw"),
            ("[rank_genes_groups]\ngroupby = \"batch\"\nmask_var = \"highly_variable\"\n", "no column"),
        ] {
            let said = check(text).unwrap_err().to_string();
            assert!(said.contains(word), "{text}: {said}");
        }
        for text in [
            "[pca]\n[harmony]\nkey = \"batch\"\n[neighbors]\nuse_rep = \"X_pca_harmony\"\n",
            "[harmony]\nkey = \"batch\"\nbasis = \"X_other\"\n[neighbors]\n",
            "[filter_genes]\nmin_cells = 3\n[neighbors]\n",
            "[neighbors]\nuse_rep = \"X\"\nkey_added = \"own\"\n[leiden]\nneighbors_key = \"own\"\n[rank_genes_groups]\n",
            "[umap]\nneighbors_key = \"mine\"\ninit_pos = \"X_other\"\n",
            "[log1p]\n[rank_genes_groups]\ngroupby = \"batch\"\nlayer = \"counts\"\n",
            "[highly_variable_genes]\n[rank_genes_groups]\ngroupby = \"batch\"\nmask_var = \"highly_variable\"\n",
            "[scrublet]\n[rank_genes_groups]\ngroupby = \"predicted_doublet\"\n",
        ] {
            assert!(check(text).is_ok(), "{text}: {:?}", check(text));
        }
        let tutorial = Names { n_vars: 100, ..Names::default() };
        assert!(tutorial.check(&Recipe::tutorial(), KeepX::Both).is_ok());
    }

    #[test]
    fn without_x_go_steps_on_embeddings_graphs_and_layers() {
        for text in [
            "[neighbors]\nuse_rep = \"X_other\"\n[umap]\n[leiden]\n",
            "[harmony]\nkey = \"batch\"\nbasis = \"X_other\"\n[neighbors]\n",
            "[leiden]\nneighbors_key = \"mine\"\n",
            "[rank_genes_groups]\ngroupby = \"batch\"\nlayer = \"logs\"\n",
        ] {
            assert!(check_with(text, false).is_ok(), "{text}");
        }
        for (text, step) in [
            ("[log1p]\n[neighbors]\nuse_rep = \"X_other\"\n", "[log1p]"),
            ("[neighbors]\nuse_rep = \"X\"\n", "[neighbors]"),
            ("[rank_genes_groups]\ngroupby = \"batch\"\n", "[rank_genes_groups]"),
        ] {
            assert!(check_with(text, true).is_ok(), "{text}");
            let refused = check_with(text, false).unwrap_err().to_string();
            assert!(refused.contains(step) && refused.contains("no X"), "{refused}");
        }
    }
}
