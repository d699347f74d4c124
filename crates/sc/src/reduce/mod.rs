//! Statistics that are gathered in one pass: implementations of [`Consumer`](annstream_core::lazy::Consumer).

mod constant;
mod counts;
mod entries;
mod groups;
mod margins;
mod membership;
mod moments;
mod products;
mod rare;
mod residuals;
mod top;
mod totals;

pub use constant::ConstantPass;
pub(crate) use counts::not_a_count;
pub use counts::{CellRule, Counts, CountsPass, GeneCounts};
pub use groups::{GroupSums, GroupSumsPass};
pub use margins::{Margins, MarginsPass};
pub use moments::{GroupMoments, MomentsPass};
pub use products::ProductsPass;
pub use rare::{Frequent, RareEntries};
pub use residuals::ResidualPass;
pub use totals::{DominantPass, TotalsPass};
