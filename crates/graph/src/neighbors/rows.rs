//! Rows of coordinates, with their squared lengths.

/// What differences of coordinates are added up as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// Their squares.
    Squared,
    /// Their absolute values.
    Absolute,
}

/// A dense matrix, row-major; each row is followed by its squared length, so that one product gives differences.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    width: usize,
    values: Vec<f32>,
}

impl Rows {
    /// `len` rows of `width` coordinates, each of which `fill` writes.
    pub(super) fn new(width: usize, len: usize, mut fill: impl FnMut(usize, &mut [f32])) -> Self {
        let mut values = vec![0.0; len * (width + 1)];
        for (i, row) in values.chunks_exact_mut(width + 1).enumerate() {
            if let Some((length, coordinates)) = row.split_last_mut() {
                fill(i, coordinates);
                *length = coordinates.iter().map(|value| value * value).sum();
            }
        }
        Self { width, values }
    }

    /// Bytes of `len` rows of `width` coordinates.
    pub(super) fn bytes(width: usize, len: usize) -> u64 {
        ((width + 1) * len * size_of::<f32>()) as u64
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.values.len() / self.stride()
    }

    /// Coordinates of a row.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Values of a row: its coordinates and its squared length.
    pub(super) fn stride(&self) -> usize {
        self.width + 1
    }

    /// The coordinates of a row.
    pub(super) fn point(&self, row: usize) -> &[f32] {
        &self.values[row * self.stride()..][..self.width]
    }

    /// The squared length of a row.
    pub(super) fn squared_length(&self, row: usize) -> f32 {
        self.values[row * self.stride() + self.width]
    }

    /// Some rows, with their lengths.
    pub(super) fn slice(&self, range: std::ops::Range<usize>) -> &[f32] {
        &self.values[range.start * self.stride()..range.end * self.stride()]
    }
}
