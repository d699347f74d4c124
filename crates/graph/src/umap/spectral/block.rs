//! Some vectors of one length, side by side.

use faer::Mat;
use rayon::prelude::*;

/// Vectors whose values at a vertex stand together.
pub(super) const GROUP: usize = 8;
/// Vertices of one task. Sums are added up task after task, so it changes results.
pub(super) const ROWS: usize = 2048;

/// Eight vectors.
pub(super) type Group = Vec<[f32; GROUP]>;

/// As many vectors as there are groups, times eight.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    pub(super) groups: Vec<Group>,
}

impl Block {
    /// Vectors of zeros; `width` is rounded up.
    pub(super) fn zeros(vertices: usize, width: usize) -> Self {
        Self { groups: vec![vec![[0.0; GROUP]; vertices]; width.div_ceil(GROUP)] }
    }

    /// Number of vectors.
    pub(super) fn width(&self) -> usize {
        self.groups.len() * GROUP
    }

    /// Products of these vectors with those.
    pub(super) fn products(&self, other: &Self) -> Mat<f64> {
        let mut all = Mat::zeros(self.width(), other.width());
        for (i, left) in self.groups.iter().enumerate() {
            for (j, right) in other.groups.iter().enumerate() {
                let parts: Vec<[[f64; GROUP]; GROUP]> = left
                    .par_chunks(ROWS)
                    .zip(right.par_chunks(ROWS))
                    .map(|(left, right)| {
                        let mut sums = [[0.0; GROUP]; GROUP];
                        for (left, right) in left.iter().zip(right) {
                            let (left, right) = (left.map(f64::from), right.map(f64::from));
                            for row in 0..GROUP {
                                for column in 0..GROUP {
                                    sums[row][column] += left[row] * right[column];
                                }
                            }
                        }
                        sums
                    })
                    .collect();
                for part in parts {
                    for row in 0..GROUP {
                        for column in 0..GROUP {
                            all[(i * GROUP + row, j * GROUP + column)] += part[row][column];
                        }
                    }
                }
            }
        }
        all
    }

    /// Takes the share of one direction, of unit length, out of all vectors.
    #[expect(clippy::cast_possible_truncation, reason = "vectors are of single precision")]
    pub(super) fn remove(&mut self, direction: &[f32]) {
        for group in &mut self.groups {
            let parts: Vec<[f64; GROUP]> = group
                .par_chunks(ROWS)
                .zip(direction.par_chunks(ROWS))
                .map(|(rows, direction)| {
                    let mut sums = [0.0; GROUP];
                    for (row, &along) in rows.iter().zip(direction) {
                        for lane in 0..GROUP {
                            sums[lane] += f64::from(row[lane]) * f64::from(along);
                        }
                    }
                    sums
                })
                .collect();
            let mut shares = [0.0; GROUP];
            for part in parts {
                for lane in 0..GROUP {
                    shares[lane] += part[lane];
                }
            }
            let shares = shares.map(|share| share as f32);
            group.par_chunks_mut(ROWS).zip(direction.par_chunks(ROWS)).for_each(|(rows, direction)| {
                for (row, &along) in rows.iter_mut().zip(direction) {
                    for lane in 0..GROUP {
                        row[lane] -= shares[lane] * along;
                    }
                }
            });
        }
    }

    /// Mixtures of the vectors, one for each column of `mixing`.
    #[expect(clippy::cast_possible_truncation, reason = "vectors are of single precision")]
    pub(super) fn mixed(&self, mixing: &Mat<f64>) -> Self {
        let vertices = self.groups.first().map_or(0, Vec::len);
        let mut mixed = Self::zeros(vertices, self.width());
        for (i, out) in mixed.groups.iter_mut().enumerate() {
            for (j, from) in self.groups.iter().enumerate() {
                let mut part = [[0.0_f32; GROUP]; GROUP];
                for row in 0..GROUP {
                    for column in 0..GROUP {
                        part[row][column] = mixing[(j * GROUP + row, i * GROUP + column)] as f32;
                    }
                }
                out.par_chunks_mut(ROWS).zip(from.par_chunks(ROWS)).for_each(|(out, from)| {
                    for (out, from) in out.iter_mut().zip(from) {
                        for row in 0..GROUP {
                            for column in 0..GROUP {
                                out[column] += from[row] * part[row][column];
                            }
                        }
                    }
                });
            }
        }
        mixed
    }

    /// The first vectors, all values of a vertex together.
    pub(super) fn columns(&self, count: usize) -> Vec<f32> {
        let vertices = self.groups.first().map_or(0, Vec::len);
        let mut flat = Vec::with_capacity(vertices * count);
        for vertex in 0..vertices {
            let values = self.groups.iter().flat_map(|group| group[vertex]);
            flat.extend(values.take(count));
        }
        flat
    }
}
