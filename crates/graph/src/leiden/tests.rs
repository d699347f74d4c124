//! The algorithm against what is known, brute force, and itself.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::items_after_statements,
    reason = "small numbers, and helpers where they are used"
)]

use annstream_core::{Budget, Exec};
use proptest::prelude::*;

use super::*;
use crate::Graph;

/// A matrix from entries; those of one place add up.
fn matrix(vertices: usize, entries: &[(u32, u32, f32)]) -> Graph {
    let mut rows = vec![std::collections::BTreeMap::new(); vertices];
    for &(row, column, weight) in entries {
        *rows[row as usize].entry(column).or_insert(0.0_f32) += weight;
    }
    let (mut indptr, mut indices, mut weights) = (vec![0], Vec::new(), Vec::new());
    for row in rows {
        indices.extend(row.keys());
        weights.extend(row.values());
        indptr.push(indices.len());
    }
    Graph::new(indptr, indices, weights).unwrap()
}

/// An undirected graph: every edge both ways.
fn undirected(vertices: usize, edges: &[(u32, u32, f32)]) -> Graph {
    let back = edges.iter().filter(|(a, b, _)| a != b).map(|&(a, b, weight)| (b, a, weight));
    matrix(vertices, &edges.iter().copied().chain(back).collect::<Vec<_>>())
}

fn exec(threads: usize) -> Exec {
    Exec::new(threads, Budget::unlimited()).unwrap()
}

fn found(graph: &Graph, options: &LeidenOptions) -> Leiden {
    leiden(graph, options, &exec(1)).unwrap()
}

/// The best of all partitions, by looking at each.
fn optimum(graph: &Graph, options: &LeidenOptions) -> f64 {
    fn extend(labels: &mut Vec<u32>, most: u32, graph: &Graph, options: &LeidenOptions) -> f64 {
        if labels.len() == graph.vertices() {
            return quality(graph, labels, options).unwrap();
        }
        let mut best = f64::NEG_INFINITY;
        for label in 0..=most {
            labels.push(label);
            best = best.max(extend(labels, most.max(label + 1), graph, options));
            labels.pop();
        }
        best
    }
    extend(&mut Vec::new(), 0, graph, options)
}

/// Zachary's karate club (1977).
const KARATE: [&[u32]; 34] = [
    &[1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31],
    &[2, 3, 7, 13, 17, 19, 21, 30],
    &[3, 7, 8, 9, 13, 27, 28, 32],
    &[7, 12, 13],
    &[6, 10],
    &[6, 10, 16],
    &[16],
    &[],
    &[30, 32, 33],
    &[33],
    &[],
    &[],
    &[],
    &[33],
    &[32, 33],
    &[32, 33],
    &[],
    &[],
    &[32, 33],
    &[33],
    &[32, 33],
    &[],
    &[32, 33],
    &[25, 27, 29, 32, 33],
    &[25, 27, 31],
    &[31],
    &[29, 33],
    &[33],
    &[31, 33],
    &[32, 33],
    &[32, 33],
    &[32, 33],
    &[33],
    &[],
];

fn karate() -> Graph {
    let edges: Vec<_> = (0..).zip(KARATE).flat_map(|(a, others)| others.iter().map(move |&b| (a, b, 1.0))).collect();
    assert_eq!(edges.len(), 78);
    undirected(34, &edges)
}

#[test]
fn the_karate_club_falls_into_four() {
    for seed in 0..10 {
        for directed in [false, true] {
            let options = LeidenOptions { directed, seed, ..LeidenOptions::default() };
            let leiden = found(&karate(), &options);
            assert!((leiden.modularity - 0.419_789_612_097_304_6).abs() < 1e-12, "{seed}: {}", leiden.modularity);
            assert_eq!(leiden.quality.to_bits(), leiden.modularity.to_bits());
            assert_eq!(leiden.sizes, [12, 11, 6, 5]);
        }
    }
}

#[test]
fn small_graphs_reach_the_optimum_and_none_is_beyond() {
    let mut random = random::Random::new(5);
    for round in 0..40 {
        let vertices = 2 + round % 7;
        let directed = round % 3 == 0;
        let mut edges = Vec::new();
        for a in 0..vertices {
            for b in 0..vertices {
                if random.unit() < 0.3 {
                    edges.push((a, b, if round % 2 == 0 { 1.0 } else { 0.1 + random.unit() as f32 }));
                }
            }
        }
        let graph = if directed { matrix(vertices as usize, &edges) } else { undirected(vertices as usize, &edges) };
        if graph.edges() == 0 {
            continue;
        }
        for (objective, resolution) in
            [(Objective::Modularity, 1.0), (Objective::Modularity, 0.6), (Objective::Cpm, 0.7)]
        {
            for use_weights in [true, false] {
                let own = LeidenOptions { objective, resolution, directed, use_weights, ..LeidenOptions::default() };
                let best = optimum(&graph, &own);
                let mut reached = f64::NEG_INFINITY;
                for seed in 0..20 {
                    let leiden = found(&graph, &LeidenOptions { seed, ..own.clone() });
                    assert!(leiden.quality <= best + 1e-12);
                    reached = reached.max(leiden.quality);
                }
                assert!(reached > best - 1e-9, "round {round}, {own:?}: {reached}, optimum {best}");
            }
        }
    }
}

