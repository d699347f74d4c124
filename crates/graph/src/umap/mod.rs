//! A picture of a graph in few dimensions, in which neighbours are near (UMAP: `McInnes`, Healy and Melville 2018).
//!
//! [`umap`] takes the weighted graph of `scanpy.pp.neighbors` and gives coordinates, in three steps:
//!
//! - a [`Curve`] says how near two points at some distance are;
//! - the points begin where the slowest waves on the graph put them ([`InitPos::Spectral`]), those of more than 10,000
//!   at the picture of a coarser graph that began so;
//! - in a number of epochs, edges pull their ends together and points drawn at random are pushed apart.
//!
//! The forces, the schedule of the edges and the learning rate are those of umap-learn, whose sequence of moves has no
//! counterpart here: the picture is as good, and it is another one, as it is for another seed there.
//!
//! ```
//! use annstream_core::{Budget, Exec};
//! use annstream_graph::Graph;
//! use annstream_graph::umap::{UmapOptions, umap};
//!
//! // Two pairs.
//! let graph = Graph::new(vec![0, 1, 2, 3, 4], vec![1, 0, 3, 2], vec![1.0; 4])?;
//! let picture = umap(&graph, &UmapOptions::default(), &Exec::new(1, Budget::unlimited())?)?;
//! let distance = |i: usize, j: usize| {
//!     let at = |i: usize| (picture.positions[2 * i], picture.positions[2 * i + 1]);
//!     (at(i).0 - at(j).0).hypot(at(i).1 - at(j).1)
//! };
//! assert!(distance(0, 1) < distance(0, 2) && distance(2, 3) < distance(1, 3));
//! # Ok::<(), annstream_core::Error>(())
//! ```

mod annotate;
mod components;
mod curve;
mod force;
mod ladder;
mod layout;
pub(crate) mod random;
mod spectral;
mod springs;
mod start;
#[cfg(test)]
mod tests;

pub use annotate::{Annotated, Beginning, UmapStep, annotate, beginning};
pub use curve::Curve;
pub use start::InitPos;

use annstream_core::Exec;
use serde::{Deserialize, Serialize};

use self::force::Forces;
use self::layout::{LayoutOptions, layout};
use self::springs::Springs;
use crate::{Error, Graph, Result};

/// Most components: more would not be a picture.
const MOST_COMPONENTS: usize = 64;

/// What the picture is like; names and defaults are those of `scanpy.tl.umap`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UmapOptions {
    /// Distance up to which points count as one place; smaller values give tighter groups.
    pub min_dist: f64,
    /// The scale of distances.
    pub spread: f64,
    /// Dimensions of the picture, 1 to 64.
    pub n_components: usize,
    /// Epochs; by default 500 for up to 10,000 vertices and 200 for more.
    pub maxiter: Option<usize>,
    /// Learning rate at the beginning; it falls to zero.
    pub alpha: f64,
    /// Weight of what pushes.
    pub gamma: f64,
    /// Points that push, for each edge that pulls.
    pub negative_sample_rate: usize,
    /// Where points are at the beginning.
    #[serde(skip)]
    pub init_pos: InitPos,
    /// Seed of all that is drawn.
    #[serde(alias = "seed")]
    pub random_state: u64,
    /// The curve, instead of that of `min_dist` and `spread`.
    #[serde(skip)]
    pub curve: Option<Curve>,
}

impl Default for UmapOptions {
    fn default() -> Self {
        Self {
            min_dist: 0.5,
            spread: 1.0,
            n_components: 2,
            maxiter: None,
            alpha: 1.0,
            gamma: 1.0,
            negative_sample_rate: 5,
            init_pos: InitPos::Spectral,
            random_state: 0,
            curve: None,
        }
    }
}

/// A picture of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Umap {
    /// Coordinates, `n_components` for each vertex, vertex after vertex.
    pub positions: Vec<f32>,
    /// Which curve was used.
    pub curve: Curve,
    /// How many epochs there were.
    pub epochs: usize,
}

/// Lays out an undirected graph (vertices x vertices, each edge in both directions): `scanpy.tl.umap`, but for what is
/// drawn at random. The same bits for any number of threads.
///
/// Takes the memory of one more graph, and about a hundred bytes a vertex for two components. Without edges, or with
/// one vertex, points stay where they begin.
///
/// # Errors
/// `Argument` for options out of range, `Invalid` for weights below zero or not finite, or an edge in one direction only;
/// `Memory`; `Interrupted`.
pub fn umap(graph: &Graph, options: &UmapOptions, exec: &Exec) -> Result<Umap> {
    check(options)?;
    let curve = match options.curve {
        Some(curve) if curve.is_usable() => curve,
        Some(Curve { a, b }) => {
            return Err(Error::argument(format!("a curve of a = {a}, b = {b}; expected above zero")));
        }
        None => Curve::fit(options.spread, options.min_dist)?,
    };
    let &UmapOptions { n_components, alpha, gamma, negative_sample_rate, random_state, .. } = options;
    let usual = if graph.vertices() <= 10_000 { 500 } else { 200 };
    let epochs = options.maxiter.unwrap_or(usual);
    let _charge = exec.budget().charge(bytes(graph, n_components), "the picture")?;
    let springs = Springs::new(graph, if epochs > 10 { epochs } else { usual })?;
    let forces = Forces::new(curve, gamma);
    let moves = LayoutOptions { forces, epochs, alpha, pushing: negative_sample_rate, seed: random_state };
    let (start, moves) = if options.init_pos == InitPos::Spectral && springs.vertices() > ladder::LARGE {
        ladder::from_coarser(&springs, n_components, moves, exec)?
    } else {
        (start::start(&springs, &options.init_pos, n_components, random_state, exec)?, moves)
    };
    let positions = layout(springs, start, n_components, &moves, exec)?;
    Ok(Umap { positions, curve, epochs })
}

fn check(options: &UmapOptions) -> Result<()> {
    let &UmapOptions { n_components, maxiter, alpha, gamma, negative_sample_rate, .. } = options;
    if n_components == 0 || n_components > MOST_COMPONENTS {
        return Err(Error::argument(format!("{n_components} components; expected 1 to {MOST_COMPONENTS}")));
    }
    if let Some(epochs) = maxiter.filter(|epochs| u32::try_from(*epochs).is_err()) {
        return Err(Error::argument(format!("{epochs} epochs")));
    }
    if negative_sample_rate > 1000 {
        return Err(Error::argument(format!("{negative_sample_rate} points that push; expected at most 1000")));
    }
    for (name, value) in [("alpha", alpha), ("gamma", gamma)] {
        if !(0.0..=1e6).contains(&value) {
            return Err(Error::argument(format!("{name} of {value}; expected zero or more")));
        }
    }
    Ok(())
}

/// What is held at a time: the edges that pull, twice while waves are looked for and once more in coarser graphs, three
/// sets of vectors and the positions.
fn bytes(graph: &Graph, n_components: usize) -> u64 {
    let vectors = (n_components as u64 + 11) / 8 * 32;
    graph.edges() as u64 * 20 + graph.vertices() as u64 * (64 + 4 * vectors + 24 * n_components as u64)
}
