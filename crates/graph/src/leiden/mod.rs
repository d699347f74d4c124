//! Communities of a graph by the Leiden algorithm (Traag, Waltman and van Eck 2019).
//!
//! An iteration works on levels. On each, vertices are *moved* to the community where the objective gains most, as long
//! as that gains anything; communities are then *refined*: every one falls into parts that are well connected within it,
//! found by merging single vertices at random, better merges more often; and the parts become the vertices of the next,
//! smaller level, where they start in the communities that they were refined from. It ends where nothing moves any more.
//! The next iteration starts with the communities of the one before.
//!
//! Two objectives are known: modularity and the constant Potts model. Both are a sum over pairs of vertices of one
//! community: the weight of their edge, less what a null model expects; vertices have a *mass*, and the expectation is the
//! product of masses times a coefficient. Hence one algorithm for both, for graphs with directions and without.
//!
//! Everything is computed on one thread, in an order that the seed decides.

mod aggregate;
mod annotate;
mod components;
mod labels;
mod moving;
mod network;
mod options;
mod prepare;
mod quality;
mod random;
mod refine;
mod run;
mod symmetric;
#[cfg(test)]
mod tests;

pub use annotate::{Annotated, LeidenStep, Restriction, annotate};
pub use labels::{category_names, restricted_names};
pub use options::{LeidenOptions, Objective};
pub use quality::{modularity, quality};
pub use run::{Leiden, leiden};
