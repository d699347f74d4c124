//! How many edges lead from group to group.

use std::collections::BTreeMap;
use std::sync::Arc;

use annstream_core::lazy::{Consumer, LazyMatrix, NumberBlock};

use crate::{Error, Exec, Result};

/// Groups, and edges between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Number of cells of each group.
    pub sizes: Vec<u64>,
    /// Number of edges from a group to another or itself, where there are any.
    pub edges: BTreeMap<(usize, usize), u64>,
}

impl Counts {
    /// Groups of so many cells, and the stored edges between them: one pass over a matrix of cells x cells.
    ///
    /// # Errors
    /// If a cell of the matrix has no group, or reading fails.
    pub fn of(matrix: &LazyMatrix, sizes: Vec<u64>, groups: Arc<[u32]>, exec: &Exec) -> Result<Self> {
        let edges = matrix.run(CountsPass { groups }, "edges", exec)?;
        Ok(Self { sizes, edges })
    }
}

/// Counts the stored edges of a graph, those without a weight among them, in one pass.
pub(super) struct CountsPass {
    /// Group of each cell.
    pub(super) groups: Arc<[u32]>,
}

impl Consumer for CountsPass {
    /// Pairs of groups, rising, and how often there is an edge.
    type Partial = Vec<((u32, u32), u64)>;
    type Total = BTreeMap<(usize, usize), u64>;
    type Output = BTreeMap<(usize, usize), u64>;

    fn start(&self) -> Result<Self::Total> {
        Ok(BTreeMap::new())
    }

    fn map(&self, block: &NumberBlock) -> Result<Self::Partial> {
        let (indptr, ids) = block.sparse().ok_or_else(|| Error::internal("rows are dense"))?;
        let group =
            |cell: usize| self.groups.get(cell).copied().ok_or_else(|| Error::internal("a cell without a group"));
        let mut pairs = Vec::with_capacity(ids.len());
        for (row, range) in indptr.windows(2).enumerate() {
            let from = group(block.start + row)?;
            for &id in &ids[range[0]..range[1]] {
                pairs.push((from, group(id as usize)?));
            }
        }
        pairs.sort_unstable();
        Ok(pairs.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect())
    }

    fn fold(&self, total: &mut Self::Total, partial: Self::Partial) -> Result<()> {
        for ((from, to), count) in partial {
            *total.entry((from as usize, to as usize)).or_default() += count;
        }
        Ok(())
    }

    fn finish(self, total: Self::Total) -> Result<Self::Output> {
        Ok(total)
    }
}