#[test]
fn the_gain_is_what_the_quality_rises_by() {
    let graph = karate();
    for (objective, directed) in [(Objective::Modularity, true), (Objective::Cpm, false), (Objective::Cpm, true)] {
        let options = LeidenOptions { objective, directed, resolution: 0.3, ..LeidenOptions::default() };
        let (first, model) = prepare::prepare(&graph, &options);
        let prepare::First::Stored(network) = first else { panic!("the matrix is symmetric") };
        let mut membership: Vec<u32> = (0..34).collect();
        let before = quality(&graph, &membership, &options).unwrap();
        let gain = moving::move_vertices(&network, &mut membership, &model, &mut random::Random::new(1));
        let after = quality(&graph, &membership, &options).unwrap();
        // Weights are half of both ways, of which the sum of the matrix has 156.
        assert!((after - before - 2.0 * gain / 156.0).abs() < 1e-12, "{objective:?}: {before}, {after}, {gain}");
    }
}

#[test]
fn nothing_and_next_to_nothing() {
    let options = LeidenOptions::default();
    let leiden = found(&matrix(0, &[]), &options);
    assert!(leiden.labels.is_empty() && leiden.sizes.is_empty() && leiden.modularity.is_nan());
    for entries in [&[][..], &[(0, 0, 2.0)]] {
        assert_eq!(found(&matrix(1, entries), &options).labels, [0]);
    }
    assert_eq!(found(&matrix(3, &[]), &options).labels, [0, 1, 2]);
    // An edge of no weight is none; one that is alone stays alone.
    let graph = undirected(5, &[(1, 3, 0.0), (2, 4, 1.0), (0, 0, 1.0)]);
    assert_eq!(found(&graph, &options).labels, [1, 2, 0, 3, 0]);
    assert_eq!(found(&graph, &LeidenOptions { resolution: 0.0, ..options.clone() }).labels, [1, 2, 0, 3, 0]);
    let none = LeidenOptions { n_iterations: 0, ..options };
    assert_eq!(found(&graph, &none).sizes, [1; 5]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let graph = karate();
    let fails = |graph: &Graph, options: LeidenOptions| leiden(graph, &options, &exec(1)).unwrap_err().to_string();
    for weight in [-1.0, f32::NAN, f32::INFINITY] {
        let graph = matrix(3, &[(0, 1, 1.0), (2, 1, weight)]);
        let error = fails(&graph, LeidenOptions::default());
        assert!(error.contains("row 2") && error.contains("expected a number of 0 or more"), "{error}");
    }
    for resolution in [-0.1, f64::NAN] {
        assert!(fails(&graph, LeidenOptions { resolution, ..LeidenOptions::default() }).contains("resolution"));
    }
    assert!(fails(&graph, LeidenOptions { theta: 0.0, ..LeidenOptions::default() }).contains("theta"));
    assert!(fails(&graph, LeidenOptions { initial: Some(vec![0]), ..LeidenOptions::default() }).contains("34"));
    assert!(quality(&graph, &[0], &LeidenOptions::default()).is_err());
    let exec = Exec::new(1, Budget::new(0)).unwrap();
    assert_eq!(leiden(&graph, &LeidenOptions::default(), &exec).unwrap_err().kind(), crate::ErrorKind::Memory);
}

#[test]
fn what_one_starts_with_is_never_made_worse() {
    let graph = karate();
    let best = found(&graph, &LeidenOptions::default());
    let initial = Some(best.labels.iter().map(|label| u32::MAX - label).collect());
    assert_eq!(found(&graph, &LeidenOptions { initial, seed: 9, ..LeidenOptions::default() }).labels, best.labels);
    // All in one, though in two pieces.
    let pair = undirected(4, &[(0, 1, 1.0), (2, 3, 1.0)]);
    let options =
        LeidenOptions { initial: Some(vec![5; 4]), resolution: 0.0, n_iterations: 0, ..LeidenOptions::default() };
    assert_eq!(found(&pair, &options).labels, [0, 0, 1, 1]);
}

/// Ring of groups, with noise between them.
fn planted(groups: u32, size: u32, seed: u64) -> Graph {
    let mut random = random::Random::new(seed);
    let mut edges = Vec::new();
    for a in 0..groups * size {
        for b in 0..a {
            let likely = if a / size == b / size { 0.5 } else { 0.02 };
            if random.unit() < likely {
                edges.push((a, b, 0.5 + random.unit() as f32));
            }
        }
    }
    undirected((groups * size) as usize, &edges)
}

#[test]
fn planted_groups_are_found_by_any_number_of_threads() {
    let graph = planted(6, 30, 1);
    let options = LeidenOptions { seed: 4, ..LeidenOptions::default() };
    let one = found(&graph, &options);
    assert_eq!(one.labels, (0..180).map(|cell| cell / 30).collect::<Vec<u32>>());
    for threads in [2, 3] {
        assert_eq!(leiden(&graph, &options, &exec(threads)).unwrap(), one);
    }
}

/// Whether the vertices of each group hold together.
fn connected(graph: &Graph, labels: &[u32]) -> bool {
    let mut roots: Vec<usize> = (0..labels.len()).collect();
    fn root(roots: &[usize], mut at: usize) -> usize {
        while roots[at] != at {
            at = roots[at];
        }
        at
    }
    for row in 0..graph.vertices() {
        let (ids, weights) = graph.row(row);
        for (&id, &weight) in ids.iter().zip(weights) {
            if weight > 0.0 && labels[row] == labels[id as usize] {
                let (a, b) = (root(&roots, row), root(&roots, id as usize));
                roots[a] = b;
            }
        }
    }
    let mut first = std::collections::BTreeMap::new();
    (0..labels.len()).all(|at| *first.entry(labels[at]).or_insert(root(&roots, at)) == root(&roots, at))
}

fn graphs() -> impl Strategy<Value = (Graph, bool)> {
    (1_u32..25, any::<bool>()).prop_flat_map(|(vertices, directed)| {
        let weight = prop_oneof![Just(0.0_f32), Just(1.0), 0.01_f32..2.0];
        prop::collection::vec((0..vertices, 0..vertices, weight), 0..80).prop_map(move |edges| {
            let make = if directed { matrix } else { undirected };
            (make(vertices as usize, &edges), directed)
        })
    })
}

proptest! {
    #[test]
    fn communities_are_connected_and_cannot_be_improved_by_a_move(
        (graph, directed) in graphs(),
        seed in 0_u64..1000,
        resolution in 0.0_f64..3.0,
        cpm in any::<bool>(),
        n_iterations in -1_i64..3,
    ) {
        let objective = if cpm { Objective::Cpm } else { Objective::Modularity };
        let options = LeidenOptions { objective, resolution, n_iterations, directed, seed, ..LeidenOptions::default() };
        let one = found(&graph, &options);
        prop_assert_eq!(leiden(&graph, &options, &exec(3)).unwrap().labels, one.labels.clone());
        prop_assert!(connected(&graph, &one.labels));
        prop_assert!(one.sizes.is_sorted_by(|a, b| a >= b));
        prop_assert_eq!(one.sizes.iter().sum::<u64>(), graph.vertices() as u64);
        if n_iterations < 0 && one.quality.is_finite() {
            for vertex in 0..graph.vertices() {
                for label in 0..=one.sizes.len() {
                    let mut moved = one.labels.clone();
                    moved[vertex] = label as u32;
                    prop_assert!(quality(&graph, &moved, &options).unwrap() <= one.quality + 1e-9);
                }
            }
        }
    }

    #[test]
    fn refined_parts_are_connected_within_communities((graph, directed) in graphs(), seed in 0_u64..1000) {
        let options = LeidenOptions { directed, ..LeidenOptions::default() };
        let (first, model) = prepare::prepare(&graph, &options);
        let mut random = random::Random::new(seed);
        // Whatever the communities are, connected or not.
        let mut membership: Vec<u32> = (0..graph.vertices()).map(|_| (random.unit() * 3.0) as u32).collect();
        let count = labels::compact(&mut membership);
        let parts = match &first {
            prepare::First::Stored(network) => refine::refine(network, &membership, count, &model, &mut random),
            prepare::First::Mean(network) => refine::refine(network, &membership, count, &model, &mut random),
        };
        prop_assert!(connected(&graph, &parts.of));
        for a in 0..graph.vertices() {
            for b in 0..a {
                prop_assert!(parts.of[a] != parts.of[b] || membership[a] == membership[b]);
            }
        }
    }
}
