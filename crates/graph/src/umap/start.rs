//! Where points are before they move.

use annstream_core::Exec;

use super::components::components;
use super::random::Stream;
use super::spectral::eigenvectors;
use super::springs::Springs;
use crate::{Error, Result};

/// The largest coordinate at the beginning; the smallest is zero.
const EXTENT: f64 = 10.0;
/// Deviation of what is added to each coordinate, so that no two points coincide.
const NOISE: f64 = 1e-4;
/// Half the room of a component that is too small for waves, where the whole goes from -1 to 1.
const CROWD: f64 = 0.02;

/// What streams of numbers are for, where that of a move has its epoch.
const PLACES: u64 = 1 << 40;
const NOISES: u64 = 2 << 40;

/// Where points are before they move.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum InitPos {
    /// By the slowest waves on the graph, eigenvectors of its normalized Laplacian: of a coarser graph where there are more
    /// than 10,000 vertices, whose picture these begin at.
    #[default]
    Spectral,
    /// Anywhere.
    Random,
    /// As given: `columns` numbers for each vertex, of which the first ones are used.
    Given {
        /// The numbers, row after row.
        values: Vec<f32>,
        /// How many there are for each vertex.
        columns: usize,
    },
}

/// `dim` coordinates for each vertex, from 0 to 10 along each axis.
///
/// # Errors
/// `Argument` if what is given has too few columns, numbers that are not finite, or another number of rows; else those of
/// the eigenvectors.
pub(super) fn start(springs: &Springs, init: &InitPos, dim: usize, seed: u64, exec: &Exec) -> Result<Vec<f32>> {
    let vertices = springs.vertices();
    let mut places = match init {
        InitPos::Spectral => spectral(springs, dim, seed, exec)?,
        InitPos::Random => {
            (0..vertices).flat_map(|vertex| random_place(seed, vertex, dim, &vec![0.0; dim], 1.0)).collect()
        }
        InitPos::Given { values, columns } => given(values, *columns, vertices, dim)?,
    };
    let most = places.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    let scale = if most > 0.0 { EXTENT / most } else { 1.0 };
    for (vertex, place) in places.chunks_exact_mut(dim).enumerate() {
        let mut random = Stream::new(seed, NOISES, vertex as u64);
        for x in place {
            *x = *x * scale + NOISE * random.normal();
        }
    }
    Ok(spread(&places, dim))
}

/// Stretches each axis to its extent.
#[expect(clippy::cast_possible_truncation, reason = "positions are of single precision")]
fn spread(places: &[f64], dim: usize) -> Vec<f32> {
    let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); dim];
    for place in places.chunks_exact(dim) {
        for (range, x) in ranges.iter_mut().zip(place) {
            *range = (range.0.min(*x), range.1.max(*x));
        }
    }
    let stretched = |(x, (low, high)): (&f64, &(f64, f64))| {
        if high > low { (EXTENT * (x - low) / (high - low)) as f32 } else { 0.0 }
    };
    places.chunks_exact(dim).flat_map(|place| place.iter().zip(&ranges).map(stretched)).collect()
}

fn given(values: &[f32], columns: usize, vertices: usize, dim: usize) -> Result<Vec<f64>> {
    if columns < dim {
        return Err(Error::argument(format!("{columns} columns to begin with, {dim} components wanted")));
    }
    if values.len() != vertices * columns {
        let rows = values.len() / columns.max(1);
        return Err(Error::argument(format!("{rows} rows to begin with, the graph has {vertices} vertices")));
    }
    if values.iter().any(|x| !x.is_finite()) {
        return Err(Error::argument("what to begin with has values that are no finite numbers"));
    }
    let rows = values.chunks_exact(columns.max(1));
    Ok(rows.flat_map(|row| row.iter().take(dim).map(|x| f64::from(*x))).collect())
}

