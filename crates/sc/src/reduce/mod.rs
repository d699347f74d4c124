//! Statistics that are gathered in one pass: implementations of [`Consumer`](annstream_core::lazy::Consumer).

mod counts;
mod groups;
mod membership;
mod moments;
mod rare;
mod residuals;
mod top;
mod totals;

pub(crate) use counts::not_a_count;
pub use counts::{CellRule, Counts, CountsPass, GeneCounts};
pub use groups::{GroupSums, GroupSumsPass};
pub use moments::{GroupMoments, MomentsPass};
pub use rare::{Frequent, RareEntries};
pub use residuals::ResidualPass;
pub use totals::{DominantPass, TotalsPass};
