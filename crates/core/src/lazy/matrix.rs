//! A matrix whose rows are read, chosen and changed when somebody looks.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use annstream_store::DType;

use super::read::Conversion;
use super::{Consumer, NumberBlock, Precision, RowOp, View};
use crate::matrix::{BLOCK_BYTES, MatrixSource};
use crate::{Error, Exec, Result};

/// Bytes that a dense block aims at.
const DENSE_BYTES: u64 = 8 << 20;

/// A source, the rows kept of it, and a view. Immutable and cheap to clone; clones count their passes together.
#[derive(Clone)]
pub struct LazyMatrix {
    source: Arc<dyn MatrixSource>,
    /// Ids in the source of the rows kept, increasing; `None` for all.
    rows: Option<Arc<[u64]>>,
    view: View,
    passes: Arc<AtomicU32>,
}

impl LazyMatrix {
    /// All of a source, as it is.
    pub fn new(source: Arc<dyn MatrixSource>) -> Self {
        Self { source, rows: None, view: View::new(), passes: Arc::default() }
    }

    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        let [rows, columns] = self.source.shape().map(|extent| usize::try_from(extent).unwrap_or(usize::MAX));
        [self.rows.as_ref().map_or(rows, |kept| kept.len()), self.view.columns().map_or(columns, |kept| kept.len())]
    }

    /// What rows are read from.
    pub fn source(&self) -> &Arc<dyn MatrixSource> {
        &self.source
    }

    /// Rows and columns of the source, in whose ids operators speak.
    pub fn source_shape(&self) -> [usize; 2] {
        self.source.shape().map(|extent| usize::try_from(extent).unwrap_or(usize::MAX))
    }

    /// The stored type.
    pub fn stored_dtype(&self) -> DType {
        self.source.dtype()
    }

    /// The precision of the blocks.
    pub fn precision(&self) -> Precision {
        self.view.precision(Precision::of(self.source.dtype()))
    }

    /// Columns and operators.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Id in the source of each row.
    pub fn row_ids(&self) -> Vec<u64> {
        self.rows.as_ref().map_or_else(|| (0..self.source.shape()[0]).collect(), |kept| kept.to_vec())
    }

    /// Id in the source of each column.
    pub fn column_ids(&self) -> Vec<u32> {
        let all = || (0..u32::try_from(self.source.shape()[1]).unwrap_or(u32::MAX)).collect();
        self.view.columns().map_or_else(all, |kept| kept.to_vec())
    }

    /// Keeps the rows with these ids in the source, in increasing order, instead of those kept so far.
    ///
    /// # Errors
    /// If they do not rise, or one is beyond the end.
    pub fn with_rows(mut self, ids: impl Into<Arc<[u64]>>) -> Result<Self> {
        let ids = ids.into();
        if !ids.is_sorted_by(|a, b| a < b) || ids.last().is_some_and(|&last| last >= self.source.shape()[0]) {
            return Err(Error::internal("ids of rows that do not rise"));
        }
        self.rows = Some(ids);
        Ok(self)
    }

    /// Keeps the columns with these ids in the source, in increasing order, instead of those kept so far.
    ///
    /// # Errors
    /// If they do not rise, or one is beyond the end.
    pub fn with_columns(mut self, ids: impl Into<Arc<[u32]>>) -> Result<Self> {
        let ids = ids.into();
        if !ids.is_sorted_by(|a, b| a < b) || ids.last().is_some_and(|&last| u64::from(last) >= self.source.shape()[1])
        {
            return Err(Error::internal("ids of columns that do not rise"));
        }
        self.view = self.view.keep(ids);
        Ok(self)
    }

    /// Keeps the rows of which `mask` is true.
    ///
    /// # Errors
    /// If the mask has another length than there are rows.
    pub fn keep_rows(mut self, mask: &[bool]) -> Result<Self> {
        if mask.len() != self.shape()[0] {
            return Err(Error::internal(format!("a mask of {} for {} rows", mask.len(), self.shape()[0])));
        }
        if mask.contains(&false) {
            let ids = self.row_ids();
            self.rows = Some(ids.into_iter().zip(mask).filter(|(_, keep)| **keep).map(|(id, _)| id).collect());
        }
        Ok(self)
    }

    /// Keeps the columns of which `mask` is true. Operators added before do not see the others any more; those that mix
    /// columns are not lazy.
    ///
    /// # Errors
    /// If the mask has another length than there are columns.
    pub fn keep_columns(mut self, mask: &[bool]) -> Result<Self> {
        if mask.len() != self.shape()[1] {
            return Err(Error::internal(format!("a mask of {} for {} columns", mask.len(), self.shape()[1])));
        }
        if mask.contains(&false) {
            let ids = self.column_ids();
            let kept: Vec<u32> = ids.into_iter().zip(mask).filter(|(_, keep)| **keep).map(|(id, _)| id).collect();
            self.view = self.view.keep(kept);
        }
        Ok(self)
    }

    /// Adds an operator.
    #[must_use]
    pub fn with(mut self, op: impl RowOp + 'static) -> Self {
        self.view = self.view.with(op);
        self
    }

    /// Adds an operator that others use too.
    #[must_use]
    pub fn with_shared(mut self, op: Arc<dyn RowOp>) -> Self {
        self.view = self.view.with_shared(op);
        self
    }

    /// The same rows and columns without operators.
    #[must_use]
    pub fn without_ops(mut self) -> Self {
        let view = View::new();
        self.view = match self.view.columns() {
            Some(kept) => view.keep(kept.clone()),
            None => view,
        };
        self
    }

    /// How often the source was read from end to end, by this matrix and those cloned from it.
    pub fn passes(&self) -> u32 {
        self.passes.load(Ordering::Relaxed)
    }

    /// Counts passes over the source that were made without [`run`](Self::run), by way of [`LazyRows`](super::LazyRows).
    pub fn count_passes(&self, passes: u32) {
        self.passes.fetch_add(passes, Ordering::Relaxed);
    }

    /// Feeds every block to a consumer once: one pass over the source.
    ///
    /// # Errors
    /// If the source is damaged, an operator or the consumer fails, the budget is too small, or the user stopped.
    pub fn run<C: Consumer>(&self, consumer: C, stage: &str, exec: &Exec) -> Result<C::Output> {
        self.count_passes(1);
        let dense = self.dense_columns(consumer.dense_columns());
        let items = self.items(dense, BLOCK_BYTES)?;
        self.source.pass(&items.iter().map(|item| item.source.clone()).collect::<Vec<_>>());
        self.run_items(consumer, &items, stage, exec)
    }

    /// Feeds the blocks of some items to a consumer.
    pub(super) fn run_items<C: Consumer>(
        &self,
        consumer: C,
        items: &[Item],
        stage: &str,
        exec: &Exec,
    ) -> Result<C::Output> {
        let conversion = self.conversion()?;
        let dense = self.dense_columns(consumer.dense_columns());
        let _total = exec.budget().charge(consumer.total_bytes(), stage)?;
        let (mut cost, mut costliest) = (0, 0);
        for item in items {
            let own = self.cost(item, dense)?;
            if own > cost {
                (cost, costliest) = (own, item.source.start);
            }
        }
        let in_flight = exec.budget().in_flight(cost + consumer.partial_bytes(), exec.threads(), "a block of rows");
        let (in_flight, _charge) = in_flight.map_err(|error| error.row(costliest))?;
        let mut total = consumer.start()?;
        exec.progress().begin(stage, items.iter().map(|item| item.kept.len() as u64).sum(), "rows");
        exec.ordered(
            items.len(),
            in_flight,
            |i| {
                let block = self.read(&items[i], &conversion)?;
                let partial = consumer.map(&block)?;
                let rows = block.len() as u64;
                block.recycle();
                Ok((rows, partial))
            },
            |_, (rows, partial)| {
                exec.progress().advance(rows);
                consumer.fold(&mut total, partial)
            },
        )?;
        exec.progress().end();
        consumer.finish(total)
    }

    /// Columns that are dense in the blocks of a pass, for a consumer that makes so many dense.
    pub(super) fn dense_columns(&self, consumer: usize) -> usize {
        if self.view.is_dense() { self.shape()[1] } else { consumer.min(self.shape()[1]) }
    }

    /// The most rows that a block of a pass has.
    ///
    /// # Errors
    /// If the structure of the source is damaged.
    pub fn longest_block(&self) -> Result<usize> {
        let dense = if self.view.is_dense() { self.shape()[1] } else { 0 };
        Ok(self.items(dense, BLOCK_BYTES)?.iter().map(|item| item.kept.len()).max().unwrap_or(0))
    }

    /// How its rows become blocks.
    pub(super) fn conversion(&self) -> Result<Conversion> {
        let stored = usize::try_from(self.source.shape()[1]).map_err(|_| Error::unsupported("too many columns"))?;
        Conversion::new(stored, self.view.columns(), Precision::of(self.source.dtype()))
    }

    /// Ranges of the source with a row that is kept, each of about so many bytes; short ones if so many columns become
    /// dense.
    pub(super) fn items(&self, dense: usize, max_bytes: u64) -> Result<Vec<Item>> {
        let mut ranges = self.source.partition(max_bytes)?;
        if dense > 0 {
            let row = dense as u64 * 8;
            let step = usize::try_from(DENSE_BYTES / row).unwrap_or(usize::MAX).max(1);
            let pieces = |range: Range<u64>| {
                let end = range.end;
                range.step_by(step).map(move |start| start..end.min(start + step as u64))
            };
            ranges = ranges.into_iter().flat_map(pieces).collect();
        }
        let mut items = Vec::with_capacity(ranges.len());
        for source in ranges {
            let kept = match &self.rows {
                None => to_usize(source.start)?..to_usize(source.end)?,
                Some(rows) => {
                    rows.partition_point(|id| *id < source.start)..rows.partition_point(|id| *id < source.end)
                }
            };
            if !kept.is_empty() {
                items.push(Item { source, kept });
            }
        }
        Ok(items)
    }

    /// The rows of the source that hold some of the rows kept.
    pub(super) fn item(&self, kept: Range<usize>) -> Item {
        let source = match &self.rows {
            None => kept.start as u64..kept.end as u64,
            Some(rows) => match &rows[kept.clone()] {
                [] => 0..0,
                [first, .., last] => *first..*last + 1,
                [only] => *only..*only + 1,
            },
        };
        Item { source, kept }
    }

    /// Memory of a block on its way.
    pub(super) fn cost(&self, item: &Item, dense: usize) -> Result<u64> {
        let stored = self.source.cost(item.source.clone())?;
        let rows = item.kept.len() as u64;
        let dense = rows.saturating_mul(dense as u64 * 16);
        // What is read, what it is converted to (at most 12 bytes for 5) unless it stays where it is, and a copy for a consumer.
        let copies = if matches!(self.source.dtype(), DType::F32 | DType::F64) { 2 } else { 3 };
        Ok(stored.saturating_mul(copies).saturating_add(rows * 24).saturating_add(dense))
    }

    pub(super) fn read(&self, item: &Item, conversion: &Conversion) -> Result<NumberBlock> {
        let ids = match &self.rows {
            None => item.source.clone().collect(),
            Some(rows) => rows[item.kept.clone()].to_vec(),
        };
        let stored = self.source.read(item.source.clone())?.into_sparse()?;
        let first = item.source.start;
        let block = conversion.block(stored, first, ids, item.kept.start);
        let mut block = block.map_err(|error| error.row(first))?;
        self.view.change(&mut block)?;
        Ok(block)
    }
}

/// A block: rows of the source, and which of the kept rows are among them.
pub(super) struct Item {
    pub(super) source: Range<u64>,
    pub(super) kept: Range<usize>,
}

fn to_usize(value: u64) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::internal("rows exceed memory"))
}
