//! Vectors as long as there are vertices: a few side by side, and a basis that grows by them.

use faer::Mat;
use rayon::prelude::*;

/// Vectors of a block.
pub(super) const LANES: usize = 4;
/// Vertices of one task. Sums are added up task after task, so it changes results.
pub(super) const ROWS: usize = 2048;

/// The values of four vectors at a vertex.
pub(super) type Row = [f64; LANES];
/// Four vectors.
pub(super) type Block = Vec<Row>;
/// Numbers for each pair of vectors of a block.
pub(super) type Square = [Row; LANES];

/// Sums over the vertices, in an order that the number of threads does not change.
pub(super) fn summed<const N: usize>(block: &[Row], value: impl Fn(&Row) -> [f64; N] + Sync) -> [f64; N] {
    let parts: Vec<[f64; N]> = block
        .par_chunks(ROWS)
        .map(|rows| {
            let mut sums = [0.0; N];
            for row in rows {
                for (sum, value) in sums.iter_mut().zip(value(row)) {
                    *sum += value;
                }
            }
            sums
        })
        .collect();
    let mut all = [0.0; N];
    for part in parts {
        for (sum, value) in all.iter_mut().zip(part) {
            *sum += value;
        }
    }
    all
}

/// Makes the vectors of a block orthogonal to each other and of unit length (Gram and Schmidt). What it was is `block ·
/// R`, with `R` upper triangular. A vector that lies in the span of those before, up to `dependent`, becomes zero.
pub(super) fn orthonormalize(block: &mut [Row], dependent: f64) -> Square {
    let mut upper = [[0.0; LANES]; LANES];
    for column in 0..LANES {
        let products: [f64; LANES] = summed(block, |row| row.map(|value| value * row[column]));
        for (before, product) in products.iter().enumerate().take(column) {
            upper[before][column] = *product;
        }
        let taken: [f64; LANES] = std::array::from_fn(|before| if before < column { products[before] } else { 0.0 });
        block.par_iter_mut().for_each(|row| {
            row[column] -= (0..column).map(|before| row[before] * taken[before]).sum::<f64>();
        });
        let [square] = summed(block, |row| [row[column] * row[column]]);
        let length = square.sqrt();
        let (kept, inverse) = if length > dependent { (length, 1.0 / length) } else { (0.0, 0.0) };
        upper[column][column] = kept;
        block.par_iter_mut().for_each(|row| row[column] *= inverse);
    }
    upper
}

/// Orthonormal vectors, of which there is room for some.
pub(super) struct Basis {
    /// Vectors that there is room for.
    room: usize,
    /// Vectors that there are.
    used: usize,
    /// Row-major: all values of a vertex together.
    values: Vec<f64>,
}

impl Basis {
    /// One vector, and room for more.
    pub(super) fn new(first: &[f64], room: usize) -> Self {
        let mut values = vec![0.0; first.len() * room];
        for (row, &value) in values.chunks_exact_mut(room.max(1)).zip(first) {
            row[0] = value;
        }
        Self { room, used: 1, values }
    }

    /// Number of vectors.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// Whether a block has room.
    pub(super) fn has_room(&self) -> bool {
        self.used + LANES <= self.room
    }

    /// Appends a block.
    pub(super) fn push(&mut self, block: &[Row]) {
        let (room, used) = (self.room, self.used);
        self.values.par_chunks_mut(room).zip(block).for_each(|(row, new)| {
            row[used..used + LANES].copy_from_slice(new);
        });
        self.used += LANES;
    }

    /// Products of the vectors with those of a block.
    pub(super) fn products(&self, block: &[Row]) -> Vec<Row> {
        let (room, used) = (self.room, self.used);
        let parts: Vec<Vec<Row>> = self
            .values
            .par_chunks(ROWS * room)
            .zip(block.par_chunks(ROWS))
            .map(|(basis, block)| {
                let mut sums = vec![[0.0; LANES]; used];
                for (row, new) in basis.chunks_exact(room).zip(block) {
                    for (sum, &value) in sums.iter_mut().zip(row) {
                        for lane in 0..LANES {
                            sum[lane] += value * new[lane];
                        }
                    }
                }
                sums
            })
            .collect();
        let mut products = vec![[0.0; LANES]; used];
        for part in parts {
            for (sum, part) in products.iter_mut().zip(part) {
                for lane in 0..LANES {
                    sum[lane] += part[lane];
                }
            }
        }
        products
    }

