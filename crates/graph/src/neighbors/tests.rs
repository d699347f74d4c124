use annstream_core::Budget;
use proptest::prelude::*;

use super::approximate::approximate;
use super::draw::mix;
use super::metric::Points;
use super::*;
use crate::{ErrorKind, Exec};

fn exec(threads: usize) -> Exec {
    Exec::new(threads, Budget::unlimited()).unwrap()
}

/// Points about some centres, in `width` dimensions.
fn blobs(cells: usize, width: usize, seed: u64) -> Vec<f32> {
    let draw = |counter: u64, seed: u64| (mix(counter, seed) >> 40) as f32 / 16_777_216.0 - 0.5;
    (0..cells * width)
        .map(|i| {
            let (cell, column) = (i / width, i % width);
            let centre = draw((cell % 7 * width + column) as u64, seed + 1);
            let noise: f32 = (0..4).map(|part| draw((i * 4 + part) as u64, seed)).sum();
            3.0 * centre + noise / (1.0 + column as f32).sqrt() + 2.0
        })
        .collect()
}

/// The distance in doubles, from its definition.
fn distance(a: &[f32], b: &[f32], metric: Metric) -> f64 {
    let (a, b): (Vec<f64>, Vec<f64>) = (a.iter().map(|&v| v.into()).collect(), b.iter().map(|&v| v.into()).collect());
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let angle = |a: &[f64], b: &[f64]| {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        match (dot(a, a).sqrt(), dot(b, b).sqrt()) {
            (0.0, 0.0) => 0.0,
            (a_length, b_length) if a_length == 0.0 || b_length == 0.0 => 1.0,
            (a_length, b_length) => 1.0 - dot(a, b) / a_length / b_length,
        }
    };
    match metric {
        Metric::Euclidean => a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt(),
        Metric::Manhattan => a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum(),
        Metric::Cosine => angle(&a, &b),
        Metric::Correlation => {
            let less = |v: &[f64]| v.iter().map(|x| x - mean(v)).collect::<Vec<_>>();
            angle(&less(&a), &less(&b))
        }
    }
}

/// Distances to the nearest, by sorting all.
fn naive(values: &[f32], width: usize, metric: Metric, neighbours: usize) -> Vec<Vec<f64>> {
    let rows: Vec<&[f32]> = values.chunks(width).collect();
    (0..rows.len())
        .map(|cell| {
            let others = (0..rows.len()).filter(|other| *other != cell);
            let mut all: Vec<f64> = others.map(|other| distance(rows[cell], rows[other], metric)).collect();
            all.sort_by(f64::total_cmp);
            all.truncate(neighbours);
            all
        })
        .collect()
}

fn check_exact(values: &[f32], width: usize, n_neighbors: usize, metric: Metric) {
    let options = NearestOptions { n_neighbors, metric, search: Search::Exact, ..NearestOptions::default() };
    let knn = nearest(values, width, options, &exec(2)).unwrap().knn;
    let rows: Vec<&[f32]> = values.chunks(width).collect();
    assert_eq!((knn.cells(), knn.neighbours()), (rows.len(), n_neighbors - 1));
    for (cell, expected) in naive(values, width, metric, n_neighbors - 1).iter().enumerate() {
        let (ids, distances) = knn.row(cell);
        assert!(distances.is_sorted());
        let mut distinct = ids.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), ids.len());
        assert!(!ids.contains(&u32::try_from(cell).unwrap()));
        for ((&id, &found), &expected) in ids.iter().zip(distances).zip(expected) {
            let own = distance(rows[cell], rows[id as usize], metric);
            assert!((f64::from(found) - own).abs() < 1e-5 * (1.0 + own), "{metric}: {found} is {own}");
            assert!((f64::from(found) - expected).abs() < 1e-5 * (1.0 + expected), "{metric}: {found}, {expected}");
        }
    }
}

