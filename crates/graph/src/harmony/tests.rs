use annstream_core::{Budget, Exec};

use super::draw::Draw;
use super::*;
use crate::{Error, ErrorKind};

fn exec(threads: usize) -> Exec {
    Exec::new(threads, Budget::unlimited()).unwrap()
}

/// Cells of some kinds in five dimensions, each of a batch that shifts it; kinds and batches.
fn cells(count: usize, kinds: usize, batches: u32) -> (Vec<f64>, Vec<usize>, Vec<u32>) {
    let mut draw = Draw::of_turn(9, 9);
    let centres: Vec<f64> = (0..kinds * 5).map(|_| 20.0 * (draw.unit() - 0.5)).collect();
    let shifts: Vec<f64> = (0..batches as usize * 5).map(|_| 4.0 * (draw.unit() - 0.5)).collect();
    let kind: Vec<usize> = (0..count).map(|_| draw.below(kinds)).collect();
    let batch: Vec<u32> = (0..count).map(|_| u32::try_from(draw.below(batches as usize)).unwrap()).collect();
    let place = |cell: usize, axis: usize| centres[kind[cell] * 5 + axis] + shifts[batch[cell] as usize * 5 + axis];
    let values = (0..count * 5).map(|i| place(i / 5, i % 5) + draw.unit() - 0.5).collect();
    (values, kind, batch)
}

/// The mean over kinds of how far batch 1 is from batch 0.
fn apart(values: &[f64], kind: &[usize], batch: &[u32]) -> f64 {
    let kinds = kind.iter().max().unwrap() + 1;
    let mean = |wanted: (usize, u32), axis: usize| {
        let here = (0..kind.len()).filter(|&cell| (kind[cell], batch[cell]) == wanted);
        let values: Vec<f64> = here.map(|cell| values[cell * 5 + axis]).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let distance =
        |kind: usize| (0..5).map(|axis| (mean((kind, 0), axis) - mean((kind, 1), axis)).powi(2)).sum::<f64>().sqrt();
    (0..kinds).map(distance).sum::<f64>() / kinds as f64
}

#[test]
fn batches_come_together() {
    let (values, kind, batch) = cells(3000, 4, 2);
    let before = apart(&values, &kind, &batch);
    let done = harmony(values, 5, std::slice::from_ref(&batch), &HarmonyOptions::default(), &exec(2)).unwrap();
    let after = apart(&done.values, &kind, &batch);
    assert!(after < 0.35 * before, "{before} {after}");
    assert_eq!((done.clusters, done.converged), (100, true));
    assert!(done.objectives.len() > 1 && done.objectives.iter().all(|x| x.is_finite()));
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let (values, _, batch) = cells(9000, 5, 3);
    let second: Vec<u32> = (0..9000).map(|cell| cell % 7 / 3).collect();
    for keys in [vec![batch.clone()], vec![batch, second]] {
        let options = HarmonyOptions { n_clusters: Some(20), tol_harmony: 0.0, ..HarmonyOptions::default() };
        let one = harmony(values.clone(), 5, &keys, &options, &exec(1)).unwrap();
        for threads in [2, 3] {
            assert_eq!(harmony(values.clone(), 5, &keys, &options, &exec(threads)).unwrap(), one);
        }
        let options = HarmonyOptions { random_state: 1, ..options };
        assert_ne!(harmony(values.clone(), 5, &keys, &options, &exec(2)).unwrap(), one);
    }
}

#[test]
fn one_batch_stays_as_it_is() {
    for count in [0, 1, 2, 14, 500] {
        let (values, _, _) = cells(count, 3, 2);
        let done = harmony(values.clone(), 5, &[vec![4; count]], &HarmonyOptions::default(), &exec(2)).unwrap();
        assert_eq!(done.values, values);
    }
}

#[test]
fn few_cells_lone_batches_and_zeros_do_no_harm() {
    for count in 1..9 {
        let (mut values, _, batch) = cells(count, 2, 2);
        values[..5].fill(0.0);
        for clusters in 1..=count {
            for theta in [0.0, 2.0, 500.0] {
                let lone = (0..).take(count).collect();
                let keys = [batch.clone(), lone];
                let options =
                    HarmonyOptions { n_clusters: Some(clusters), theta: vec![theta], ..HarmonyOptions::default() };
                for keys in [&keys[..1], &keys[1..], &keys] {
                    let done = harmony(values.clone(), 5, keys, &options, &exec(1)).unwrap();
                    assert!(done.values.iter().all(|x| x.is_finite()), "{count} {clusters} {theta}");
                }
            }
        }
    }
    let (values, _, mut batch) = cells(400, 3, 1);
    batch[7] = 1;
    for sigma in [1e-3, 10.0] {
        let options = HarmonyOptions { sigma, tau: 5.0, ..HarmonyOptions::default() };
        let done = harmony(values.clone(), 5, &[batch.clone()], &options, &exec(2)).unwrap();
        assert!(done.values.iter().all(|x| x.is_finite()));
    }
}

/// What an option is called, and how it is made wrong.
type Change<'a> = (&'a str, &'a dyn Fn(&mut HarmonyOptions));

#[test]
fn what_makes_no_sense_is_refused() {
    let (values, _, batch) = cells(60, 3, 2);
    let refused = |change: &dyn Fn(&mut HarmonyOptions)| -> Error {
        let mut options = HarmonyOptions::default();
        change(&mut options);
        harmony(values.clone(), 5, std::slice::from_ref(&batch), &options, &exec(1)).unwrap_err()
    };
    let changes: [Change<'_>; 11] = [
        ("61 clusters of 60 cells", &|options| options.n_clusters = Some(61)),
        ("0 clusters", &|options| options.n_clusters = Some(0)),
        ("sigma is 0", &|options| options.sigma = 0.0),
        ("alpha is NaN", &|options| options.alpha = f64::NAN),
        ("tau is -1", &|options| options.tau = -1.0),
        ("block_proportion is 0", &|options| options.block_proportion = 0.0),
        ("theta has 2 numbers", &|options| options.theta = vec![1.0, 2.0]),
        ("theta is -1", &|options| options.theta = vec![-1.0]),
        ("ridge_lambda is 0", &|options| options.ridge_lambda = Some(vec![0.0])),
        ("no iterations", &|options| options.max_iter_harmony = 0),
        ("4 numbers as centres", &|options| options.centres = Some(vec![1.0; 4])),
    ];
    for (message, change) in changes {
        let error = refused(change);
        assert!(error.message().contains(message) && error.kind() == ErrorKind::Argument, "{error}");
    }
    let mut broken = values.clone();
    broken[5 * 17 + 2] = f64::NAN;
    let error = harmony(broken, 5, std::slice::from_ref(&batch), &HarmonyOptions::default(), &exec(1)).unwrap_err();
    assert!(error.to_string().contains("row 17") && error.to_string().contains("column 2"), "{error}");
    let small = Exec::new(1, Budget::new(40 << 20)).unwrap();
    let error = harmony(values, 5, &[batch], &HarmonyOptions::default(), &small).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Memory);
}
