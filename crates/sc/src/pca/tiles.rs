//! Half of a symmetric matrix, in tiles that fit the cache.

use std::ops::Range;

/// Edge of a tile, at most.
const EDGE: usize = 256;

/// One tile: it stands below the diagonal or on it, column-major.
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

    /// Whether the diagonal passes through.
    pub(super) fn is_diagonal(&self) -> bool {
        self.rows == self.columns
    }
}

/// The tiles that cover the lower half of a matrix of `width` columns; those on the diagonal are full squares, of which
/// the upper half means nothing.
pub(super) fn tiles(width: usize) -> Vec<Tile> {
    let edge = width.div_ceil(width.div_ceil(EDGE).max(1)).max(1);
    let mut out = Vec::new();
    let mut start = 0;
    for column in (0..width).step_by(edge) {
        for row in (column..width).step_by(edge) {
            let tile = Tile { rows: row..width.min(row + edge), columns: column..width.min(column + edge), start };
            start += tile.len();
            out.push(tile);
        }
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
                assert!(tile.rows.len() <= EDGE && tile.columns.len() <= EDGE && tile.rows.start >= tile.columns.start);
                let edge = tile.rows.len();
                seen += if tile.is_diagonal() { edge * (edge + 1) / 2 } else { tile.len() };
            }
            assert_eq!(seen, width * (width + 1) / 2);
        }
    }
}
