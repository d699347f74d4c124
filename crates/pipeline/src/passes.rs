//! What a recipe will take, before anything is read.

use annstream_sc::markers::Method;
use annstream_sc::pipeline::{self, KeepX};
use serde::Serialize;

use crate::Recipe;

/// Passes over the matrix, and what is done between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stages {
    /// What each pass up to the components is for, as far as the recipe tells.
    pub before: Vec<String>,
    /// Steps that hold what they need in memory.
    pub in_memory: Vec<String>,
    /// What each pass after them is for.
    pub after: Vec<String>,
}

/// The stages of a recipe; see [`pipeline::passes`] for what it cannot tell. Neighbours by `X` take a pass of their own.
pub fn stages(recipe: &Recipe, keep_x: KeepX) -> Stages {
    let mut before = pipeline::passes(&recipe.matrix, keep_x);
    if let Some(step) = &recipe.connection()
        && (step.use_rep.as_deref() == Some("X") || (step.use_rep.is_none() && step.n_pcs == Some(0)))
    {
        before.push("X as an embedding".to_owned());
    }
    let steps = [
        ("harmony", recipe.harmony.is_some()),
        ("neighbors", recipe.neighbors.is_some()),
        ("umap", recipe.umap.is_some()),
        ("leiden", recipe.leiden.is_some()),
    ];
    let in_memory = steps.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| name.to_owned()).collect();
    let after: &[&str] = match recipe.rank_genes_groups.as_ref().map(|step| step.options.method) {
        None => &[],
        Some(Method::TTest | Method::TTestOverestimVar) => &["sums of groups"],
        Some(Method::Wilcoxon) => &["values of each gene are counted", "values are sorted by genes, to be ranked"],
    };
    Stages { before, in_memory, after: after.iter().map(|&pass| pass.to_owned()).collect() }
}

impl Stages {
    /// All passes.
    pub fn passes(&self) -> Vec<String> {
        self.before.iter().chain(&self.after).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_take_one_pass_or_two() {
        let tutorial = stages(&Recipe::tutorial(), KeepX::Both);
        assert_eq!((tutorial.before.len(), tutorial.after.len()), (3, 1));
        assert_eq!(tutorial.in_memory, ["neighbors", "umap", "leiden"]);
        let until = stages(&Recipe::tutorial().until("umap").unwrap(), KeepX::Both);
        assert_eq!((until.passes().len(), until.in_memory.len()), (3, 2));
        let corrected = "[scrublet]\n[pca]\n[harmony]\nkey = \"a\"\n[neighbors]\n";
        let corrected = stages(&Recipe::from_toml(corrected).unwrap(), KeepX::Both);
        assert_eq!((corrected.before.len(), corrected.in_memory.len()), (4, 2));
        let text = "[neighbors]\nuse_rep = \"X\"\n[rank_genes_groups]\nmethod = \"wilcoxon\"\n";
        assert_eq!(stages(&Recipe::from_toml(text).unwrap(), KeepX::Both).passes().len(), 3);
    }
}
