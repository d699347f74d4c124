//! What each filter removed, one condition after the other.

use serde::Serialize;

use crate::filter::{CellFilter, GeneFilter};
use crate::reduce::{Counts, GeneCounts};

/// A condition, and what it did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Filtered {
    /// `cells` or `genes`.
    pub axis: &'static str,
    /// The condition.
    pub rule: String,
    /// How many it removed, of those that the conditions before it left.
    pub removed: u64,
    /// How many it left.
    pub left: u64,
}

/// Conditions in their order, as several calls of scanpy.
struct Sieve {
    axis: &'static str,
    left: Vec<bool>,
    done: Vec<Filtered>,
}

impl Sieve {
    fn new(axis: &'static str, len: usize) -> Self {
        Self { axis, left: vec![true; len], done: Vec::new() }
    }

    /// Keeps what a condition keeps, if there is such a condition.
    fn apply<T>(&mut self, bound: Option<T>, rule: impl Fn(&T) -> String, keeps: impl Fn(usize, &T) -> bool) {
        let Some(bound) = bound else { return };
        let (mut removed, mut left) = (0, 0);
        for (i, own) in self.left.iter_mut().enumerate().filter(|(_, own)| **own) {
            *own = keeps(i, &bound);
            if *own { left += 1 } else { removed += 1 }
        }
        self.done.push(Filtered { axis: self.axis, rule: rule(&bound), removed, left });
    }
}

/// What the conditions on cells removed. `sets` are the gene sets that were counted.
pub(super) fn of_cells(filter: &CellFilter, counts: &Counts, sets: &[String]) -> Vec<Filtered> {
    let CellFilter { min_genes, min_counts, max_genes, max_counts, max_percent } = filter;
    let mut sieve = Sieve::new("cells", counts.total.len());
    let genes = |i: usize| u64::from(counts.positive[i]);
    let total = |i: usize| counts.total[i];
    sieve.apply(*min_genes, |least| format!("at least {least} genes"), |i, least| genes(i) >= *least);
    sieve.apply(*min_counts, |least| format!("a total of at least {least}"), |i, least| total(i) >= *least);
    sieve.apply(*max_genes, |most| format!("at most {most} genes"), |i, most| genes(i) <= *most);
    sieve.apply(*max_counts, |most| format!("a total of at most {most}"), |i, most| total(i) <= *most);
    for (name, most) in max_percent {
        let Some(place) = sets.iter().position(|set| set == name) else { continue };
        let share = |i: usize| counts.sets[i * sets.len() + place] / total(i) * 100.0;
        sieve.apply(Some(*most), |most| format!("at most {most} % {name}"), |i, most| share(i) <= *most);
    }
    sieve.done
}

/// What the conditions on genes removed, over the cells that stay.
pub(super) fn of_genes(filter: &GeneFilter, genes: &GeneCounts) -> Vec<Filtered> {
    let GeneFilter { min_cells, min_counts, max_cells, max_counts } = *filter;
    let mut sieve = Sieve::new("genes", genes.total.len());
    let (cells, total) = (|i: usize| genes.positive[i], |i: usize| genes.total[i]);
    sieve.apply(min_cells, |least| format!("in at least {least} cells"), |i, least| cells(i) >= *least);
    sieve.apply(min_counts, |least| format!("a total of at least {least}"), |i, least| total(i) >= *least);
    sieve.apply(max_cells, |most| format!("in at most {most} cells"), |i, most| cells(i) <= *most);
    sieve.apply(max_counts, |most| format!("a total of at most {most}"), |i, most| total(i) <= *most);
    sieve.done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_sees_what_those_before_it_left() {
        let counts = Counts {
            positive: vec![1, 5, 9, 9, 3],
            total: vec![1.0, 10.0, 90.0, 90.0, 0.0],
            sets: vec![0.0, 1.0, 45.0, 1.0, 0.0],
            ..Counts::default()
        };
        let filter = CellFilter {
            min_genes: Some(3),
            max_counts: Some(95.0),
            max_percent: [("mt".to_owned(), 20.0)].into_iter().collect(),
            ..CellFilter::default()
        };
        let found = of_cells(&filter, &counts, &["mt".to_owned()]);
        let lines: Vec<_> = found.iter().map(|one| (one.rule.as_str(), one.removed, one.left)).collect();
        // The empty cell has no share, and goes.
        let expected = [("at least 3 genes", 1, 4), ("a total of at most 95", 0, 4), ("at most 20 % mt", 2, 2)];
        assert_eq!(lines, expected);
        let genes = GeneCounts { nonzero: vec![], positive: vec![0, 3, 9], total: vec![0.0, 3.0, 99.0] };
        let found = of_genes(&GeneFilter { min_cells: Some(3), ..GeneFilter::default() }, &genes);
        assert_eq!((found[0].rule.as_str(), found[0].removed, found[0].left), ("in at least 3 cells", 1, 2));
    }
}
