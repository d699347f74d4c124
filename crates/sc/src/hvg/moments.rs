//! Means and variances of genes.

use annstream_core::{Error, Result};

/// Mean and variance of each gene over some cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// The number of cells.
    pub cells: u64,
    /// A mean for each gene.
    pub means: Vec<f64>,
    /// An unbiased variance (divided by one less than the number of cells) for each gene; that of a single cell is 0.
    pub variances: Vec<f64>,
}

impl Moments {
    /// Moments from sums of values and of squares, by the formula of scanpy's `_get_mean_var`, to the bit.
    ///
    /// For equality of the last digits the sums must be scanpy's too: in double precision over the cells in their order,
    /// and the square of a float32 value rounded to float32 first, unless the matrix is CSC.
    ///
    /// # Errors
    /// If there are no cells, or the sums are not of the same genes.
    pub fn from_sums(cells: u64, sums: &[f64], squares: &[f64]) -> Result<Self> {
        if cells == 0 {
            return Err(Error::invalid("no cells to take moments of"));
        }
        same_genes(sums.len(), squares.len(), "sums of squares")?;
        let count = cells as f64;
        let unbiased = if cells == 1 { 1.0 } else { count / (cells - 1) as f64 };
        let means: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
        let variances =
            means.iter().zip(squares).map(|(mean, square)| (square / count - mean * mean) * unbiased).collect();
        Ok(Self { cells, means, variances })
    }

    /// The number of genes.
    pub fn genes(&self) -> usize {
        self.means.len()
    }

    /// The same cells, only the genes that `keep` says.
    pub(super) fn filtered(&self, keep: &[bool]) -> Self {
        let choose = |values: &[f64]| values.iter().zip(keep).filter(|(_, keep)| **keep).map(|(v, _)| *v).collect();
        Self { cells: self.cells, means: choose(&self.means), variances: choose(&self.variances) }
    }

    /// Refuses moments that cannot be those of a number of genes.
    pub(super) fn check(&self, genes: usize) -> Result<()> {
        if self.cells == 0 {
            return Err(Error::invalid("no cells to take moments of"));
        }
        same_genes(genes, self.means.len(), "means")?;
        same_genes(genes, self.variances.len(), "variances")
    }
}

/// Refuses numbers that are not one for each gene.
pub(super) fn same_genes(expected: usize, found: usize, what: &str) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::argument(format!("{found} {what} for {expected} genes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_to_two_passes() {
        let values = [[0.0, 1.0, 2.5], [3.0, 1.0, 0.0], [4.5, 1.0, 7.0], [0.0, 1.0, 1.0]];
        let sum = |f: fn(f64) -> f64| (0..3).map(|g| values.iter().map(|row| f(row[g])).sum()).collect::<Vec<f64>>();
        let moments = Moments::from_sums(4, &sum(|v| v), &sum(|v| v * v)).unwrap();
        for gene in 0..3 {
            let mean = values.iter().map(|row| row[gene]).sum::<f64>() / 4.0;
            let variance = values.iter().map(|row| (row[gene] - mean).powi(2)).sum::<f64>() / 3.0;
            assert!((moments.means[gene] - mean).abs() < 1e-15);
            assert!((moments.variances[gene] - variance).abs() < 1e-14);
        }
    }

    #[test]
    fn one_cell_has_no_variance_and_no_cell_is_refused() {
        assert_eq!(Moments::from_sums(1, &[2.0], &[4.0]).unwrap().variances, [0.0]);
        assert!(Moments::from_sums(0, &[0.0], &[0.0]).is_err());
        assert!(Moments::from_sums(2, &[0.0], &[0.0, 1.0]).is_err());
    }
}
