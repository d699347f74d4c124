//! A graph at one level, with what the null model knows of its vertices.

use std::borrow::Cow;

/// What a vertex, or a community of several, weighs in the null model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Mass {
    pub(super) out: f64,
    pub(super) into: f64,
}

impl Mass {
    /// What is expected between two, both ways, but for the coefficient.
    pub(super) fn expected(self, other: Self) -> f64 {
        self.out * other.into + self.into * other.out
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { out: self.out + other.out, into: self.into + other.into }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self { out: self.out - other.out, into: self.into - other.into }
    }
}

/// What a weight is stored as.
pub(super) trait Weight: Sync + Copy + Into<f64> {}
impl Weight for f32 {}
impl Weight for f64 {}

/// A symmetric graph: weights are above zero, and half of what goes both ways. The first level may be the caller's
/// matrix where it stands. Edges of a vertex with itself are passed over where weights are looked at; masses have them.
#[derive(Clone, Debug)]
pub(super) struct Network<'a, W: Weight> {
    pub(super) indptr: Cow<'a, [usize]>,
    pub(super) neighbours: Cow<'a, [u32]>,
    pub(super) weights: Cow<'a, [W]>,
    pub(super) masses: Vec<Mass>,
}

/// What the objective is, beyond the masses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model {
    /// Factor of what is expected.
    pub(super) coefficient: f64,
    /// Randomness of merges.
    pub(super) theta: f64,
    /// All masses.
    pub(super) total: Mass,
}

/// Differences below this share of what they are differences of are none.
const PRECISION: f64 = 1e-12;

impl Model {
    /// What is expected between two.
    pub(super) fn expected(&self, one: Mass, other: Mass) -> f64 {
        self.coefficient * one.expected(other)
    }

    /// The least gain that is one, for a vertex of this mass and this sum of weights.
    pub(super) fn least(&self, mass: Mass, weights: f64) -> f64 {
        PRECISION * (weights + self.expected(mass, self.total))
    }
}

impl<W: Weight> Network<'_, W> {
    pub(super) fn vertices(&self) -> usize {
        self.masses.len()
    }

    /// Neighbours of a vertex other than itself, with weights.
    pub(super) fn edges(&self, vertex: u32) -> impl Iterator<Item = (u32, f64)> {
        let range = self.indptr[vertex as usize]..self.indptr[vertex as usize + 1];
        let weights = self.weights[range.clone()].iter().map(|&weight| weight.into());
        self.neighbours[range].iter().copied().zip(weights).filter(move |&(neighbour, _)| neighbour != vertex)
    }
}

/// Weights from one vertex to several communities, gathered without looking for them.
#[derive(Debug)]
pub(super) struct Gathered {
    weights: Vec<f64>,
    touched: Vec<u32>,
}

impl Gathered {
    /// For so many communities.
    pub(super) fn new(communities: usize) -> Self {
        Self { weights: vec![0.0; communities], touched: Vec::new() }
    }

    /// Adds a weight above zero.
    pub(super) fn add(&mut self, community: u32, weight: f64) {
        let sum = &mut self.weights[community as usize];
        if *sum == 0.0 {
            self.touched.push(community);
        }
        *sum += weight;
    }

    pub(super) fn get(&self, community: u32) -> f64 {
        self.weights[community as usize]
    }

    /// The communities that have any weight, in the order of their first edges.
    pub(super) fn touched(&self) -> &[u32] {
        &self.touched
    }

    pub(super) fn clear(&mut self) {
        for community in self.touched.drain(..) {
            self.weights[community as usize] = 0.0;
        }
    }
}
