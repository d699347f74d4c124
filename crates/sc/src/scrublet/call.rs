//! From neighbours to scores.

use super::options::ScrubletOptions;

/// What is near a cell or a doublet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Near {
    /// How many of the neighbours are doublets.
    pub(super) doublets: u32,
    /// The parents of these, each once and rising; empty if they are not asked for.
    pub(super) parents: Vec<u32>,
}

/// How many neighbours are looked for, among cells and doublets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Neighbours {
    /// Neighbours of a cell among cells: `n_neighbors` of scanpy.
    pub(super) of_cells: usize,
    /// As many more as there are more points.
    pub(super) adjusted: usize,
    /// What is looked for; fewer if there are not so many points.
    pub(super) listed: usize,
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and positive")]
fn rounded(value: f64) -> usize {
    value.round_ties_even() as usize
}

impl Neighbours {
    /// For so many cells and doublets, as scanpy has it.
    pub(super) fn new(asked: Option<usize>, cells: usize, doublets: usize) -> Self {
        let of_cells = asked.unwrap_or_else(|| rounded(0.5 * (cells as f64).sqrt()));
        let adjusted = rounded(of_cells as f64 * (1.0 + doublets as f64 / cells as f64));
        let points = cells + doublets;
        let listed = if adjusted > points { 1 + points / 2 } else { adjusted };
        Self { of_cells, adjusted, listed }
    }
}

/// The likelihood of being a doublet, given that so many of `neighbours` are doublets, where doublets are `ratio` times
/// the cells.
pub(super) fn score(doublets: u32, neighbours: usize, ratio: f64, options: &ScrubletOptions) -> f64 {
    let rate = options.expected_doublet_rate;
    let share = (f64::from(doublets) + 1.0) / (neighbours as f64 + 2.0);
    share * rate / ratio / (1.0 - rate - share * (1.0 - rate - rate / ratio))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_neighbours_are_those_of_scanpy() {
        let of = |asked, cells, doublets| {
            let Neighbours { of_cells, adjusted, listed } = Neighbours::new(asked, cells, doublets);
            (of_cells, adjusted, listed)
        };
        assert_eq!(of(None, 650, 1300), (13, 39, 39));
        // round(2.5) and round(3.5 * 2) as Python has them.
        assert_eq!(of(None, 25, 25), (2, 4, 4));
        assert_eq!(of(Some(40), 10, 20), (40, 120, 16));
        assert_eq!(of(Some(10), 10, 20), (10, 30, 30));
    }

    #[test]
    fn more_doublets_near_give_higher_scores() {
        let options = ScrubletOptions::default();
        let scores: Vec<f64> = (0..40).map(|count| score(count, 39, 2.0, &options)).collect();
        assert!(scores.is_sorted_by(|a, b| a < b) && scores[0] > 0.0 && scores[39] < 1.0);
        // By hand: q = 21 / 41.
        let share = 21.0 / 41.0;
        assert!((scores[20] - share * 0.025 / (0.95 - share * 0.925)).abs() < 1e-15);
    }
}