#[test]
fn exact_is_that_of_all_pairs() {
    for metric in Metric::ALL {
        for (cells, width, n_neighbors) in [(2, 1, 2), (3, 2, 3), (15, 5, 15), (16, 3, 15), (300, 20, 15), (700, 9, 4)]
        {
            check_exact(&blobs(cells, width, 3), width, n_neighbors, metric);
        }
    }
}

#[test]
fn points_far_out_and_far_apart() {
    let mut values = blobs(400, 8, 5);
    for value in &mut values {
        *value += 300.0;
    }
    values[..8].fill(1e4);
    values[8..16].fill(-4e3);
    check_exact(&values, 8, 10, Metric::Euclidean);
    let tiny: Vec<f32> = blobs(200, 8, 6).iter().map(|value| value * 1e-25).collect();
    let options = NearestOptions { n_neighbors: 5, ..NearestOptions::default() };
    let small = nearest(&tiny, 8, options, &exec(1)).unwrap().knn;
    let large = nearest(&blobs(200, 8, 6), 8, options, &exec(1)).unwrap().knn;
    assert_eq!(small.indices(), large.indices());
}

#[test]
fn equal_points_are_at_no_distance() {
    for metric in Metric::ALL {
        let mut values = blobs(300, 6, 9);
        let first = values[..6].to_vec();
        for cell in 0..60 {
            values[cell * 6..(cell + 1) * 6].copy_from_slice(&first);
        }
        // Points without a direction.
        values[6 * 200..6 * 203].fill(0.0);
        check_exact(&values, 6, 15, metric);
        let options = NearestOptions { metric, ..NearestOptions::default() };
        let knn = nearest(&values, 6, options, &exec(2)).unwrap().knn;
        assert!(knn.row(7).1.iter().all(|distance| *distance == 0.0));
    }
}

#[test]
fn threads_change_no_bit() {
    let values = blobs(5000, 12, 1);
    for metric in Metric::ALL {
        let all: Vec<_> = [1, 2, 3]
            .into_iter()
            .map(|threads| {
                let points = Points::new(&values, 12, metric).unwrap();
                let exec = exec(threads);
                let (knn, recall) = approximate(points, 14, Some(200), 0, &exec).unwrap();
                let graph = umap(&knn, &exec).unwrap();
                let exact = nearest(&values[..6000], 12, NearestOptions::default(), &exec).unwrap();
                (knn, recall.to_bits(), graph, exact)
            })
            .collect();
        assert!(all[0] == all[1] && all[0] == all[2]);
    }
}

#[test]
fn looking_at_each_cell_shows_the_same_neighbours() {
    let (cells, values) = (3000, blobs(3000, 8, 4));
    for search in [Search::Exact, Search::Approximate] {
        let options = NearestOptions { n_neighbors: 12, search, ..NearestOptions::default() };
        let found = nearest(&values, 8, options, &exec(2)).unwrap();
        let (each, recall) = each_nearest(&values, 8, options, |cell, ids| (cell, ids.to_vec()), &exec(3)).unwrap();
        let expected: Vec<_> = (0..cells).map(|cell| (cell, found.knn.row(cell).0.to_vec())).collect();
        assert!(each == expected && recall == found.recall);
    }
}

#[test]
fn most_neighbours_are_found_and_the_share_is_told() {
    let (cells, width) = (6000, 12);
    let values = blobs(cells, width, 2);
    for metric in [Metric::Euclidean, Metric::Manhattan] {
        let points = Points::new(&values, width, metric).unwrap();
        let (knn, recall) = approximate(points, 14, Some(1000), 0, &exec(2)).unwrap();
        let options = NearestOptions { metric, search: Search::Exact, ..NearestOptions::default() };
        let exact = nearest(&values, width, options, &exec(2)).unwrap().knn;
        let found = (0..cells).map(|cell| {
            let (ids, _) = exact.row(cell);
            knn.row(cell).0.iter().filter(|id| ids.contains(id)).count()
        });
        let share = found.sum::<usize>() as f64 / (cells * 14) as f64;
        assert!(share > 0.98, "{metric}: {share}, told {recall}");
        assert!((share - recall).abs() < 0.01, "{metric}: {share}, told {recall}");
    }
}

