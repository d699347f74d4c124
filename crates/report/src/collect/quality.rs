//! Distributions of quality metrics, sample by sample.

use annstream_core::Result;

use super::{Source, rounded};
use crate::category;
use crate::density::Distribution;
use crate::report::{Metric, Quality};

/// Columns, each with the one that stands for it if it is not there, and what they mean.
const METRICS: [(&str, &str, &str); 4] = [
    ("n_genes_by_counts", "n_genes", "Genes per cell"),
    ("total_counts", "n_counts", "Counts per cell"),
    ("pct_counts_mt", "percent_mito", "Mitochondrial counts (%)"),
    ("doublet_score", "doublet_scores", "Doublet score"),
];

/// Most metrics that are shown.
const MOST: usize = 6;

/// The columns of quality metrics that a file has, with what they mean.
pub(super) fn metrics(source: &Source<'_>) -> Vec<(String, String)> {
    let columns = &source.file.obs().columns;
    let mut out: Vec<(String, String)> = Vec::new();
    for (name, other, label) in METRICS {
        if let Some(name) = [name, other].into_iter().find(|name| columns.contains_key(*name)) {
            out.push((name.to_owned(), label.to_owned()));
        }
    }
    let shares = columns.keys().filter(|name| !name.starts_with("pct_counts_in_top_") && *name != "pct_counts_mt");
    for (name, set) in shares.filter_map(|name| name.strip_prefix("pct_counts_").map(|set| (name, set))) {
        let label = match set {
            "ribo" => "Ribosomal counts (%)".to_owned(),
            "hb" => "Hemoglobin counts (%)".to_owned(),
            set => format!("Counts of {set} (%)"),
        };
        out.push((name.clone(), label));
    }
    out.truncate(MOST);
    out
}

pub(super) fn quality(source: &mut Source<'_>) -> Result<Option<Quality>> {
    let mut found = Vec::new();
    for (name, label) in metrics(source) {
        let Some(mut values) = category::numbers(source.file, &name)? else { continue };
        let mut groups: Vec<Vec<f64>> = source.samples.sizes.iter().map(|_| Vec::new()).collect();
        for (value, code) in values.iter().zip(&source.samples.codes) {
            if let Some(group) = code.and_then(|code| groups.get_mut(code as usize)) {
                group.push(*value);
            }
        }
        let groups = groups.iter_mut().map(|group| short(Distribution::of(group))).collect();
        found.push(Metric { name, label, all: short(Distribution::of(&mut values)), groups });
    }
    if found.is_empty() {
        let what = "obs has no quality metrics (n_genes_by_counts, total_counts, pct_counts_mt).";
        source.lacks("quality", what, "annstream qc COUNTS -o OUT, or annstream run COUNTS -o OUT");
        return Ok(None);
    }
    let samples = &source.samples;
    Ok(Some(Quality {
        column: samples.name.clone(),
        samples: samples.labels.clone(),
        colors: samples.colors.clone(),
        metrics: found,
    }))
}

/// With as many digits as anyone reads.
fn short(distribution: Distribution) -> Distribution {
    let Distribution { count, mean, quantiles, density } = distribution;
    Distribution {
        count,
        mean: mean.map(|mean| rounded(mean, 7)),
        quantiles: quantiles.into_iter().map(|value| rounded(value, 7)).collect(),
        density: density.into_iter().map(|height| (height * 1000.0).round() / 1000.0).collect(),
    }
}
