//! Statistics that are gathered in one pass: implementations of [`Consumer`](annstream_core::lazy::Consumer).

mod counts;
mod moments;
mod top;
mod totals;

pub use counts::{CellRule, Counts, CountsPass, GeneCounts, RareEntries};
pub use moments::{GroupMoments, MomentsPass};
pub use totals::{DominantPass, TotalsPass};
