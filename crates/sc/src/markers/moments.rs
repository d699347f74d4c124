//! Means and variances of groups, and of all other cells, from sums.

use crate::reduce::GroupSums;

/// What is known of the values of each gene in some cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Moments {
    /// Number of cells.
    pub(super) cells: u64,
    /// Means.
    pub(super) means: Vec<f64>,
    /// Variances with one degree of freedom taken off; empty if squares were not summed.
    pub(super) variances: Vec<f64>,
    /// Fractions of cells with a value that is not zero; empty if they were not counted.
    pub(super) fractions: Vec<f64>,
}

impl Moments {
    fn of(cells: u64, sums: &[f64], squares: &[f64], nonzero: &[u64]) -> Self {
        let n = cells as f64;
        let means: Vec<f64> = sums.iter().map(|sum| sum / n).collect();
        let factor = if cells == 1 { 1.0 } else { n / (n - 1.0) };
        let variances = squares.iter().zip(&means).map(|(sum, mean)| (sum / n - mean * mean) * factor).collect();
        let fractions = nonzero.iter().map(|&count| count as f64 / n).collect();
        Self { cells, means, variances, fractions }
    }

    /// Those of a group; `width` genes.
    pub(super) fn of_group(sums: &GroupSums, sizes: &[u64], width: usize, group: usize) -> Self {
        let own = group * width..(group + 1) * width;
        let part = |values: &[f64]| values.get(own.clone()).unwrap_or_default().to_vec();
        let nonzero = sums.nonzero.get(own.clone()).unwrap_or_default();
        Self::of(sizes[group], &part(&sums.sums), &part(&sums.squares), nonzero)
    }
}

/// Sums of all cells but those of a group, without subtracting: what nobody else has stays exactly zero.
pub(super) struct Others {
    /// For each group, the sums of those behind it.
    behind: GroupSums,
    cells: Vec<u64>,
    width: usize,
}

impl Others {
    pub(super) fn new(sums: &GroupSums, sizes: &[u64], width: usize) -> Self {
        let mut behind = sums.clone();
        let mut cells = sizes.to_vec();
        running(&mut behind.sums, width);
        running(&mut behind.squares, width);
        running(&mut behind.nonzero, width);
        running(&mut cells, 1);
        Self { behind, cells, width }
    }

    /// Those of all cells outside of each group, one group after the other.
    pub(super) fn each<'a>(&'a self, sums: &'a GroupSums, sizes: &'a [u64]) -> impl Iterator<Item = Moments> + 'a {
        let width = self.width;
        let zeros = |len: usize| if len == 0 { 0 } else { width };
        let mut before = GroupSums {
            sums: vec![0.0; zeros(sums.sums.len())],
            squares: vec![0.0; zeros(sums.squares.len())],
            nonzero: vec![0; zeros(sums.nonzero.len())],
        };
        let mut cells_before = 0;
        (0..sizes.len()).map(move |group| {
            let next = (group + 1) * width;
            let all = GroupSums {
                sums: plus(&before.sums, &self.behind.sums, next),
                squares: plus(&before.squares, &self.behind.squares, next),
                nonzero: plus(&before.nonzero, &self.behind.nonzero, next),
            };
            let cells = cells_before + self.cells.get(group + 1).copied().unwrap_or(0);
            before.sums = plus(&before.sums, &sums.sums, group * width);
            before.squares = plus(&before.squares, &sums.squares, group * width);
            before.nonzero = plus(&before.nonzero, &sums.nonzero, group * width);
            cells_before += sizes[group];
            Moments::of(cells, &all.sums, &all.squares, &all.nonzero)
        })
    }
}

/// Adds to each row the rows behind it.
fn running<T: Copy + std::ops::AddAssign>(values: &mut [T], width: usize) {
    for at in (0..values.len().saturating_sub(width)).rev() {
        let next = values[at + width];
        values[at] += next;
    }
}

/// Adds what stands from `start` on, if anything.
fn plus<T: Copy + std::ops::Add<Output = T>>(first: &[T], all: &[T], start: usize) -> Vec<T> {
    match all.get(start..start + first.len()) {
        Some(second) => first.iter().zip(second).map(|(a, b)| *a + *b).collect(),
        None => first.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_others_are_those_of_their_cells() {
        // Three groups, two genes.
        let sums = GroupSums {
            sums: vec![3.0, 0.0, 4.0, 1e300, 5.0, 0.0],
            squares: vec![5.0, 0.0, 16.0, 1.0, 13.0, 0.0],
            nonzero: vec![2, 0, 1, 1, 2, 0],
        };
        let sizes = [3, 1, 2];
        let own = Moments::of_group(&sums, &sizes, 2, 0);
        assert_eq!((own.cells, own.means[0], own.fractions[0]), (3, 1.0, 2.0 / 3.0));
        assert_eq!(own.variances, [(5.0 / 3.0 - 1.0) * 1.5, 0.0]);
        let others: Vec<Moments> = Others::new(&sums, &sizes, 2).each(&sums, &sizes).collect();
        assert_eq!(others.iter().map(|others| others.cells).collect::<Vec<_>>(), [3, 5, 4]);
        assert_eq!(others[0].means, [3.0, 1e300 / 3.0]);
        assert_eq!(others[1].means, [8.0 / 5.0, 0.0]);
        assert_eq!(others[2].fractions, [3.0 / 4.0, 1.0 / 4.0]);
        assert_eq!(others[1].variances, [(18.0 / 5.0 - (8.0 / 5.0) * (8.0 / 5.0)) * (5.0 / 4.0), 0.0]);
    }
}
