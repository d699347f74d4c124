//! Which genes controls are: drawn from those that are expressed alike.

use super::ScoreOptions;
use crate::sample::Mersenne;
use crate::{Error, Result};

/// The genes that controls are drawn from, and how much they are expressed.
pub(super) struct Pool<'a> {
    /// Names of all genes.
    pub(super) names: &'a [&'a str],
    /// Positions of those of the pool.
    pub(super) genes: &'a [u32],
    /// Their means; those that are not finite are left out.
    pub(super) means: &'a [f64],
}

/// Draws the control genes of a list: in the order in which scanpy adds them up.
pub(super) fn controls(pool: &Pool<'_>, list: &[u32], size: usize, options: &ScoreOptions) -> Result<Vec<u32>> {
    let name = |gene: u32| pool.names.get(gene as usize).copied().unwrap_or_default();
    let finite: Vec<(u32, f64)> =
        pool.genes.iter().copied().zip(pool.means.iter().copied()).filter(|(_, mean)| mean.is_finite()).collect();
    let cuts = cuts(&finite, options.n_bins)?;
    let mut own = Vec::with_capacity(list.len());
    for &gene in list {
        let place = finite.iter().position(|(other, _)| *other == gene).ok_or_else(|| {
            Error::argument(format!("the gene '{}' is not among those that controls are drawn from", name(gene)))
                .hint("add it to the gene pool, or leave it out; genes whose mean is not finite are in no pool")
        })?;
        own.push(cuts[place]);
    }
    own.sort_unstable();
    own.dedup();
    let listed: std::collections::HashSet<u32> = list.iter().copied().collect();
    let mut generator = Mersenne::new(options.random_state);
    let mut all: Vec<u32> = Vec::new();
    for cut in own {
        let alike = finite.iter().zip(&cuts).filter(|(_, other)| **other == cut).map(|((gene, _), _)| *gene);
        let mut drawn: Vec<u32> = alike.filter(|gene| options.ctrl_as_ref || !listed.contains(gene)).collect();
        if size < drawn.len() {
            let (extent, size) = (u32::try_from(drawn.len()), u32::try_from(size));
            let (Ok(extent), Ok(size)) = (extent, size) else {
                return Err(Error::unsupported("more than 2^32 genes"));
            };
            drawn = generator.choice(extent, size).into_iter().map(|place| drawn[place as usize]).collect();
        }
        if options.ctrl_as_ref {
            drawn.retain(|gene| !listed.contains(gene));
            drawn.sort_unstable_by_key(|gene| name(*gene));
        }
        // As the union of two pandas indexes: sorted, unless one is empty.
        if all.is_empty() {
            all = drawn;
        } else if !drawn.is_empty() {
            all.extend(drawn);
            all.sort_unstable_by_key(|gene| name(*gene));
        }
    }
    if all.is_empty() {
        let error = Error::argument("no gene is left to be a control");
        return Err(if options.ctrl_as_ref { error.hint("give --no-ctrl-as-ref") } else { error });
    }
    Ok(all)
}

/// The bin of each gene: its rank, least of those that are equal, over the number of genes in a bin, rounded down.
fn cuts(genes: &[(u32, f64)], bins: usize) -> Result<Vec<u64>> {
    if bins < 2 {
        return Err(Error::argument(format!("n_bins is {bins}, expected 2 or more")));
    }
    let size = (genes.len() as f64 / (bins - 1) as f64).round_ties_even();
    let mut sorted: Vec<f64> = genes.iter().map(|(_, mean)| *mean + 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = |mean: f64| (sorted.partition_point(|other| *other < mean) + 1) as f64;
    // Fewer genes than bins: scanpy divides by zero, and all are in one.
    let cut = |mean: f64| if size > 0.0 { (rank(mean) / size).floor() } else { 0.0 };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, and at most the number of genes"
    )]
    Ok(genes.iter().map(|(_, mean)| cut(*mean) as u64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_those_of_pandas() {
        let genes: Vec<(u32, f64)> = (0..).zip([0.0, 0.0, 3.0, 1.0, 1.0, 1.0, 9.0, 2.0]).collect();
        // rank(method="min") is 1 1 7 3 3 3 8 6; round(8 / 3) is 3.
        assert_eq!(cuts(&genes, 4).unwrap(), [0, 0, 2, 1, 1, 1, 2, 2]);
        assert_eq!(cuts(&genes, 25).unwrap(), [0; 8]);
        assert!(cuts(&genes, 1).is_err());
    }

    #[test]
    fn controls_stand_apart_from_the_list() {
        let names = ["d", "c", "b", "a"];
        let pool = Pool { names: &names, genes: &[0, 1, 2, 3], means: &[1.0, 1.0, 1.0, f64::NAN] };
        let options = ScoreOptions::default();
        assert_eq!(controls(&pool, &[1], 50, &options).unwrap(), [2, 0]);
        let apart = ScoreOptions { ctrl_as_ref: false, ..options.clone() };
        assert_eq!(controls(&pool, &[1], 50, &apart).unwrap(), [0, 2]);
        assert!(controls(&pool, &[3], 50, &options).is_err());
        assert!(controls(&pool, &[0, 1, 2], 50, &options).is_err());
    }
}
