//! Statistics that are gathered in one pass: implementations of [`Consumer`](annstream_core::lazy::Consumer).

mod counts;
mod groups;
mod moments;
mod residuals;
mod top;
mod totals;

pub use counts::{CellRule, Counts, CountsPass, Frequent, GeneCounts, RareEntries};
pub use groups::{GroupSums, GroupSumsPass};
pub use moments::{GroupMoments, MomentsPass};
pub use residuals::ResidualPass;
pub use totals::{DominantPass, TotalsPass};
