//! Against a naive computation in doubles.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_for_each,
    reason = "small numbers"
)]

use std::sync::Arc;

use annstream_core::element::{SparseLayout, SparseMatrix};
use annstream_core::lazy::{LazyMatrix, Numbers, Precision};
use annstream_core::op::{Deviations, Scale};
use annstream_core::source::MemorySparse;
use annstream_core::{Budget, Exec};
use annstream_store::Buffer;
use faer::{Mat, Side};
use proptest::prelude::*;

use super::krylov::KrylovOptions;
use super::*;
use crate::ErrorKind;

/// A dense matrix, row by row.
type Rows = Vec<Vec<f64>>;

fn exec(threads: usize) -> Exec {
    Exec::new(threads, Budget::unlimited()).unwrap()
}

/// Pseudo-random rows of which some values are zero; columns have different scales.
fn rows(count: usize, width: usize, seed: u64) -> Rows {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1_u64 << 24) as f64
    };
    let mut out = Vec::new();
    for _ in 0..count {
        let (kind, strength) = (next() * 4.0, next());
        out.push(
            (0..width)
                .map(|j| {
                    let programme = if j % 4 == kind as usize { strength * 3.0 } else { 0.3 };
                    if next() < 0.5 { 0.0 } else { f64::from((programme * next() * (1.0 + j as f64 / 7.0)) as f32) }
                })
                .collect(),
        );
    }
    out
}

fn lazy(rows: &Rows, width: usize, precision: Precision) -> LazyMatrix {
    let (mut indptr, mut indices, mut values) = (vec![0], vec![], vec![]);
    for row in rows {
        for (column, value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            indices.push(column as u64);
            values.push(*value);
        }
        indptr.push(indices.len() as u64);
    }
    let data = match precision {
        Precision::Single => Buffer::F32(values.iter().map(|&value| value as f32).collect()),
        Precision::Double => Buffer::F64(values),
    };
    let shape = [rows.len(), width];
    let matrix = SparseMatrix { layout: SparseLayout::Csr, shape, indptr, indices, data };
    LazyMatrix::new(Arc::new(MemorySparse::new(matrix).unwrap()))
}

/// Variances, total, components (by component), scores, all from the definition.
fn naive(rows: &Rows, width: usize, n_comps: usize) -> (Vec<f64>, f64, Vec<Vec<f64>>, Rows) {
    let n = rows.len() as f64;
    let means: Vec<f64> = (0..width).map(|j| rows.iter().map(|row| row[j]).sum::<f64>() / n).collect();
    let covariance = Mat::from_fn(width, width, |i, j| {
        rows.iter().map(|row| (row[i] - means[i]) * (row[j] - means[j])).sum::<f64>() / (n - 1.0)
    });
    let eigen = covariance.self_adjoint_eigen(Side::Lower).unwrap();
    let total = (0..width).map(|i| covariance[(i, i)]).sum();
    let (mut variances, mut components) = (vec![], vec![]);
    for i in (width - n_comps..width).rev() {
        variances.push(eigen.S().column_vector()[i]);
        let mut vector: Vec<f64> = (0..width).map(|j| eigen.U()[(j, i)]).collect();
        let largest = vector.iter().copied().fold(0.0_f64, |most, x| if x.abs() > most.abs() { x } else { most });
        vector.iter_mut().for_each(|x| *x *= largest.signum());
        components.push(vector);
    }
    let score = |row: &Vec<f64>| {
        components.iter().map(|v| v.iter().zip(row).zip(&means).map(|((v, x), m)| v * (x - m)).sum()).collect()
    };
    let scores = rows.iter().map(score).collect();
    (variances, total, components, scores)
}

/// Compares with the definition, where eigenvalues are apart.
fn assert_close(pca: &Pca, rows: &Rows, width: usize, tolerance: f64) {
    let n = pca.model.n_comps;
    let (variances, total, components, scores) = naive(rows, width, n);
    for i in 0..n {
        assert!((pca.model.variance[i] - variances[i]).abs() <= tolerance * variances[0], "variance {i}");
        assert!((pca.model.variance_ratio[i] - variances[i] / total).abs() <= tolerance);
        let gap = |j: usize| (variances[i] - variances.get(j).copied().unwrap_or(0.0)).abs() / variances[0];
        let apart = if i == 0 { gap(1) } else { gap(i - 1).min(gap(i + 1)) };
        if i + 1 < n && apart > 1e-2 {
            let cosine: f64 = (0..width).map(|j| pca.model.components[j * n + i] * components[i][j]).sum();
            // Ties of the largest entry leave the sign open.
            assert!(cosine.abs() > 1.0 - tolerance, "component {i}: {cosine}");
            for (row, expected) in scores.iter().enumerate() {
                let found = f64::from(pca.scores[row * n + i]) * cosine.signum();
                assert!((found - expected[i]).abs() < 30.0 * tolerance * (1.0 + expected[i].abs()), "{row} {i}");
            }
        }
    }
}

