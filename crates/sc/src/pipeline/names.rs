//! Names of columns that the steps of a recipe ask for, looked up before anything of the matrix is read.

use annstream_store::DType;

use crate::qc::qc_columns;
use crate::recipe::Recipe;
use crate::reduce::{Counts, GeneCounts};
use crate::{Error, Result};

/// Columns that `highly_variable_genes` may add to `var`, whatever the flavor.
const OF_VARIABLE_GENES: [&str; 10] = [
    "highly_variable",
    "highly_variable_rank",
    "highly_variable_nbatches",
    "highly_variable_intersection",
    "means",
    "dispersions",
    "dispersions_norm",
    "variances",
    "variances_norm",
    "residual_variances",
];

/// Names of the columns of cells and genes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnNames {
    /// Those of `obs`.
    pub obs: Vec<String>,
    /// Those of `var`; `None` if they are not known yet, and are taken to be there.
    pub var: Option<Vec<String>>,
}

impl ColumnNames {
    /// Refuses a column of `obs` that is not there.
    ///
    /// # Errors
    /// `Argument`, with the columns that are.
    pub fn in_obs(&self, name: &str) -> Result<()> {
        if self.obs.iter().any(|known| known == name) { Ok(()) } else { Err(missing("obs", name, &self.obs)) }
    }

    /// Refuses a column of `var` that is not there.
    ///
    /// # Errors
    /// `Argument`, with the columns that are.
    pub fn in_var(&self, name: &str) -> Result<()> {
        match &self.var {
            Some(var) if !var.iter().any(|known| known == name) => Err(missing("var", name, var)),
            _ => Ok(()),
        }
    }

    fn add_var(&mut self, names: impl IntoIterator<Item = String>) {
        if let Some(var) = &mut self.var {
            var.extend(names);
        }
    }

    /// The names after the steps of a recipe, each of which finds the columns that it asks for in those before it.
    ///
    /// # Errors
    /// `Argument` if a column is not there that a step asks for.
    pub fn after(mut self, recipe: &Recipe) -> Result<Self> {
        self.counted(recipe)?;
        if let Some(step) = &recipe.scrublet {
            let key = step.options.batch_key.as_deref();
            key.map_or(Ok(()), |key| self.in_obs(key)).map_err(|error| error.at("[scrublet]"))?;
            self.obs.extend(["doublet_score", "predicted_doublet"].map(str::to_owned));
        }
        self.obs.extend(recipe.normalize_total.iter().filter_map(|step| step.key_added.clone()));
        if let Some(step) = &recipe.highly_variable_genes {
            let key = step.batch_key.as_deref();
            key.map_or(Ok(()), |key| self.in_obs(key)).map_err(|error| error.at("[highly_variable_genes]"))?;
            self.add_var(OF_VARIABLE_GENES.map(str::to_owned));
        }
        for key in recipe.regress_out.iter().flat_map(|step| &step.keys) {
            self.in_obs(key).map_err(|error| error.at("[regress_out]"))?;
        }
        if recipe.scale.is_some() {
            self.add_var(["mean", "std"].map(str::to_owned));
        }
        if let Some(mask) =
            recipe.pca.as_ref().and_then(|step| step.mask_var.as_deref()).filter(|mask| !mask.is_empty())
        {
            self.in_var(mask).map_err(|error| error.at("[pca]"))?;
        }
        Ok(self)
    }

    /// Quality control and filters.
    fn counted(&mut self, recipe: &Recipe) -> Result<()> {
        self.add_var(recipe.gene_sets.keys().cloned());
        let mut sets: Vec<String> = recipe.gene_sets.keys().cloned().collect();
        if let Some(qc) = &recipe.qc {
            for name in &qc.qc_vars {
                if self.var.as_ref().is_some_and(|var| !var.contains(name)) {
                    return Err(no_such_set(name));
                }
            }
            sets.extend(qc.qc_vars.iter().cloned());
            // Of nothing there are columns with the same names.
            let added = qc_columns(&Counts::default(), qc, DType::F32, false);
            self.obs.extend(added.obs.into_iter().map(|(name, _)| name));
            self.add_var(added.var.into_iter().map(|(name, _)| name));
        }
        if let Some(filter) = &recipe.filter_cells {
            filter.rule(&sets)?;
            self.obs.extend(filter.columns(&Counts::default(), DType::F32).into_iter().map(|(name, _)| name));
        }
        if let Some(filter) = &recipe.filter_genes {
            self.add_var(filter.columns(&GeneCounts::default(), DType::F32).into_iter().map(|(name, _)| name));
        }
        Ok(())
    }
}

/// Says that genes are to be counted of a set that nobody described.
pub(super) fn no_such_set(name: &str) -> Error {
    Error::argument(format!("no gene set and no column of var is named '{name}'"))
        .hint("describe the set under [gene_sets] of the recipe, as { prefix = [\"MT-\"] }")
}

fn missing(table: &str, name: &str, known: &[String]) -> Error {
    let error = Error::argument(format!("{table} has no column '{name}'"));
    let known: Vec<&str> = known.iter().map(String::as_str).take(20).collect();
    if known.is_empty() { error } else { error.hint(format!("its columns are {}", known.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<ColumnNames> {
        let names = ColumnNames { obs: vec!["sample".to_owned()], var: Some(vec!["mine".to_owned()]) };
        names.after(&Recipe::from_toml(text).unwrap())
    }

    #[test]
    fn steps_find_what_stands_there_and_what_was_added() {
        for (text, word) in [
            ("[scrublet]\nbatch_key = \"no\"\n", "sample"),
            ("[highly_variable_genes]\nbatch_key = \"no\"\n", "[highly_variable_genes]"),
            ("[regress_out]\nkeys = [\"sample\", \"no\"]\n", "[regress_out]"),
            ("[pca]\nmask_var = \"no\"\n", "mine"),
            ("[qc]\nqc_vars = [\"no\"]\n", "gene set"),
            ("[filter_cells]\nmax_percent = { no = 3 }\n", "no"),
            ("[regress_out]\nkeys = [\"total_counts\"]\n", "total_counts"),
        ] {
            let error = check(text).unwrap_err();
            let said = format!("{error} {}", error.next_step().unwrap_or_default());
            assert!(said.contains(word) && error.kind() == crate::ErrorKind::Argument, "{text}: {said}");
        }
        for text in [
            "[qc]\n[regress_out]\nkeys = [\"total_counts\", \"log1p_n_genes_by_counts\"]\n",
            "[gene_sets]\nmt = { prefix = [\"MT-\"] }\n[qc]\nqc_vars = [\"mt\"]\n[regress_out]\nkeys = [\"pct_counts_mt\"]\n",
            "[scrublet]\nbatch_key = \"sample\"\n[regress_out]\nkeys = [\"doublet_score\"]\n",
            "[filter_cells]\nmin_genes = 3\n[regress_out]\nkeys = [\"n_genes\"]\n",
            "[normalize_total]\nkey_added = \"by\"\n[regress_out]\nkeys = [\"by\"]\n",
            "[highly_variable_genes]\n[pca]\nmask_var = \"highly_variable\"\n",
            "[pca]\nmask_var = \"mine\"\n[qc]\nqc_vars = [\"mine\"]\n",
        ] {
            assert!(check(text).is_ok(), "{text}: {:?}", check(text));
        }
        let unknown = ColumnNames { var: None, ..ColumnNames::default() };
        assert!(unknown.after(&Recipe::from_toml("[pca]\nmask_var = \"no\"\n").unwrap()).is_ok());
    }
}
