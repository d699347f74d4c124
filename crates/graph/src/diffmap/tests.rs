#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]

use annstream_core::{Budget, Exec};
use faer::Mat;

use super::*;
use crate::Graph;
use crate::symmetric::eigen;
use crate::umap::random::Stream;

fn exec(threads: usize) -> Exec {
    Exec::new(threads, Budget::unlimited()).unwrap()
}

/// Undirected, without the edges that are there twice.
fn of_edges(vertices: usize, edges: impl IntoIterator<Item = (usize, usize, f64)>) -> Graph {
    let mut rows = vec![std::collections::BTreeMap::new(); vertices];
    for (i, j, weight) in edges {
        rows[i].insert(u32::try_from(j).unwrap(), weight as f32);
        rows[j].insert(u32::try_from(i).unwrap(), weight as f32);
    }
    let mut graph = (vec![0], vec![], vec![]);
    for row in rows {
        graph.1.extend(row.keys());
        graph.2.extend(row.values());
        graph.0.push(graph.1.len());
    }
    Graph::new(graph.0, graph.1, graph.2).unwrap()
}

/// Points on a strip, each joined to those that are near.
fn strip(vertices: usize, seed: u64) -> Graph {
    let mut random = Stream::new(seed, 0, 1);
    let mut edges = Vec::new();
    for i in 0..vertices {
        for step in 1..=4 {
            edges.push((i, (i + step).min(vertices - 1), random.between(0.2, 1.0)));
        }
        edges.push((i, (i + 5 + (random.unit() * 30.0) as usize).min(vertices - 1), random.between(0.01, 0.2)));
    }
    of_edges(vertices, edges.into_iter().filter(|(i, j, _)| i != j))
}

/// Points each joined to some others anywhere.
fn tangle(vertices: usize, seed: u64) -> Graph {
    let mut random = Stream::new(seed, 1, 1);
    let mut anywhere = || (random.unit() * vertices as f64) as usize;
    let edges: Vec<_> = (0..3 * vertices).map(|i| (i % vertices, anywhere(), 1.0)).collect();
    of_edges(vertices, edges.into_iter().filter(|(i, j, _)| i != j))
}

fn ring(vertices: usize) -> Graph {
    of_edges(vertices, (0..vertices).map(|i| (i, (i + 1) % vertices, 0.5)))
}

/// All eigenvalues of largest magnitude, falling, and the matrix, by the definition.
fn by_definition(graph: &Graph, count: usize) -> (Vec<f64>, Mat<f64>) {
    let n = graph.vertices();
    let mut kernel = Mat::<f64>::zeros(n, n);
    for i in 0..n {
        let (ids, weights) = graph.row(i);
        ids.iter().zip(weights).for_each(|(&j, &weight)| kernel[(i, j as usize)] = f64::from(weight));
    }
    // First by the densities, then by the square roots of what is left.
    for power in [1.0, 0.5] {
        let sums: Vec<f64> = (0..n).map(|i| (0..n).map(|j| kernel[(i, j)]).sum()).collect();
        let scale = |i: usize| if sums[i] > 0.0 { sums[i].powf(-power) } else { 0.0 };
        kernel = Mat::from_fn(n, n, |i, j| kernel[(i, j)] * scale(i) * scale(j));
    }
    let (mut values, _) = eigen(&kernel).unwrap();
    let magnitude = |value: f64| (value.abs() * 1e9).round();
    values.sort_by(|a, b| magnitude(*b).total_cmp(&magnitude(*a)).then(b.total_cmp(a)));
    values.truncate(count);
    values.sort_by(|a, b| b.total_cmp(a));
    (values, kernel)
}

