//! From a graph to its diffusion map.

use std::borrow::Cow;

use annstream_core::Exec;

use super::order::larger_first;
use super::parts::{part, parts};
use super::transitions::Transitions;
use super::{Diffmap, Found, Solution, exact, lanczos};
use crate::{Error, Graph, Result, undirected};

/// Components of so many vertices are solved exactly.
const EXACT: usize = 400;
/// Nor are larger ones searched of which more than one in so many eigenpairs is wanted.
const SHARE: usize = 4;
/// Entries of a vector count as the largest up to this share.
const ALIKE: f64 = 1.0 - 1e-6;

/// An eigenpair of the whole graph: its vector is zero outside of one component.
struct Pair {
    found: Found,
    component: usize,
}

/// Computes the diffusion map of an undirected graph (each edge in both directions): `scanpy.tl.diffmap`, with the same
/// bits for any number of threads.
///
/// Eigenpairs of largest magnitude are looked for in each connected component, and the largest of all count, at most as
/// many as there are vertices but one. Each vector is that of one component and zero elsewhere; where several
/// components have an eigenvalue, as they all have 1, the largest comes first, and of equal ones that with the first
/// vertex. Its entry of largest magnitude is positive (the first one, if several are). Cells without edges have the
/// eigenvalue 0.
///
/// Takes some `60 + 4 n_comps` numbers of 8 bytes a vertex, and, unless all is connected, a copy of the largest
/// component.
///
/// # Errors
/// `Argument` for fewer than three components, or fewer than two vertices; `Invalid` if the graph is not symmetric, or
/// has weights below zero or not finite; `Memory`; `Interrupted`.
pub fn diffmap(graph: &Graph, n_comps: usize, exec: &Exec) -> Result<Diffmap> {
    if n_comps <= 2 {
        return Err(Error::argument(format!("{n_comps} components; expected 3 or more")));
    }
    let vertices = graph.vertices();
    if vertices < 2 {
        return Err(Error::argument(format!("{vertices} cells have no diffusion map; expected 2 or more")));
    }
    undirected::check_symmetric(graph)?;
    let wanted = n_comps.min(vertices - 1);
    let _charge = exec.budget().charge(bytes(graph, wanted), "the diffusion map")?;
    let components = parts(graph);
    let mut places = vec![0; vertices];
    let mut pairs: Vec<Pair> = Vec::new();
    let mut residual = 0.0_f64;
    for (component, members) in components.iter().enumerate() {
        exec.check()?;
        let own = part(graph, members, &mut places)?;
        let solution = exec.pool().install(|| solved(own, wanted, exec))?;
        residual = residual.max(solution.residual);
        pairs.extend(solution.found.into_iter().map(|found| Pair { found, component }));
        if pairs.len() > 8 * wanted.max(64) {
            strip(&mut pairs, &components, wanted);
        }
    }
    strip(&mut pairs, &components, wanted);
    pairs.sort_by(|a, b| {
        let size = |pair: &Pair| components[pair.component].len();
        b.found.value.total_cmp(&a.found.value).then(size(b).cmp(&size(a))).then(a.component.cmp(&b.component))
    });
    Ok(put_together(&pairs, &components, vertices, residual))
}

/// What is held at a time.
fn bytes(graph: &Graph, wanted: usize) -> u64 {
    let vertices = graph.vertices();
    let small = exact::bytes(vertices.min(EXACT.max(SHARE * wanted)));
    let large = if is_small(vertices, wanted) { 0 } else { lanczos::bytes(vertices, wanted) };
    small + large + (vertices * (24 + 12 * wanted) + graph.edges() * 8) as u64
}

fn is_small(vertices: usize, wanted: usize) -> bool {
    vertices <= EXACT || vertices <= SHARE * wanted
}

/// The eigenpairs of largest magnitude of a connected graph, the stationary one first.
fn solved(graph: Cow<'_, Graph>, wanted: usize, exec: &Exec) -> Result<Solution> {
    let vertices = graph.vertices();
    if graph.edges() == 0 {
        return Ok(Solution { found: vec![Found { value: 0.0, vector: vec![1.0] }], residual: 0.0 });
    }
    let transitions = Transitions::new(graph);
    let mut solution = if is_small(vertices, wanted) {
        exact::leading(&transitions, wanted - 1)?
    } else {
        lanczos::leading(&transitions, wanted - 1, exec)?
    };
    solution.found.insert(0, Found { value: 1.0, vector: transitions.stationary() });
    Ok(solution)
}

/// Keeps the eigenpairs of largest magnitude.
fn strip(pairs: &mut Vec<Pair>, components: &[Vec<u32>], wanted: usize) {
    pairs.sort_by(|a, b| {
        let size = |pair: &Pair| components[pair.component].len();
        larger_first(a.found.value, b.found.value).then(size(b).cmp(&size(a))).then(a.component.cmp(&b.component))
    });
    pairs.truncate(wanted);
}

#[expect(clippy::cast_possible_truncation, reason = "as scanpy stores them")]
fn put_together(pairs: &[Pair], components: &[Vec<u32>], vertices: usize, residual: f64) -> Diffmap {
    let width = pairs.len();
    let mut positions = vec![0.0; vertices * width];
    for (column, pair) in pairs.iter().enumerate() {
        let vector = &pair.found.vector;
        let most = vector.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let first = vector.iter().find(|value| value.abs() >= most * ALIKE);
        let sign = if first.is_some_and(|value| *value < 0.0) { -1.0 } else { 1.0 };
        for (&vertex, value) in components[pair.component].iter().zip(vector) {
            positions[vertex as usize * width + column] = (sign * value) as f32;
        }
    }
    let eigenvalues = pairs.iter().map(|pair| pair.found.value as f32).collect();
    Diffmap { positions, eigenvalues, components: components.len(), residual }
}
