//! From raw counts to clusters and markers by one recipe.
//!
//! ```text
//! sc::pipeline::begin      counts ─► X, components                     passes over the matrix
//! steps of graph           components ─► harmony ─► neighbors ─► umap, leiden     in memory
//! Unfinished               rank_genes_groups                           one more pass
//! Unfinished::finish       the tables and all that was added
//! ```
//!
//! `sc` knows how matrices stream and nothing of graphs, `graph` the other way round. Which step follows which, and what it
//! finds of the steps before, is a rule of the domain that belongs to neither, nor to a command line: it is here.
//!
//! A recipe gives, to the bit, what the commands of its steps give one after the other.
//!
//! A step between components and neighbours, or one that follows them, is a table in [`Recipe`], a name in [`STEPS`], and a
//! line in [`run`](run()). A step on counts is one of `sc`'s. What a step expects to find by name is looked for in
//! [`Names::check`] before anything is read.

mod doublets;
mod embedding;
mod graphs;
mod names;
mod passes;
mod recipe;
mod run;
mod surroundings;
mod tables;

pub use annstream_core::{Error, ErrorKind, Result};
pub use doublets::DoubletSearch;
pub use names::Names;
pub use passes::{Stages, stages};
pub use recipe::{Recipe, STEPS};
pub use run::{Corrected, Report, run};
