//! An embedding without the differences of batches (Harmony: Korsunsky et al. 2019; the second version of its authors,
//! 2026, which harmonypy 2.1 follows).
//!
//! [`harmony`] takes cells in few dimensions, principal components say, and for one or more *keys* the *batch* of each
//! cell. In turns, it
//!
//! - groups the cells softly around directions, with a penalty for groups in which the batches are not as evenly mixed as
//!   they are in all (`soft`, `rounds`);
//! - takes off each cell what its batches add in the groups that it belongs to, by a ridge regression in each group
//!   (`ridge`); cells are then grouped again where that puts them.
//!
//! What is corrected is always the embedding that was given: corrections do not add up. The turns end when the groups
//! hardly change.
//!
//! ```
//! use annstream_core::{Budget, Exec};
//! use annstream_graph::harmony::{HarmonyOptions, harmony};
//!
//! // Two batches of the same two kinds of cells, one of them shifted along the second axis.
//! let cells: Vec<[f64; 2]> = (0..200).map(|i| [if i % 2 == 0 { 9.0 } else { -9.0 }, f64::from(i / 100) * 2.0]).collect();
//! let batch: Vec<u32> = (0..200).map(|i| i / 100).collect();
//! let exec = Exec::new(1, Budget::unlimited())?;
//! let done = harmony(cells.concat(), 2, &[batch], &HarmonyOptions::default(), &exec)?;
//! let shift = done.values[2 * 150 + 1] - done.values[2 * 50 + 1];
//! assert!(shift.abs() < 0.5, "{shift}");
//! # Ok::<(), annstream_core::Error>(())
//! ```

mod annotate;
mod batches;
mod centres;
mod draw;
mod kernel;
mod options;
mod ridge;
mod rounds;
mod run;
mod soft;
#[cfg(test)]
mod tests;

pub use annotate::{Annotated, HarmonyStep, annotate};
pub use options::HarmonyOptions;
pub use run::{Harmony, harmony};
