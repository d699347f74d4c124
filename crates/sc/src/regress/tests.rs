//! Against the definition of least squares.
#![expect(clippy::float_cmp, reason = "what is to be equal is equal to the bit")]

use annstream_core::lazy::Precision;
use annstream_core::table::Column;
use annstream_core::{Budget, Exec};
use annstream_store::{Buffer, DType};
use proptest::prelude::*;

use super::super::covariates;
use super::*;
use crate::split_rows::{SplitRows, collected, exec};

fn numbers(columns: &[Vec<f64>]) -> Covariates {
    let named: Vec<(String, Column)> =
        columns.iter().map(|own| ("z".to_owned(), Column::Plain(Buffer::F64(own.clone())))).collect();
    covariates(&named).unwrap()
}

fn grouped(codes: Vec<i32>) -> Covariates {
    let categories = Box::new(Column::text(["a", "b", "unused", "c"]));
    covariates(&[("g".to_owned(), Column::Categorical { codes, categories, ordered: false })]).unwrap()
}

fn column(values: &[f64], width: usize, column: usize) -> Vec<f64> {
    values.iter().skip(column).step_by(width).copied().collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn a_line_is_left_with_nothing_and_noise_with_itself() {
    let z = vec![1.0, 2.0, 3.0, 4.0];
    // A line, what is orthogonal to lines, zeros, a constant.
    let values = [3.0, 1.0, 0.0, 2.0, 5.0, -1.0, 0.0, 2.0, 7.0, -1.0, 0.0, 2.0, 9.0, 1.0, 0.0, 2.0];
    let matrix = SplitRows::lazy(&values, 4, DType::F64, 3);
    let out = regress_out(&matrix, &numbers(&[z]), &exec(1)).unwrap().matrix;
    assert!(out.view().is_dense() && matrix.passes() == 1);
    let left = collected(&out, 2);
    for (row, left) in left.chunks(4).enumerate() {
        assert!(left[0].abs() < 1e-14 && (left[1] - values[row * 4 + 1]).abs() < 1e-14 && left[3].abs() < 1e-14);
        assert_eq!(left[2], 0.0);
    }
}

#[test]
fn dependent_numbers_and_groups_leave_constants_and_give_doubles() {
    let values = [1.0, 2.0, 0.0, 5.0, 2.0, 0.0, 3.0, 2.0, 0.0, 0.0, 2.0, 0.0];
    for dtype in [DType::F32, DType::U16, DType::I32, DType::F64] {
        let matrix = SplitRows::lazy(&values, 3, dtype, 2);
        let constant = regress_out(&matrix, &numbers(&[vec![0.1; 4]]), &exec(1)).unwrap().matrix;
        assert_eq!(constant.precision(), Precision::Double);
        let left = collected(&constant, 1);
        let expected = [-1.25, 2.0, 0.0, 2.75, 2.0, 0.0, 0.75, 2.0, 0.0, -2.25, 2.0, 0.0];
        assert!(left.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-14), "{left:?}");
        let groups = regress_out(&matrix, &grouped(vec![3, 0, 3, 0]), &exec(1)).unwrap().matrix;
        assert_eq!(groups.precision(), Precision::Double);
        assert_eq!(collected(&groups, 1), [-1.0, 2.0, 0.0, 2.5, 2.0, 0.0, 1.0, 2.0, 0.0, -2.5, 2.0, 0.0]);
        let full = regress_out(&matrix, &numbers(&[vec![0.1, 0.2, 0.2, 0.7]]), &exec(1)).unwrap().matrix;
        let expected = if dtype == DType::F64 { Precision::Double } else { Precision::Single };
        assert_eq!(full.precision(), expected, "{dtype:?}");
    }
    // Nothing varies: nothing changes, not even the precision.
    let one = SplitRows::lazy(&values[..3], 3, DType::F32, 2);
    for covariates in [numbers(&[vec![7.0]]), grouped(vec![1]), grouped(vec![-1])] {
        let out = regress_out(&one, &covariates, &exec(1)).unwrap().matrix;
        assert_eq!((out.precision(), collected(&out, 1)), (Precision::Single, vec![1.0, 2.0, 0.0]));
    }
}

#[test]
fn rows_without_a_group_are_a_group_of_mean_zero() {
    let (codes, values) = (vec![0, -1, 1, 0, 1, -1], [3.0, 1.0, 9.0, 5.0, 4.0, 2.0]);
    let matrix = SplitRows::lazy(&values, 1, DType::F64, 4);
    let found = collected(&regress_out(&matrix, &grouped(codes), &exec(1)).unwrap().matrix, 1);
    let regressor = vec![4.0, 0.0, 6.5, 4.0, 6.5, 0.0];
    let expected = collected(&regress_out(&matrix, &numbers(&[regressor]), &exec(1)).unwrap().matrix, 1);
    for (a, b) in found.iter().zip(&expected) {
        assert!((a - b).abs() < 1e-13, "{found:?} {expected:?}");
    }
    let none = collected(&regress_out(&matrix, &grouped(vec![-1; 6]), &exec(1)).unwrap().matrix, 1);
    assert_eq!(none, [-1.0, -3.0, 5.0, 1.0, 0.0, -2.0]);
}