    /// Takes all that lies within the span of the basis out of a block; gives the products of the two.
    pub(super) fn project_out(&self, block: &mut [Row]) -> Vec<Row> {
        let room = self.room;
        let products = self.products(block);
        self.values.par_chunks(ROWS * room).zip(block.par_chunks_mut(ROWS)).for_each(|(basis, block)| {
            for (row, new) in basis.chunks_exact(room).zip(block) {
                for (&value, product) in row.iter().zip(&products) {
                    for lane in 0..LANES {
                        new[lane] -= value * product[lane];
                    }
                }
            }
        });
        products
    }

    /// Replaces all vectors but the first by `kept` mixtures of them: the first columns of `mixing`.
    pub(super) fn rotate(&mut self, mixing: &Mat<f64>, kept: usize) {
        let (room, used) = (self.room, self.used);
        self.values.par_chunks_mut(ROWS * room).for_each(|rows| {
            let mut mixed = vec![0.0; kept];
            for row in rows.chunks_exact_mut(room) {
                mixed.fill(0.0);
                for (i, &value) in row[1..used].iter().enumerate() {
                    for (j, sum) in mixed.iter_mut().enumerate() {
                        *sum += value * mixing[(i, j)];
                    }
                }
                row[1..=kept].copy_from_slice(&mixed);
            }
        });
        self.used = kept + 1;
    }

    /// Forgets all vectors but the first; gives a mixture of them for each vector of a block.
    pub(super) fn melt(&mut self, mixing: &[Row]) -> Block {
        let used = std::mem::replace(&mut self.used, 1);
        let mixed = |row: &[f64]| {
            let mut sums = [0.0; LANES];
            for (&value, mixing) in row[1..used].iter().zip(mixing) {
                for lane in 0..LANES {
                    sums[lane] += value * mixing[lane];
                }
            }
            sums
        };
        self.values.par_chunks(self.room).map(mixed).collect()
    }

    /// Four vectors, from the given one on.
    pub(super) fn block(&self, first: usize) -> Block {
        self.values.par_chunks(self.room).map(|row| std::array::from_fn(|lane| row[first + lane])).collect()
    }

    /// The values of one vector.
    pub(super) fn column(&self, i: usize) -> Vec<f64> {
        self.values.iter().skip(i).step_by(self.room).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::umap::random::Stream;

    fn random(rows: usize, seed: u64) -> Block {
        let mut stream = Stream::new(seed, 0, 0);
        (0..rows).map(|_| std::array::from_fn(|_| stream.normal())).collect()
    }

    #[test]
    fn blocks_become_orthonormal() {
        for rows in [4, 100, 5000] {
            let mut block = random(rows, 1);
            for row in &mut block {
                row[2] = row[0] - 2.0 * row[1];
            }
            let before = block.clone();
            let upper = orthonormalize(&mut block, 1e-9);
            assert!(upper[2][2] == 0.0 && upper[3][3] > 0.0);
            for i in 0..LANES {
                for j in 0..LANES {
                    let product: f64 = block.iter().map(|row| row[i] * row[j]).sum();
                    let expected = f64::from(u8::from(i == j && i != 2));
                    assert!((product - expected).abs() < 1e-10, "{i} {j}: {product}");
                }
            }
            for (row, was) in block.iter().zip(&before) {
                for column in 0..LANES {
                    let sum: f64 = (0..LANES).map(|i| row[i] * upper[i][column]).sum();
                    assert!((sum - was[column]).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn a_basis_takes_out_and_mixes() {
        let rows = 3000;
        let mut basis = Basis::new(&vec![1.0 / (rows as f64).sqrt(); rows], 9);
        let mut block = random(rows, 2);
        basis.project_out(&mut block);
        orthonormalize(&mut block, 1e-9);
        basis.push(&block);
        assert!(basis.has_room() && basis.len() == 5);
        let mut other: Block = block.iter().map(|row| [row[3], row[0] + 1.0, 0.0, row[1]]).collect();
        let products = basis.project_out(&mut other);
        assert!(other.iter().flatten().all(|value| value.abs() < 1e-9));
        assert!((products[4][0] - 1.0).abs() < 1e-9 && (products[0][1] - (rows as f64).sqrt()).abs() < 1e-6);
        assert_eq!(basis.block(1), block);
        basis.rotate(&Mat::from_fn(4, 4, |i, j| f64::from(u8::from(i + j == 3))), 2);
        assert_eq!(basis.len(), 3);
        assert_eq!(basis.column(1), block.iter().map(|row| row[3]).collect::<Vec<_>>());
        assert_eq!(basis.column(2), block.iter().map(|row| row[2]).collect::<Vec<_>>());
        let melted = basis.melt(&[[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 2.0]]);
        assert_eq!(melted, block.iter().map(|row| [0.0, row[3], row[3] + row[2], 2.0 * row[2]]).collect::<Block>());
        assert_eq!(basis.len(), 1);
    }
}
