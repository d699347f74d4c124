//! What the stretches of a pass give, added up in their order, is what the pass gives: to the bit.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::ops::Range;
use std::sync::Arc;

use annstream_core::element::{SparseLayout, SparseMatrix};
use annstream_core::lazy::{LazyMatrix, STRETCH};
use annstream_core::matrix::{Block, MatrixSource, SparseRows};
use annstream_core::source::MemorySparse;
use annstream_core::{Budget, Exec, Result};
use annstream_sc::pca::{Gram, PartialGram, Products, decompose};
use annstream_sc::reduce::{CountsPass, Frequent, GroupMoments, MomentsPass};
use annstream_store::{Buffer, DType};

/// Rows in blocks of three.
struct Threes(MemorySparse);

impl MatrixSource for Threes {
    fn shape(&self) -> [u64; 2] {
        self.0.shape()
    }

    fn dtype(&self) -> DType {
        self.0.dtype()
    }

    fn partition(&self, _: u64) -> Result<Vec<Range<u64>>> {
        let rows = self.shape()[0];
        Ok((0..rows).step_by(3).map(|start| start..rows.min(start + 3)).collect())
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        self.0.cost(rows)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        self.0.read(rows)
    }

    fn read_structure(&self, rows: Range<u64>) -> Result<SparseRows> {
        self.0.read_structure(rows)
    }
}

const WIDTH: usize = 20;

/// Values whose sums depend on the order of additions.
fn matrix(rows: usize) -> LazyMatrix {
    let (mut indptr, mut indices, mut values) = (vec![0], vec![], vec![]);
    let mut state = 7_u64;
    for _ in 0..rows {
        for column in 0..WIDTH as u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if state >> 62 != 0 {
                indices.push(column);
                values.push((state >> 33) as f64 / 1e7 + 1e-9);
            }
        }
        indptr.push(indices.len() as u64);
    }
    let (layout, shape) = (SparseLayout::Csr, [rows, WIDTH]);
    let stored = SparseMatrix { layout, shape, indptr, indices, data: Buffer::F64(values) };
    LazyMatrix::new(Arc::new(Threes(MemorySparse::new(stored).unwrap())))
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn add(all: &mut Vec<f64>, part: &[f64]) {
    if all.is_empty() {
        all.extend_from_slice(part);
    } else {
        all.iter_mut().zip(part).for_each(|(all, own)| *all += own);
    }
}

#[test]
fn sums_of_stretches_are_those_of_the_pass() {
    let exec = Exec::new(2, Budget::unlimited()).unwrap();
    for rows in [1, 3 * STRETCH, 3 * STRETCH + 1, 200] {
        let every = matrix(rows);
        let mask: Vec<bool> = (0..rows).map(|row| row % 7 != 2).collect();
        for matrix in [every.clone(), every.keep_rows(&mask).unwrap()] {
            let count = matrix.shape()[0];
            let stretches = matrix.stretches(0).unwrap();
            assert_eq!((stretches[0].start, stretches[stretches.len() - 1].end), (0, count));
            assert!(stretches.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(rows < 200 || stretches.len() > 2);
            assert!(matrix.run_stretch(MomentsPass::new(WIDTH), stretches.len(), "none", &exec).is_err());

            let groups: Arc<[u32]> = (0..count).map(|row| u32::from(row % 2 == 0)).collect();
            let moments = || MomentsPass { groups: Some(groups.clone()), count: 2, ..MomentsPass::new(WIDTH) };
            let whole = matrix.run(moments(), "moments", &exec).unwrap();
            let mut sum = vec![GroupMoments::zeros(WIDTH); 2];
            for i in 0..stretches.len() {
                let part = matrix.run_stretch(moments(), i, "moments", &exec).unwrap();
                sum.iter_mut().zip(&part).for_each(|(all, own)| all.add(own));
            }
            for (whole, sum) in whole.iter().zip(&sum) {
                assert_eq!((whole.rows, &whole.positive), (sum.rows, &sum.positive));
                assert_eq!(bits(&whole.sums), bits(&sum.sums));
                assert_eq!(bits(&whole.squares), bits(&sum.squares));
            }

            let counts = |rows| {
                let (width, frequent) = (WIDTH, Frequent::none(WIDTH));
                CountsPass { rows, width, ranks: vec![2], frequent, ..CountsPass::default() }
            };
            let whole = matrix.run(counts(count), "counts", &exec).unwrap();
            let (mut genes, mut cells, mut top, mut nonzero) = (vec![], vec![], vec![], vec![0; WIDTH]);
            for (i, rows) in stretches.iter().enumerate() {
                let part = matrix.run_stretch(counts(rows.len()), i, "counts", &exec).unwrap();
                add(&mut genes, &part.genes.total);
                nonzero.iter_mut().zip(&part.genes.nonzero).for_each(|(all, own)| *all += own);
                cells.extend(part.total);
                top.extend(part.top);
            }
            assert_eq!(bits(&whole.genes.total), bits(&genes));
            assert_eq!(bits(&whole.total), bits(&cells));
            assert_eq!(bits(&whole.top), bits(&top));
            assert_eq!(whole.genes.nonzero, nonzero);

            if count > 4 {
                let gram = || Gram::of_rows(count, WIDTH, matrix.precision());
                let whole = matrix.run(gram(), "products", &exec).unwrap();
                let mut sum = Products::default();
                for i in 0..stretches.len() {
                    let part = matrix.run_stretch(PartialGram(gram()), i, "products", &exec).unwrap();
                    sum.rows += part.rows;
                    add(&mut sum.sums, &part.sums);
                    add(&mut sum.values, &part.values);
                }
                let sum = gram().moments(sum).unwrap();
                assert_eq!(bits(&whole.means()), bits(&sum.means()));
                assert_eq!(bits(&whole.variances()), bits(&sum.variances()));
                let [whole, sum] = [whole, sum].map(|moments| decompose(moments, 4, true, None).unwrap());
                assert_eq!(bits(&whole.components), bits(&sum.components));
                assert_eq!(bits(&whole.variance), bits(&sum.variance));
            }
        }
    }
}
