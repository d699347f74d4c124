//! Sizes of clusters, and the samples that their cells come from.

use super::Source;
use crate::report::Clusters;

pub(super) fn clusters(source: &mut Source<'_>) -> Option<Clusters> {
    let Some(clusters) = &source.clusters else {
        source.lacks("clusters", "obs has no column of clusters.", "annstream leiden IN -o OUT");
        return None;
    };
    let samples = &source.samples;
    let mut composition = vec![vec![0_u64; samples.labels.len()]; clusters.labels.len()];
    for (cluster, sample) in clusters.codes.iter().zip(&samples.codes) {
        if let (Some(cluster), Some(sample)) = (cluster, sample) {
            composition[*cluster as usize][*sample as usize] += 1;
        }
    }
    Some(Clusters {
        column: clusters.name.clone(),
        names: clusters.labels.clone(),
        colors: clusters.colors.clone(),
        sizes: clusters.sizes.clone(),
        sample_column: samples.name.clone(),
        samples: samples.labels.clone(),
        sample_colors: samples.colors.clone(),
        composition,
    })
}
