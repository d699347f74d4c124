//! Where blocks of compressed rows begin.

use std::ops::Range;

/// Cuts rows into ranges by the number of their values, row after row. Every compressed matrix is cut by this rule, so
/// that equal rows give equal blocks, wherever they are stored.
pub(super) struct Cuts {
    most: u64,
    most_rows: u64,
    ranges: Vec<Range<u64>>,
    /// First row of the range at hand.
    start: u64,
    /// The next row.
    row: u64,
    /// Values in the range at hand.
    values: u64,
}

impl Cuts {
    /// Ranges of about `max_bytes`, of values that take `value_bytes` with their column.
    pub(super) fn new(max_bytes: u64, value_bytes: u64) -> Self {
        let most = (max_bytes / value_bytes.max(1)).max(1);
        Self { most, most_rows: (max_bytes / 8).max(1), ranges: Vec::new(), start: 0, row: 0, values: 0 }
    }

    /// Adds a row with so many values.
    pub(super) fn push(&mut self, values: u64) {
        let full = self.values + values > self.most || self.row - self.start >= self.most_rows;
        if full && self.row > self.start {
            self.ranges.push(self.start..self.row);
            (self.start, self.values) = (self.row, 0);
        }
        self.row += 1;
        self.values += values;
    }

    /// The ranges; they cover all rows.
    pub(super) fn finish(mut self) -> Vec<Range<u64>> {
        if self.start < self.row {
            self.ranges.push(self.start..self.row);
        }
        self.ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(max_bytes: u64, rows: &[u64]) -> Vec<Range<u64>> {
        let mut cuts = Cuts::new(max_bytes, 8);
        for &values in rows {
            cuts.push(values);
        }
        cuts.finish()
    }

    #[test]
    fn ranges_are_cut_by_values_and_by_rows() {
        assert_eq!(cut(32, &[]), []);
        assert_eq!(cut(32, &[2, 2, 2, 9, 1]), [0..2, 2..3, 3..4, 4..5]);
        assert_eq!(cut(32, &[0, 0, 0, 0, 0]), [0..4, 4..5]);
        assert_eq!(cut(0, &[3, 0]), [0..1, 1..2]);
    }
}
