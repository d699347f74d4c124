//! Entries of rare genes, and which genes are known not to be rare.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Entries of a gene that are remembered, at most, so that totals can be corrected when the gene goes.
pub(super) const RARE: u32 = 16;

/// Entries of genes that have few, so that they can be taken out of the totals of cells without another pass.
#[derive(Clone, Debug, Default)]
pub struct RareEntries {
    /// Gene, cell, value; cells in order.
    entries: Vec<(u32, u32, f64)>,
}

impl RareEntries {
    /// Whether all entries of a gene with so many of them are here.
    pub fn covers(nonzero: u64) -> bool {
        nonzero <= u64::from(RARE)
    }

    /// The entries: gene, cell, value. Genes that are not covered may be among them, with some of theirs.
    pub fn entries(&self) -> &[(u32, u32, f64)] {
        &self.entries
    }

    pub(super) fn push(&mut self, entry: (u32, u32, f64)) {
        self.entries.push(entry);
    }

    /// Adds those of later cells of which the gene is `still` rare, and forgets others when they are too many.
    pub(super) fn extend(&mut self, later: Self, still: impl Fn(u32) -> bool, width: usize) {
        self.entries.extend(later.entries.into_iter().filter(|(gene, _, _)| still(*gene)));
        if self.entries.len() > 4 * (RARE as usize) * width.max(1024) {
            self.retain(still);
        }
    }

    /// Keeps those of some genes.
    pub(super) fn retain(&mut self, keeps: impl Fn(u32) -> bool) {
        self.entries.retain(|(gene, _, _)| keeps(*gene));
    }
}

/// A mark for each gene that any thread may set.
#[derive(Clone, Debug, Default)]
pub struct Frequent(Arc<[AtomicBool]>);

impl Frequent {
    /// No gene is.
    pub fn none(width: usize) -> Self {
        Self((0..width).map(|_| AtomicBool::new(false)).collect())
    }

    pub(super) fn has(&self, gene: usize) -> bool {
        self.0.get(gene).is_some_and(|mark| mark.load(Ordering::Relaxed))
    }

    pub(super) fn add(&self, gene: usize) {
        if let Some(mark) = self.0.get(gene) {
            mark.store(true, Ordering::Relaxed);
        }
    }
}
