//! The algorithm as a whole.

use annstream_core::Exec;

use super::aggregate::aggregate;
use super::components::part;
use super::labels::{by_size, compact, compact_any};
use super::moving::move_vertices;
use super::network::{Model, Network, Weight};
use super::options::LeidenOptions;
use super::prepare::{First, check, prepare};
use super::quality::{modularity, quality};
use super::random::Random;
use super::refine::{Parts, refine};
use crate::{Error, Graph, Result};

/// Communities of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Leiden {
    /// The community of each vertex: 0 is the largest; of those of one size the one with the first vertex comes first.
    pub labels: Vec<u32>,
    /// Vertices of each community.
    pub sizes: Vec<u64>,
    /// The objective; NaN where there are no edges.
    pub quality: f64,
    /// The modularity, whatever the objective is.
    pub modularity: f64,
    /// Iterations that were done.
    pub iterations: u64,
}

/// Bytes that a vertex takes on all levels, and an edge on those above the first.
const VERTEX_BYTES: u64 = 128;
const EDGE_BYTES: u64 = 16;

/// Finds communities; every one is connected. It is `scanpy.tl.leiden`, with other random numbers: the same kind of
/// communities, of the same quality. An edge without weight is none. The same options give the same communities
/// whatever `exec` is.
///
/// Holds, beside the graph, some 130 bytes a vertex and 16 an edge for each of the starts that run at a time; 24 more an
/// edge where the matrix is not symmetric, has zeros, or weights are not used.
///
/// # Errors
/// `Argument` for options that make no sense, `Invalid` for a weight that is negative or no finite number, `Memory` if
/// the budget is too small, `Interrupted`.
pub fn leiden(graph: &Graph, options: &LeidenOptions, exec: &Exec) -> Result<Leiden> {
    options.check(graph.vertices())?;
    check(graph)?;
    let held = graph.vertices() as u64 * 8 + graph.edges() as u64 * 8;
    let _held = exec.budget().charge(held, "the communities of a graph")?;
    let (first, model) = prepare(graph, options);
    let Found { mut labels, iterations, count, quality } = match &first {
        First::Stored(network) => best(graph, network, &model, options, exec)?,
        First::Mean(network) => {
            let _mean = exec.budget().charge(network.neighbours.len() as u64 * 24, "a graph made symmetric")?;
            best(graph, network, &model, options, exec)?
        }
    };
    drop(first);
    let sizes = by_size(&mut labels, count);
    let modularity = modularity(graph, &labels, options)?;
    Ok(Leiden { labels, sizes, quality, modularity, iterations })
}

/// What one start came to.
struct Found {
    /// Communities, numbered by first vertices.
    labels: Vec<u32>,
    iterations: u64,
    /// How many communities there are.
    count: usize,
    quality: f64,
}

/// The best of all starts, the first of equals. They know nothing of each other, and run side by side.
fn best<W: Weight>(
    graph: &Graph,
    network: &Network<'_, W>,
    model: &Model,
    options: &LeidenOptions,
    exec: &Exec,
) -> Result<Found> {
    let each = graph.vertices() as u64 * VERTEX_BYTES + graph.edges() as u64 * EDGE_BYTES;
    let (in_flight, _charge) = exec.budget().in_flight(each, exec.threads(), "the communities of a graph")?;
    let starts = options.starts_of(graph.vertices());
    let mut best: Option<Found> = None;
    exec.progress().begin("communities", starts as u64, "starts");
    exec.ordered(
        starts,
        in_flight,
        |start| {
            let (labels, iterations, count) = search(network, model, options, start as u64, exec)?;
            let quality = quality(graph, &labels, options)?;
            Ok(Found { labels, iterations, count, quality })
        },
        |_, found| {
            exec.progress().advance(1);
            if best.as_ref().is_none_or(|best| found.quality > best.quality) {
                best = Some(found);
            }
            Ok(())
        },
    )?;
    exec.progress().end();
    best.ok_or_else(|| Error::internal("no start was made"))
}

/// The communities that one start finds, numbered by first vertices; iterations; how many communities there are.
fn search<W: Weight>(
    network: &Network<'_, W>,
    model: &Model,
    options: &LeidenOptions,
    start: u64,
    exec: &Exec,
) -> Result<(Vec<u32>, u64, usize)> {
    let vertices = network.vertices();
    let mut membership = match &options.initial {
        Some(initial) => initial.clone(),
        None => (0..).take(vertices).collect(),
    };
    compact_any(&mut membership);
    let mut random = Random::of_start(options.seed, start);
    let most = u64::try_from(options.n_iterations).ok();
    let mut iterations = 0;
    while most.is_none_or(|most| iterations < most) {
        let gain = iterate(network, &mut membership, model, &mut random, exec)?;
        iterations += 1;
        if most.is_none() && gain <= 0.0 {
            break;
        }
    }
    let count = part(network, &mut membership);
    Ok((membership, iterations, count))
}

/// One iteration; gives what was gained.
fn iterate<W: Weight>(
    network: &Network<'_, W>,
    membership: &mut [u32],
    model: &Model,
    random: &mut Random,
    exec: &Exec,
) -> Result<f64> {
    exec.check()?;
    let mut gain = move_vertices(network, membership, model, random);
    let Some(mut level) = next(network, membership, model, random) else { return Ok(gain) };
    // The vertex of the level that each vertex of the graph is in.
    let mut places = std::mem::take(&mut level.parts.of);
    loop {
        exec.check()?;
        gain += move_vertices(&level.network, &mut level.membership, model, random);
        let Some(above) = next(&level.network, &mut level.membership, model, random) else { break };
        for place in &mut places {
            *place = above.parts.of[*place as usize];
        }
        level = above;
    }
    for (community, place) in membership.iter_mut().zip(places) {
        *community = level.membership[place as usize];
    }
    Ok(gain)
}

/// A level above another: the parts of the vertices there, and the communities that these start in.
struct Level {
    network: Network<'static, f64>,
    membership: Vec<u32>,
    parts: Parts,
}

/// The level above, if it is any smaller and there is anything left to merge. Numbers the communities below anew.
fn next<W: Weight>(
    network: &Network<'_, W>,
    membership: &mut [u32],
    model: &Model,
    random: &mut Random,
) -> Option<Level> {
    let communities = compact(membership);
    if communities == network.vertices() {
        return None;
    }
    let parts = refine(network, membership, communities, model, random);
    if parts.count == network.vertices() {
        return None;
    }
    let mut above = vec![0; parts.count];
    for (&part, &community) in parts.of.iter().zip(&*membership) {
        above[part as usize] = community;
    }
    Some(Level { network: aggregate(network, &parts), membership: above, parts })
}
