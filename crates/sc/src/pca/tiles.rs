//! Half of a symmetric matrix, in tiles.

use std::ops::Range;

/// Rows of a tile, at most.
pub(super) const EDGE: usize = 64;

/// One tile: some rows of the lower half, from the first column to the diagonal; column-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tile {
    /// Rows of the matrix.
    pub(super) rows: Range<usize>,
    /// Columns of the matrix.
    pub(super) columns: Range<usize>,
    /// Where its values begin.
    pub(super) start: usize,
}

impl Tile {
    /// Number of values.
    pub(super) fn len(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// Where its values are.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.len()
    }
}

/// The tiles that cover the lower half of a matrix of `width` columns. They reach a little beyond: what stands above the
/// diagonal means nothing.
pub(super) fn tiles(width: usize) -> Vec<Tile> {
    let mut out = Vec::new();
    let mut start = 0;
    for row in (0..width).step_by(EDGE) {
        let end = width.min(row + EDGE);
        let tile = Tile { rows: row..end, columns: 0..end, start };
        start += tile.len();
        out.push(tile);
    }
    out
}

/// Number of values of all tiles.
pub(super) fn total(tiles: &[Tile]) -> usize {
    tiles.last().map_or(0, |tile| tile.range().end)
}

/// Largest number of values of a tile.
pub(super) fn largest(tiles: &[Tile]) -> usize {
    tiles.iter().map(Tile::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_lower_half_once() {
        for width in [0, 1, 2, 255, 256, 257, 600, 2000] {
            let tiles = tiles(width);
            let mut seen = 0;
            for (tile, next) in tiles.iter().zip(tiles.iter().skip(1)) {
                assert_eq!(tile.range().end, next.start);
            }
            for tile in &tiles {
                assert!(tile.rows.len() <= EDGE && tile.columns == (0..tile.rows.end));
                seen += tile.rows.clone().map(|row| row + 1).sum::<usize>();
            }
            assert_eq!(seen, width * (width + 1) / 2);
        }
    }
}
