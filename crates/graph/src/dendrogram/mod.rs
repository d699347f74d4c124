//! A tree of groups of cells: groups whose mean profiles are alike stand together, as `scanpy.tl.dendrogram`.
//!
//! ```text
//! cells in groups ─► means of each: one pass ─► correlations ─► distances, 1 - r ─► linkage ─► order of the groups
//! ```
//!
//! What is averaged is an embedding, or the genes of `X`; it is streamed, and only groups x columns are held.
//!
//! The tree is the one that scipy makes, with the same order of what is equally far: [`linkage`] is
//! `scipy.cluster.hierarchy.linkage` and [`draw`] its `dendrogram(no_plot=True)`.
//!
//! ```
//! use annstream_graph::dendrogram::{Method, draw, linkage};
//!
//! // Three places on a line: 0, 1 and 5.
//! let tree = linkage(3, &[1.0, 5.0, 4.0], Method::Average)?;
//! assert_eq!(tree[0].children, [0, 1]);
//! assert_eq!((tree[1].children, tree[1].height), ([2, 3], 4.5));
//! assert_eq!(draw(&tree).leaves, [2, 0, 1]);
//! # Ok::<(), annstream_graph::Error>(())
//! ```

mod annotate;
mod combined;
mod correlation;
mod drawing;
mod linkage;
mod means;
mod ordering;

pub use annotate::{Annotated, DendrogramStep, Tree, annotate, tree};
pub use correlation::{Correlation, correlations};
pub use drawing::{Drawing, draw};
pub use linkage::{Method, Node, linkage};
pub use ordering::optimal_order;