#[test]
fn single_and_double_precision_give_what_the_definition_says() {
    let rows = rows(1400, 300, 3);
    for (precision, tolerance) in [(Precision::Single, 1e-5), (Precision::Double, 1e-7)] {
        let matrix = lazy(&rows, 300, precision);
        let options = PcaOptions { n_comps: Some(6), ..PcaOptions::default() };
        let pca = fit(&matrix, &options, &exec(2)).unwrap();
        assert_eq!(matrix.passes(), 2);
        assert_close(&pca, &rows, 300, tolerance);
    }
}

/// Panels of few stored values are multiplied another way than others; both, and a block of either kind, with widths
/// around that of a strip.
#[test]
fn products_of_sparse_rows_are_those_of_dense_ones() {
    for (count, width) in [(1, 1), (3, 64), (767, 63), (769, 65), (1300, 130), (40, 200)] {
        let mut rows = rows(count, width, 17);
        // Every fifth value stays; the last rows are full.
        for (i, row) in rows.iter_mut().enumerate().take(count * 9 / 10) {
            row.iter_mut().enumerate().filter(|(j, _)| (i * 7 + j) % 5 != 0).for_each(|(_, value)| *value = 0.0);
        }
        let (single, double) = (Precision::Single, Precision::Double);
        for (precision, products, tolerance) in
            [(single, single, 1e-5), (double, double, 1e-12), (single, double, 1e-12)]
        {
            let gram = Gram::new(width, products);
            let found = lazy(&rows, width, precision).run(gram, "products", &exec(2)).unwrap();
            let matrix = found.raw(None);
            for i in 0..width {
                for j in 0..width {
                    let expected: f64 = rows.iter().map(|row| row[i] * row[j]).sum();
                    assert!((matrix[(i, j)] - expected).abs() <= tolerance * (1.0 + expected), "{width} {i} {j}");
                }
            }
        }
    }
}

#[test]
fn large_means_do_not_cost_digits() {
    let mut rows = rows(700, 20, 5);
    rows.iter_mut().for_each(|row| row.iter_mut().for_each(|value| *value = f64::from((*value + 4096.0) as f32)));
    let matrix = lazy(&rows, 20, Precision::Single);
    let options = PcaOptions { n_comps: Some(5), ..PcaOptions::default() };
    let pca = fit(&matrix, &options, &exec(1)).unwrap();
    assert_eq!(matrix.passes(), 3);
    assert_close(&pca, &rows, 20, 1e-5);
    let pilot = Some(vec![4096.3; 20]);
    let given = fit(&matrix, &PcaOptions { pilot, ..options }, &exec(1)).unwrap();
    assert_eq!(matrix.passes(), 5);
    assert_close(&given, &rows, 20, 1e-5);
}

#[test]
fn scaled_and_clipped_data_stays_compressed_and_gives_the_same() {
    let rows = rows(500, 40, 11);
    let n = rows.len() as f64;
    let means: Vec<f64> = (0..40).map(|j| rows.iter().map(|row| row[j]).sum::<f64>() / n).collect();
    let spread = |j: usize| rows.iter().map(|row| (row[j] - means[j]).powi(2)).sum::<f64>() / (n - 1.0);
    let deviations: Vec<f64> = (0..40).map(|j| spread(j).sqrt()).collect();
    let scale = Scale { means: Some(means.into()), deviations: deviations.into(), limit: Some(1.5) };
    let dense: Rows =
        rows.iter().map(|row| row.iter().enumerate().map(|(j, &x)| scale.value(j, x)).collect()).collect();
    let matrix = lazy(&rows, 40, Precision::Single);
    let options = PcaOptions { n_comps: Some(8), ..PcaOptions::default() };
    let pca = fit(&matrix.clone().with(Deviations(scale.clone())), &options, &exec(2)).unwrap();
    assert_close(&pca, &dense, 40, 1e-5);
    // The same as dense blocks.
    let other = fit(&matrix.clone().with(scale.clone()), &options, &exec(2)).unwrap();
    assert_close(&other, &dense, 40, 1e-5);
    // Without centring, the offsets say what is meant.
    let offsets = Some((0..40).map(|j| scale.value(j, 0.0)).collect());
    let options = PcaOptions { zero_center: false, ..options };
    let implicit =
        fit(&matrix.clone().with(Deviations(scale.clone())), &PcaOptions { offsets, ..options.clone() }, &exec(1))
            .unwrap();
    let explicit = fit(&matrix.with(scale), &options, &exec(1)).unwrap();
    for (a, b) in implicit.scores.iter().zip(&explicit.scores) {
        assert!((a - b).abs() < 1e-3, "{a} {b}");
    }
}