#[test]
fn many_equal_points_are_searched_too() {
    let mut values = vec![0.0; 4000 * 4];
    values[..2000].copy_from_slice(&blobs(500, 4, 4));
    let points = Points::new(&values, 4, Metric::Euclidean).unwrap();
    let (knn, recall) = approximate(points, 14, Some(200), 0, &exec(2)).unwrap();
    assert!(recall > 0.98);
    assert!(knn.row(3000).1.iter().all(|distance| *distance == 0.0));
    assert!((0_u32..4000).all(|cell| !knn.row(cell as usize).0.contains(&cell)));
}

#[test]
fn what_is_not_finite_is_refused() {
    let mut values = blobs(20, 3, 0);
    values[31] = f32::NAN;
    let error = nearest(&values, 3, NearestOptions::default(), &exec(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("row 10: the embedding has NaN in column 1"), "{error}");
    let error = nearest(&values[..30], 3, NearestOptions::default(), &exec(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
}

#[test]
fn of_few_cells_half_are_neighbours() {
    assert_eq!(fitting(15, 15).unwrap(), 15);
    assert_eq!(fitting(15, 14).unwrap(), 8);
    assert_eq!(fitting(15, 2).unwrap(), 2);
    assert!(fitting(15, 1).is_err() && fitting(15, 0).is_err() && fitting(1, 100).is_err());
}

#[test]
fn memberships_add_up_to_the_logarithm() {
    let knn = nearest(&blobs(500, 10, 8), 10, NearestOptions::default(), &exec(2)).unwrap().knn;
    let graph = umap(&knn, &exec(2)).unwrap();
    for cell in 0..500 {
        let (ids, weights) = graph.row(cell);
        assert!(ids.len() >= 14 && weights.iter().all(|weight| *weight > 0.0 && *weight <= 1.0));
        assert!(weights.iter().any(|weight| *weight > 1.0 - 1e-6));
        for (&id, &weight) in ids.iter().zip(weights) {
            let (theirs, back) = graph.row(id as usize);
            let place = theirs.binary_search(&u32::try_from(cell).unwrap()).unwrap();
            assert_eq!(back[place].to_bits(), weight.to_bits());
        }
        // The union is at least what the cell itself gives.
        assert!(weights.iter().sum::<f32>() > 15_f32.log2() - 1e-3);
    }
}

#[test]
fn gauss_of_a_line() {
    // Three cells at 0, 1 and 3: neighbours 1, (0 or 2), 1.
    let knn = nearest(&[0.0, 1.0, 3.0], 1, NearestOptions { n_neighbors: 2, ..NearestOptions::default() }, &exec(1));
    let graph = gauss(&knn.unwrap().knn, &exec(1)).unwrap();
    assert_eq!(graph.indptr(), [0, 1, 3, 4]);
    let near = (-0.5_f64).exp();
    // Squared widths are 1 and 4.
    let far = (2.0 * 1.0 * 2.0 / 5.0_f64).sqrt() * (-4.0 / 5.0_f64).exp();
    let (ids, weights) = graph.row(1);
    assert_eq!(ids, [0, 2]);
    assert!((f64::from(weights[0]) - near).abs() < 1e-7 && (f64::from(weights[1]) - far).abs() < 1e-7);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_points(
        (width, values) in (1_usize..6, 2_usize..60).prop_flat_map(|(width, cells)| {
            (Just(width), prop::collection::vec(prop_oneof![(-3_i8..4).prop_map(f32::from), -50.0_f32..50.0], width * cells))
        }),
        metric in prop::sample::select(Metric::ALL.to_vec()),
        wanted in 2_usize..20,
    ) {
        let cells = values.len() / width;
        // With one dimension all correlations are of constants.
        check_exact(&values, width, wanted.min(cells), metric);
    }
}