#[test]
fn rows_and_columns_that_went_are_not_looked_at() {
    let values: Vec<f64> = (0..20).map(|i| f64::from(i * 7 % 11)).collect();
    let matrix = SplitRows::lazy(&values, 4, DType::F32, 2);
    let kept = matrix.clone().keep_rows(&[true, false, true, true, true]).unwrap();
    let kept = kept.keep_columns(&[false, true, true, false]).unwrap();
    let z = vec![0.5, 3.0, 2.0, 9.0];
    let small: Vec<f64> = [0, 2, 3, 4].into_iter().flat_map(|row| values[row * 4 + 1..row * 4 + 3].to_vec()).collect();
    let small = SplitRows::lazy(&small, 2, DType::F32, 9);
    for covariates in [numbers(&[z]), grouped(vec![0, 1, 0, 1])] {
        let found = collected(&regress_out(&kept, &covariates, &exec(1)).unwrap().matrix, 1);
        let expected = collected(&regress_out(&small, &covariates, &exec(1)).unwrap().matrix, 1);
        assert!(found.len() == 8 && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6));
        assert!(regress_out(&matrix, &covariates, &exec(1)).is_err());
    }
}

#[test]
fn nothing_is_fine_and_missing_values_spread_over_their_column() {
    for width in [0, 3] {
        let empty = SplitRows::lazy(&[], width, DType::F32, 2);
        for covariates in [numbers(&[vec![]]), grouped(vec![])] {
            let out = regress_out(&empty, &covariates, &exec(1)).unwrap().matrix;
            assert!(collected(&out, 1).is_empty());
        }
    }
    let values = [1.0, f64::NAN, 4.0, 2.0, 0.0, 5.0];
    let matrix = SplitRows::lazy(&values, 2, DType::F64, 1);
    for covariates in [numbers(&[vec![1.0, 4.0, 3.0]]), numbers(&[vec![1.0; 3]]), grouped(vec![0; 3])] {
        let left = collected(&regress_out(&matrix, &covariates, &exec(1)).unwrap().matrix, 1);
        assert!(column(&left, 2, 0).iter().all(|x| x.is_finite()) && column(&left, 2, 1).iter().all(|x| x.is_nan()));
    }
}

#[test]
fn tables_of_very_many_groups_are_charged() {
    let exec = Exec::new(1, Budget::new(1 << 20)).unwrap();
    let values = vec![1.0; 4000 * 100];
    let matrix = SplitRows::lazy(&values, 100, DType::F32, 100);
    let names: Vec<String> = (0..4000).map(|i| format!("{}", i / 2)).collect();
    let many = covariates(&[("g".to_owned(), Column::text(names))]).unwrap();
    let error = regress_out(&matrix, &many, &exec).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Memory);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn residuals_are_orthogonal_whatever_the_blocks_and_threads(
        values in prop::collection::vec(prop_oneof![3 => Just(0.0), 2 => (1_u8..9).prop_map(f64::from)], 2..240),
        width in 1_usize..6,
        seed in prop::collection::vec(-5_i8..5, 240),
        keys in 1_usize..4,
        step in 1_usize..9,
        groups in any::<bool>(),
    ) {
        let rows = values.len() / width;
        let values = &values[..rows * width];
        let columns: Vec<Vec<f64>> = (0..keys)
            .map(|key| (0..rows).map(|row| f64::from(seed[(row * keys + key) % 240]) * 1e3 + 1e6).collect())
            .collect();
        let codes: Vec<i32> = (0..rows).map(|row| i32::from(seed[row].rem_euclid(4) + 1) % 4).collect();
        let codes: Vec<i32> = codes.iter().map(|code| if *code == 2 { 3 } else { *code }).collect();
        let known = if groups { grouped(codes.clone()) } else { numbers(&columns) };
        let matrix = SplitRows::lazy(values, width, DType::F64, step);
        let out = regress_out(&matrix, &known, &exec(1)).unwrap().matrix;
        let left = collected(&out, 1);
        for threads in [2, 3] {
            let again = regress_out(&matrix, &known, &exec(threads)).unwrap().matrix;
            prop_assert_eq!(&collected(&again, threads), &left);
        }
        let whole = SplitRows::lazy(values, width, DType::F64, 1000);
        let whole = collected(&regress_out(&whole, &known, &exec(1)).unwrap().matrix, 1);
        let ones = vec![1.0; rows];
        for j in 0..width {
            let (own, residual) = (column(values, width, j), column(&left, width, j));
            prop_assert!(residual.iter().zip(column(&whole, width, j)).all(|(a, b)| (a - b).abs() < 1e-12));
            if own.iter().all(|x| *x == own[0]) {
                // Left alone, or explained.
                prop_assert!(residual.iter().all(|x| x.abs() < 1e-12 || *x == own[0]));
                continue;
            }
            // Orthogonal to all that is known, and no farther away than that.
            prop_assert!(dot(&residual, &ones).abs() < 1e-9);
            if groups {
                for group in 0..4 {
                    let sum: f64 = residual.iter().zip(&codes).filter(|(_, code)| **code == group).map(|(x, _)| x).sum();
                    prop_assert!(sum.abs() < 1e-9);
                }
                continue;
            }
            for z in &columns {
                prop_assert!(dot(&residual, z).abs() < 1e-6, "{}", dot(&residual, z));
            }
            let explained: Vec<f64> = own.iter().zip(&residual).map(|(x, left)| x - left).collect();
            let Covariates::Numbers(basis) = &known else { unreachable!() };
            let mut rest = explained;
            for i in 0..basis.count {
                let vector: Vec<f64> = basis.entries.iter().skip(i).step_by(basis.count).copied().collect();
                let along = dot(&rest, &vector);
                rest.iter_mut().zip(&vector).for_each(|(rest, v)| *rest -= along * v);
            }
            prop_assert!(rest.iter().all(|x| x.abs() < 1e-9));
        }
    }
}
