#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]

use annstream_core::{Budget, Exec};

use super::random::Stream;
use super::*;

fn exec(threads: usize) -> Exec {
    Exec::new(threads, Budget::unlimited()).unwrap()
}

/// Groups of points in a ring, each joined to some others of its group, and groups joined by a few edges.
fn groups(count: usize, size: usize, bridges: usize) -> Graph {
    let n = count * size;
    let mut edges = std::collections::BTreeMap::new();
    let mut random = Stream::new(7, 7, 7);
    let mut join = |i: usize, j: usize, weight: f64| {
        if i != j {
            edges.insert((i, j), weight as f32);
            edges.insert((j, i), weight as f32);
        }
    };
    for i in 0..n {
        for _ in 0..8.min(size) {
            let j = i / size * size + (random.unit() * size as f64) as usize;
            join(i, j, random.between(0.1, 1.0));
        }
    }
    for group in 0..count {
        for k in 0..bridges {
            join(group * size + k, (group * size + size + k) % n, 0.3);
        }
    }
    let mut indptr = vec![0; n + 1];
    for (i, _) in edges.keys() {
        indptr[i + 1] += 1;
    }
    (0..n).for_each(|i| indptr[i + 1] += indptr[i]);
    let indices = edges.keys().map(|(_, j)| u32::try_from(*j).unwrap()).collect();
    Graph::new(indptr, indices, edges.into_values().collect()).unwrap()
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    for (n_components, negative_sample_rate) in [(2, 5), (3, 9)] {
        let graph = groups(6, 900, 3);
        let options = UmapOptions { n_components, negative_sample_rate, maxiter: Some(20), ..UmapOptions::default() };
        let one = umap(&graph, &options, &exec(1)).unwrap();
        assert_eq!(one.positions.len(), 5400 * n_components);
        for threads in [2, 3] {
            assert_eq!(umap(&graph, &options, &exec(threads)).unwrap(), one);
        }
        let other = umap(&graph, &UmapOptions { random_state: 1, ..options }, &exec(2)).unwrap();
        assert_ne!(other, one);
    }
}

#[test]
fn groups_come_apart() {
    for (count, bridges) in [(5, 2), (3, 0), (9, 0)] {
        let size = 150;
        let picture = umap(&groups(count, size, bridges), &UmapOptions::default(), &exec(2)).unwrap();
        let points: Vec<&[f32]> = picture.positions.chunks(2).collect();
        let distance = |i: usize, j: usize| (points[i][0] - points[j][0]).hypot(points[i][1] - points[j][1]);
        let mut wrong = 0;
        for i in 0..count * size {
            let nearest =
                (0..count * size).filter(|j| *j != i).min_by(|a, b| distance(i, *a).total_cmp(&distance(i, *b)));
            wrong += usize::from(nearest.unwrap() / size != i / size);
        }
        assert!(wrong * 50 < count * size, "{wrong} of {}", count * size);
    }
}

#[test]
fn few_vertices_and_few_edges() {
    for init_pos in [InitPos::Spectral, InitPos::Random] {
        for n_components in [1, 2, 3, 64] {
            let options = UmapOptions { n_components, init_pos: init_pos.clone(), ..UmapOptions::default() };
            for n in 0..8 {
                let none = Graph::new(vec![0; n + 1], vec![], vec![]).unwrap();
                let all = groups(1, n, 0);
                for graph in [none, all] {
                    let picture = umap(&graph, &options, &exec(2)).unwrap();
                    assert_eq!(picture.positions.len(), n * n_components);
                    assert!(picture.positions.iter().all(|x| x.is_finite()));
                }
            }
        }
    }
}

#[test]
fn awkward_graphs_have_finite_pictures() {
    // A star, and all joined to all by the same weight.
    let n = 700;
    let star: Vec<(usize, usize)> = (1..n).map(|i| (0, i)).chain((1..n).map(|i| (i, 0))).collect();
    let full: Vec<(usize, usize)> = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| i != j).collect();
    for mut edges in [star, full] {
        edges.sort_unstable();
        let mut indptr = vec![0; n + 1];
        for (i, _) in &edges {
            indptr[i + 1] += 1;
        }
        (0..n).for_each(|i| indptr[i + 1] += indptr[i]);
        let indices: Vec<u32> = edges.iter().map(|(_, j)| u32::try_from(*j).unwrap()).collect();
        let graph = Graph::new(indptr, indices, vec![0.5; edges.len()]).unwrap();
        for alpha in [1.0, 100.0] {
            let options = UmapOptions { maxiter: Some(15), alpha, ..UmapOptions::default() };
            let picture = umap(&graph, &options, &exec(2)).unwrap();
            assert!(picture.positions.iter().all(|x| x.is_finite()));
        }
    }
}

