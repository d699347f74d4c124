//! The graph of the groups of cells: partition-based graph abstraction (PAGA: Wolf and others 2019), as
//! `scanpy.tl.paga`.
//!
//! Two groups are connected as strongly as more edges lead from one to the other than chance would have it. The edges
//! are those from each cell to its nearest neighbours, each counting once; [`Counts`] has how many lead from group to
//! group, which is all of the cells that is looked at, and [`abstracted`] makes the graph of the groups of them.
//!
//! ```
//! use annstream_graph::paga::{Counts, abstracted};
//!
//! // Two groups of ten cells with 40 edges each; five edges lead from the first to the second.
//! let counts = Counts { sizes: vec![10, 10], edges: [((0, 0), 40), ((1, 1), 40), ((0, 1), 5)].into() };
//! let paga = abstracted(&counts);
//! // Chance: (45 * 10 + 40 * 10) / 19.
//! assert_eq!(paga.connectivities, [(0, 1, 5.0 / (850.0 / 19.0)), (1, 0, 5.0 / (850.0 / 19.0))]);
//! assert_eq!(paga.tree, paga.connectivities[..1]);
//! ```

mod abstracted;
mod annotate;
mod counts;

pub use abstracted::{Paga, abstracted};
pub use annotate::{Annotated, PagaStep, annotate, groups_column};
pub use counts::Counts;
