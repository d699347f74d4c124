//! Concatenation.

mod stream;

pub use stream::Tally;
