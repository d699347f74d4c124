//! Parts of a pass that another process can take.
//!
//! Sums of numbers with fractions depend on who is added to whom. So the order is a law: a consumer adds up the blocks of a
//! *stretch*, which is [`STRETCH`] blocks, and adds the sum to that of the stretches before. Since blocks are cut by constants,
//! so are stretches; whoever has what each of them gives, and adds it up in their order, has the bits of one process.

use std::ops::Range;

use super::{Consumer, LazyMatrix};
use crate::matrix::BLOCK_BYTES;
use crate::{Error, Exec, Result};

/// Blocks of a stretch: some 100 MB of values, so that what is sent for it is little beside what is read.
pub const STRETCH: usize = 16;

/// Sums of the stretches that are complete, those of the one that is not, and how many blocks there were.
#[derive(Clone, Debug, Default)]
pub struct Stretched<T> {
    closed: Option<T>,
    open: Option<T>,
    blocks: usize,
}

impl<T> Stretched<T> {
    /// What the blocks of this stretch are added to.
    pub fn open(&mut self, start: impl FnOnce() -> T) -> &mut T {
        self.open.get_or_insert_with(start)
    }

    /// To be called when a block was added; `join` adds a stretch that is complete to those before it.
    pub fn count(&mut self, join: impl FnOnce(&mut T, T)) {
        self.blocks += 1;
        if self.blocks.is_multiple_of(STRETCH) {
            self.close(join);
        }
    }

    fn close(&mut self, join: impl FnOnce(&mut T, T)) {
        match (&mut self.closed, self.open.take()) {
            (Some(closed), Some(open)) => join(closed, open),
            (closed, Some(open)) => *closed = Some(open),
            _ => {}
        }
    }

    /// The sum of all; `None` if there were no blocks.
    pub fn finish(mut self, join: impl FnOnce(&mut T, T)) -> Option<T> {
        self.close(join);
        self.closed
    }
}

impl LazyMatrix {
    /// The rows of each stretch of a pass, for a consumer with so many [`dense_columns`](Consumer::dense_columns).
    ///
    /// # Errors
    /// If the structure of the source is damaged.
    pub fn stretches(&self, dense_columns: usize) -> Result<Vec<Range<usize>>> {
        let items = self.items(self.dense_columns(dense_columns), BLOCK_BYTES)?;
        let rows = |items: &[super::matrix::Item]| match items {
            [] => 0..0,
            [first, ..] => first.kept.start..items[items.len() - 1].kept.end,
        };
        Ok(items.chunks(STRETCH).map(rows).collect())
    }

    /// Feeds the blocks of one stretch to a consumer, which knows nothing of the others. Rows keep their numbers.
    ///
    /// # Errors
    /// As [`run`](Self::run), or if there is no such stretch.
    pub fn run_stretch<C: Consumer>(&self, consumer: C, stretch: usize, stage: &str, exec: &Exec) -> Result<C::Output> {
        let items = self.items(self.dense_columns(consumer.dense_columns()), BLOCK_BYTES)?;
        let own = items.chunks(STRETCH).nth(stretch);
        let own = own.ok_or_else(|| Error::argument(format!("stretch {stretch} of {} blocks", items.len())))?;
        self.run_items(consumer, own, stage, exec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_stretches_are_the_sum() {
        let join = |all: &mut f64, own: f64| *all += own;
        for count in [0, 1, 15, 16, 17, 32, 100] {
            let values: Vec<f64> = (0..count).map(|i| 0.1 + f64::from(i).sqrt()).collect();
            let mut all = Stretched::default();
            for value in &values {
                *all.open(|| 0.0) += value;
                all.count(join);
            }
            let parts = values.chunks(STRETCH).map(|part| part.iter().copied().reduce(|a, b| a + b).unwrap());
            assert_eq!(all.finish(join), parts.reduce(|a, b| a + b));
        }
    }
}