#[test]
fn iteration_and_products_agree() {
    let rows = rows(400, 60, 2);
    let matrix = lazy(&rows, 60, Precision::Double);
    for zero_center in [true, false] {
        for offsets in [None, Some(vec![0.25; 60])] {
            let options = PcaOptions { n_comps: Some(4), zero_center, offsets, ..PcaOptions::default() };
            let expected = fit(&matrix, &options, &exec(1)).unwrap().model;
            let (model, report) =
                krylov::model(&matrix, 4, zero_center, options.offsets.as_deref(), &options.krylov, &exec(2)).unwrap();
            assert!(report.converged);
            for (a, b) in model.variance.iter().zip(&expected.variance) {
                assert!((a / b - 1.0).abs() < 1e-6);
            }
            for (a, b) in model.components.iter().zip(&expected.components) {
                assert!((a - b).abs() < 1e-3);
            }
            assert_eq!(model.centre.len(), 60);
        }
    }
    let few = KrylovOptions { max_passes: 1, ..KrylovOptions::default() };
    let (_, report) = krylov::model(&matrix, 4, true, None, &few, &exec(1)).unwrap();
    assert!(!report.converged && report.passes == 1);
}

#[test]
fn rows_kept_aside_are_the_same_in_memory_and_on_disk() {
    let rows = rows(900, 70, 8);
    for precision in [Precision::Single, Precision::Double] {
        let matrix = lazy(&rows, 70, precision);
        let options = PcaOptions { n_comps: Some(5), ..PcaOptions::default() };
        let expected = fit(&matrix, &options, &exec(2)).unwrap();
        // Blocks of two rows, so that some are in memory before the file begins.
        let small = LazyMatrix::new(Arc::new(Small(matrix.clone(), precision, rows.clone())));
        for (limit, on_disk) in [(u64::MAX, false), (9000, true), (0, true)] {
            let exec = exec(2);
            let spill = Spill::new(70, 900, precision, limit, &exec);
            let kept = small.run(spill, "rows", &exec).unwrap();
            assert_eq!(kept.is_on_disk(), on_disk);
            let again = LazyMatrix::new(Arc::new(kept));
            assert_eq!(again.shape(), [900, 70]);
            assert_eq!(fit(&again, &options, &exec).unwrap(), expected);
        }
    }
}

#[test]
fn what_cannot_be_decomposed_is_refused() {
    let options = |n_comps| PcaOptions { n_comps, ..PcaOptions::default() };
    let refused = |rows: &Rows, width, n_comps| {
        fit(&lazy(rows, width, Precision::Single), &options(n_comps), &exec(1)).unwrap_err()
    };
    let good = rows(30, 8, 1);
    assert_eq!(refused(&good, 8, Some(8)).kind(), ErrorKind::Argument);
    assert_eq!(
        refused(&good, 8, Some(9)).message(),
        "9 components of 30 rows and 8 columns: between 1 and 7 are possible"
    );
    assert_eq!(refused(&good, 8, Some(0)).kind(), ErrorKind::Argument);
    assert_eq!(refused(&vec![vec![1.0; 5]], 5, None).kind(), ErrorKind::Argument);
    assert_eq!(refused(&vec![vec![1.0]; 5], 1, None).kind(), ErrorKind::Argument);
    assert_eq!(refused(&vec![vec![0.0; 5]; 5], 5, None).kind(), ErrorKind::Invalid);
    for special in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut rows = good.clone();
        rows[17][3] = special;
        let error = refused(&rows, 8, Some(2));
        assert!(error.to_string().contains("row 17") && error.message().contains("column 3"), "{error}");
    }
    let mut huge = good.clone();
    huge[3][3] = 1e30;
    assert_eq!(refused(&huge, 8, Some(2)).kind(), ErrorKind::Invalid);
}