/// The values are those of the definition, and the vectors orthonormal eigenvectors.
fn is_right(graph: &Graph, n_comps: usize) -> Diffmap {
    let map = diffmap(graph, n_comps, &exec(2)).unwrap();
    let (n, width) = (graph.vertices(), map.eigenvalues.len());
    assert_eq!((width, map.positions.len()), (n_comps.min(n - 1), n * width));
    let (values, matrix) = by_definition(graph, width);
    for (ours, expected) in map.eigenvalues.iter().zip(&values) {
        assert!((f64::from(*ours) - expected).abs() < 2e-7, "{:?} {values:?}", map.eigenvalues);
    }
    let vectors = Mat::from_fn(n, width, |i, j| f64::from(map.positions[i * width + j]));
    let image = &matrix * &vectors;
    let gram = vectors.transpose() * &vectors;
    for j in 0..width {
        let rest = (0..n).map(|i| (image[(i, j)] - f64::from(map.eigenvalues[j]) * vectors[(i, j)]).powi(2));
        assert!(rest.sum::<f64>().sqrt() < 1e-6, "{j}");
        for i in 0..width {
            let expected = f64::from(u8::from(i == j));
            assert!((gram[(i, j)] - expected).abs() < 1e-5, "{i} {j}: {}", gram[(i, j)]);
        }
        let column = || (0..n).map(|i| vectors[(i, j)]);
        let most = column().fold(0.0_f64, |most, x| most.max(x.abs()));
        assert!(column().find(|x| x.abs() >= most * (1.0 - 1e-6)).unwrap() > 0.0);
    }
    map
}

#[test]
fn eigenpairs_are_those_of_the_definition() {
    for (vertices, n_comps) in [(2, 3), (5, 15), (40, 3), (300, 15), (600, 15), (700, 40), (410, 409), (430, 150)] {
        is_right(&strip(vertices, 3), n_comps);
    }
}

#[test]
fn eigenvalues_that_are_there_twice_and_below_zero() {
    for vertices in [20, 401, 450] {
        let map = is_right(&ring(vertices), 15);
        assert!(map.eigenvalues.iter().any(|value| *value < -0.99));
    }
    // All joined to all: all but one are the same. A star: one, minus one, and zeros.
    for n in [6, 450] {
        is_right(&of_edges(n, (0..n).flat_map(|i| (0..i).map(move |j| (i, j, 1.0)))), 15);
        is_right(&of_edges(n, (1..n).map(|i| (0, i, 0.3))), 15);
    }
}

#[test]
fn parts_have_vectors_of_their_own() {
    let mut edges = Vec::new();
    let mut first = 0;
    for size in [30, 600, 2, 30, 450] {
        for i in 0..size {
            for step in 1..=3 {
                if i + step < size {
                    edges.push((first + i, first + i + step, 1.0 / step as f64));
                }
            }
        }
        first += size;
    }
    // And three without edges.
    let graph = of_edges(first + 3, edges);
    let map = is_right(&graph, 20);
    assert_eq!(map.components, 8);
    assert!(map.eigenvalues[..5].iter().all(|value| (value - 1.0).abs() < 1e-7));
    let support = |column: usize| -> Vec<usize> {
        (0..graph.vertices()).filter(|i| map.positions[i * 20 + column] != 0.0).collect()
    };
    assert_eq!((0..5).map(|i| support(i)[0]).collect::<Vec<_>>(), [30, 662, 0, 632, 630]);
    assert_eq!((0..5).map(|i| support(i).len()).collect::<Vec<_>>(), [600, 450, 30, 30, 2]);
    // The largest parts only.
    let few = is_right(&graph, 3);
    assert_eq!(few.eigenvalues, [1.0; 3]);
    let column = |map: &Diffmap, width| map.positions.iter().skip(2).step_by(width).copied().collect::<Vec<f32>>();
    assert_eq!(column(&few, 3), column(&map, 20));
    is_right(&of_edges(9, []), 5);
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let graph = tangle(5000, 5);
    let one = diffmap(&graph, 15, &exec(1)).unwrap();
    assert!(one.residual < 1e-8, "{}", one.residual);
    for threads in [2, 3] {
        assert_eq!(diffmap(&graph, 15, &exec(threads)).unwrap(), one);
    }
}

#[test]
fn what_has_no_map_is_refused() {
    let graph = strip(20, 1);
    assert!(diffmap(&graph, 2, &exec(1)).is_err());
    for n in 0..2 {
        assert!(diffmap(&of_edges(n, []), 15, &exec(1)).is_err());
    }
    for weights in [[1.0, 2.0], [-1.0, -1.0], [f32::NAN, f32::NAN]] {
        let broken = Graph::new(vec![0, 1, 2], vec![1, 0], weights.to_vec()).unwrap();
        assert!(diffmap(&broken, 15, &exec(1)).is_err());
    }
    assert!(diffmap(&graph, 15, &Exec::new(1, Budget::new(1000)).unwrap()).is_err());
}
