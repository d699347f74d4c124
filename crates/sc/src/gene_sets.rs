//! Sets of genes by their names, such as the mitochondrial ones.

use annstream_core::{Error, Result};
use regex_lite::Regex;
use serde::{Deserialize, Serialize};

/// Which genes belong to a set: those whose name starts with one of the prefixes, or matches the expression anywhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeneSet {
    /// Beginnings of names, as `var_names.str.startswith((...))`.
    pub prefix: Vec<String>,
    /// A regular expression, as `var_names.str.contains(...)`.
    pub pattern: Option<String>,
}

impl GeneSet {
    /// Of names that start so.
    pub fn prefix(prefix: &[&str]) -> Self {
        Self { prefix: prefix.iter().map(|&text| text.to_owned()).collect(), pattern: None }
    }

    /// Of names that match.
    pub fn pattern(pattern: &str) -> Self {
        Self { prefix: vec![], pattern: Some(pattern.to_owned()) }
    }

    /// For each gene whether it belongs to the set.
    ///
    /// # Errors
    /// `Argument` if the pattern is not a regular expression.
    pub fn mark<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Vec<bool>> {
        let pattern = self.pattern.as_deref().map(|text| {
            Regex::new(text).map_err(|error| Error::argument(format!("'{text}' is not a regular expression: {error}")))
        });
        let pattern = pattern.transpose()?;
        let belongs = |name: &str| {
            self.prefix.iter().any(|prefix| name.starts_with(prefix.as_str()))
                || pattern.as_ref().is_some_and(|pattern| pattern.is_match(name))
        };
        Ok(names.map(belongs).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_patterns_mark_genes() {
        let names = ["MT-CO1", "HBB", "HBP1", "RPS3", "AMT-1"];
        let mark = |set: GeneSet| set.mark(names.into_iter()).unwrap();
        assert_eq!(mark(GeneSet::prefix(&["MT-"])), [true, false, false, false, false]);
        assert_eq!(mark(GeneSet::prefix(&["RPS", "RPL"])), [false, false, false, true, false]);
        assert_eq!(mark(GeneSet::pattern("^HB[^(P)]")), [false, true, false, false, false]);
        assert!(GeneSet::pattern("(").mark(names.into_iter()).is_err());
    }
}