#[test]
fn fewer_rows_than_columns_and_constant_columns_are_fine() {
    let mut rows = rows(9, 30, 4);
    rows.iter_mut().for_each(|row| (row[4], row[5]) = (0.0, 2.5));
    let pca = fit(&lazy(&rows, 30, Precision::Single), &PcaOptions::default(), &exec(2)).unwrap();
    assert_eq!(pca.model.n_comps, 8);
    assert_eq!(pca.scores.len(), 72);
    assert_close(&pca, &rows, 30, 1e-5);
    assert!(pca.model.variance_ratio.iter().sum::<f64>() <= 1.0 + 1e-6);
}

#[test]
fn what_is_stored_fills_the_columns_outside_the_mask() {
    let rows = rows(40, 6, 4);
    let pca = fit(&lazy(&rows, 6, Precision::Single), &PcaOptions { n_comps: Some(2), ..Default::default() }, &exec(1))
        .unwrap();
    let mask = [false, true, true, false, true, true, true, true];
    let stored = pca.stored(Some(("highly_variable", &mask)), true, Precision::Single).unwrap();
    assert_eq!(stored.loadings.len(), 16);
    assert_eq!(stored.loadings[..2], [0.0, 0.0]);
    assert_eq!(stored.loadings[2..6], pca.model.components[..4]);
    assert!(stored.use_highly_variable && stored.loadings_precision == Precision::Double);
    let plain = pca.stored(None, true, Precision::Single).unwrap();
    assert_eq!((plain.loadings_precision, plain.loadings.len()), (Precision::Single, 12));
    assert!(pca.stored(Some(("x", &mask[..3])), true, Precision::Single).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn threads_and_budgets_change_no_bit(
        count in 3_usize..60,
        width in 3_usize..20,
        seed in 0_u64..1000,
        double in any::<bool>(),
        zero_center in any::<bool>(),
    ) {
        let rows = rows(count, width, seed);
        let precision = if double { Precision::Double } else { Precision::Single };
        // Blocks of a row or two.
        let source = Small(lazy(&rows, width, precision), precision, rows.clone());
        let matrix = LazyMatrix::new(Arc::new(source));
        let options = PcaOptions { n_comps: Some(2), zero_center, ..PcaOptions::default() };
        let expected = fit(&matrix, &options, &exec(1)).unwrap();
        for threads in [2, 4] {
            for budget in [Budget::unlimited(), Budget::new(42 << 20)] {
                let exec = Exec::new(threads, budget).unwrap();
                prop_assert_eq!(&fit(&matrix, &options, &exec).unwrap(), &expected);
                let (model, _) =
                    krylov::model(&matrix, 2, zero_center, None, &KrylovOptions::default(), &exec).unwrap();
                let again = krylov::model(&matrix, 2, zero_center, None, &KrylovOptions::default(), &super::tests::exec(1));
                prop_assert_eq!(model, again.unwrap().0);
            }
        }
        if zero_center {
            assert_close(&expected, &rows, width, 1e-5);
        }
    }
}

/// A matrix in blocks of two rows.
struct Small(LazyMatrix, Precision, Rows);

impl annstream_core::matrix::MatrixSource for Small {
    fn shape(&self) -> [u64; 2] {
        self.0.shape().map(|extent| extent as u64)
    }

    fn dtype(&self) -> annstream_store::DType {
        self.1.dtype()
    }

    fn partition(&self, _: u64) -> crate::Result<Vec<std::ops::Range<u64>>> {
        let rows = self.shape()[0];
        Ok((0..rows).step_by(2).map(|start| start..rows.min(start + 2)).collect())
    }

    fn cost(&self, _: std::ops::Range<u64>) -> crate::Result<u64> {
        Ok(1000)
    }

    fn read(&self, rows: std::ops::Range<u64>) -> crate::Result<annstream_core::matrix::Block> {
        let values: Vec<f64> = self.2[rows.start as usize..rows.end as usize].concat();
        let values = match self.1 {
            Precision::Single => Buffer::F32(Numbers::F64(values).into_f32()),
            Precision::Double => Buffer::F64(values),
        };
        Ok(annstream_core::matrix::Block::Dense { rows: (rows.end - rows.start) as usize, values })
    }
}