/// Somewhere around a centre.
fn random_place(seed: u64, vertex: usize, dim: usize, centre: &[f64], reach: f64) -> Vec<f64> {
    let mut random = Stream::new(seed, PLACES, vertex as u64);
    centre.iter().take(dim).map(|x| x + random.between(-reach, reach)).collect()
}

/// The waves of each component around a centre of its own. Components too small for waves stand anywhere.
fn spectral(springs: &Springs, dim: usize, seed: u64, exec: &Exec) -> Result<Vec<f64>> {
    let components = components(springs);
    let is_large = |component: &Vec<u32>| component.len() >= 2 * dim && component.len() > dim + 1;
    let large = components.iter().filter(|component| is_large(component)).count();
    let mut places = vec![0.0; springs.vertices() * dim];
    let mut put = |vertex: u32, place: &[f64]| {
        places[vertex as usize * dim..][..dim].copy_from_slice(place);
    };
    let mut index = 0;
    for component in &components {
        if is_large(component) {
            let (centre, reach) = centre(index, large, dim);
            index += 1;
            let vectors = eigenvectors(springs, component, dim, exec)?;
            let most = vectors.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
            let usable = most > 0.0 && vectors.iter().all(|x| x.is_finite());
            for (&vertex, vector) in component.iter().zip(vectors.chunks_exact(dim)) {
                if usable {
                    let scaled = |(x, centre): (&f32, &f64)| f64::from(*x) * reach / f64::from(most) + centre;
                    put(vertex, &vector.iter().zip(&centre).map(scaled).collect::<Vec<_>>());
                } else {
                    put(vertex, &random_place(seed, vertex as usize, dim, &centre, reach));
                }
            }
        } else if let Some(&first) = component.first() {
            let mut random = Stream::new(!seed, PLACES, u64::from(first));
            let middle: Vec<f64> = (0..dim).map(|_| random.between(CROWD - 1.0, 1.0 - CROWD)).collect();
            for &vertex in component {
                put(vertex, &random_place(seed, vertex as usize, dim, &middle, CROWD));
            }
        }
    }
    Ok(places)
}

/// The centre of one of several components, and how far it may reach: on the axes while there is room there, as in
/// umap-learn, else on a lattice.
fn centre(index: usize, count: usize, dim: usize) -> (Vec<f64>, f64) {
    let mut centre = vec![0.0; dim];
    if count == 1 {
        return (centre, 1.0);
    }
    if count <= 2 * dim {
        let axes = count.div_ceil(2);
        centre[index % axes] = if index < axes { 1.0 } else { -1.0 };
        let reach = if count == 2 { 1.0 } else { std::f64::consts::FRAC_1_SQRT_2 };
        return (centre, reach);
    }
    let mut side = 2_usize;
    while u32::try_from(dim).ok().and_then(|dim| side.checked_pow(dim)).is_some_and(|cells| cells < count) {
        side += 1;
    }
    let mut left = index;
    for x in &mut centre {
        *x = (2 * (left % side) + 1) as f64 / side as f64 - 1.0;
        left /= side;
    }
    (centre, 1.0 / side as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_keep_apart() {
        for dim in [1, 2, 3, 5] {
            for count in [1, 2, 3, 4, 5, 9, 10, 40] {
                let centres: Vec<_> = (0..count).map(|i| centre(i, count, dim)).collect();
                for i in 0..count {
                    for j in 0..i {
                        let pairs = centres[i].0.iter().zip(&centres[j].0);
                        let distance = pairs.map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
                        assert!(distance >= centres[i].1 + centres[j].1 - 1e-9, "{dim} {count} {i} {j}");
                    }
                }
            }
        }
    }

    #[test]
    fn each_axis_is_stretched() {
        assert_eq!(spread(&[1.0, 5.0, 3.0, 5.0, 2.0, 5.0], 2), [0.0, 0.0, 10.0, 0.0, 5.0, 0.0]);
        assert!(spread(&[], 2).is_empty());
    }
}
