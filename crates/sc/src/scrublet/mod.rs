//! Doublets: droplets that hold two cells, found by simulating more of them. `scanpy.pp.scrublet`.
//!
//! A *cell* is a row of the file, a *doublet* the sum of two cells that are drawn at random, its *parents*. Cells and
//! doublets are projected on the components of the cells; a cell with many doublets among its nearest neighbours is
//! likely one itself, and how likely is its *score*. The scores of the doublets say from which *threshold* on a cell is
//! called one.
//!
//! | step | module | reads |
//! |---|---|---|
//! | genes and cells that are looked at, totals | `choose` | the matrix, once |
//! | variable genes | `choose` | the matrix, once |
//! | counts of the variable genes | `counts` | the matrix, once; from here on they are in memory |
//! | parents | `run` | |
//! | components, and coordinates of cells and doublets | `embed` | the counts; doublets are added up on their way |
//! | neighbours | whoever calls: a [`Search`] | the coordinates |
//! | scores, threshold | `call`, [`threshold_minimum`] | |
//!
//! With a batch key all this is done for each batch, one after the other. Where batches do not stand in one piece, the
//! rows are put in order in scratch space first, so that the file is read once and not once for each batch.
//!
//! Neighbours belong to the crate of graphs, which this one does not know: the caller hands in the search.
//!
//! Doublets are scanpy's for the same seed, since parents are drawn from the same stream. Components and neighbours are
//! exact here; scanpy's neighbours are approximate from 8,192 cells and doublets on.

mod additions;
mod batches;
mod call;
mod choose;
mod counts;
mod doublets;
mod embed;
mod options;
mod run;
mod thin;
mod threshold;

#[cfg(test)]
mod tests;

pub use call::Near;
pub use options::{ScrubletOptions, ScrubletStep};
pub(crate) use run::of_matrix;
pub use run::{DoubletSummary, Points, Scrublet, ScrubletBatch, Search, scrublet};
pub use threshold::threshold_minimum;