#[test]
fn large_graphs_begin_at_coarser_ones() {
    let (count, size) = (12, 1000);
    let graph = groups(count, size, 3);
    let options = UmapOptions { maxiter: Some(12), ..UmapOptions::default() };
    let picture = umap(&graph, &options, &exec(2)).unwrap();
    assert_eq!(umap(&graph, &options, &exec(1)).unwrap(), picture);
    let points: Vec<&[f32]> = picture.positions.chunks(2).collect();
    let mut centres = vec![[0.0_f32; 2]; count];
    for (i, point) in points.iter().enumerate() {
        (0..2).for_each(|axis| centres[i / size][axis] += point[axis] / size as f32);
    }
    let distance = |point: &[f32], centre: &[f32; 2]| (point[0] - centre[0]).hypot(point[1] - centre[1]);
    let nearest = |point: &[f32]| {
        (0..count).min_by(|a, b| distance(point, &centres[*a]).total_cmp(&distance(point, &centres[*b]))).unwrap()
    };
    let wrong = points.iter().enumerate().filter(|(i, point)| nearest(point) != i / size).count();
    assert!(wrong * 50 < count * size, "{wrong} of {}", count * size);
    // What cannot be made coarser, and what is one vertex at once.
    let n = 10_100;
    let star: Vec<u32> = (1..n).chain((1..n).map(|_| 0)).collect();
    let starts: Vec<usize> = std::iter::once(0).chain((n as usize - 1)..=star.len()).collect();
    for graph in [
        Graph::new(vec![0; n as usize + 1], vec![], vec![]).unwrap(),
        Graph::new(starts, star.clone(), vec![0.5; star.len()]).unwrap(),
    ] {
        let picture = umap(&graph, &options, &exec(2)).unwrap();
        assert!(picture.positions.len() == 2 * n as usize && picture.positions.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn positions_to_begin_with() {
    let graph = groups(2, 30, 1);
    let values: Vec<f32> = (0..60).flat_map(|i| [i as f32, -(i as f32), 3.0]).collect();
    let given = |values: &[f32], columns| InitPos::Given { values: values.to_vec(), columns };
    let run = |init_pos, maxiter| {
        umap(&graph, &UmapOptions { init_pos, maxiter: Some(maxiter), ..UmapOptions::default() }, &exec(2))
    };
    let still = run(given(&values, 3), 0).unwrap().positions;
    for (i, place) in still.chunks(2).enumerate() {
        let x = i as f32 / 59.0 * 10.0;
        assert!((place[0] - x).abs() < 1e-2 && (place[1] - (10.0 - x)).abs() < 1e-2, "{i}: {place:?}");
    }
    assert_ne!(run(given(&values, 3), 100).unwrap().positions, still);
    assert!(run(given(&values, 1), 0).is_err() && run(given(&values[3..], 3), 0).is_err());
    let mut broken = values;
    broken[4] = f32::NAN;
    assert!(run(given(&broken, 3), 0).is_err());
}

#[test]
fn options_out_of_range_are_refused() {
    let graph = groups(1, 10, 0);
    for options in [
        UmapOptions { n_components: 0, ..UmapOptions::default() },
        UmapOptions { n_components: 65, ..UmapOptions::default() },
        UmapOptions { alpha: f64::NAN, ..UmapOptions::default() },
        UmapOptions { gamma: -1.0, ..UmapOptions::default() },
        UmapOptions { spread: 0.0, ..UmapOptions::default() },
        UmapOptions { maxiter: Some(usize::MAX), ..UmapOptions::default() },
        UmapOptions { curve: Some(Curve { a: -1.0, b: 1.0 }), ..UmapOptions::default() },
    ] {
        assert!(umap(&graph, &options, &exec(1)).is_err(), "{options:?}");
    }
}
