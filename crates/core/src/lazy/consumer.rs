//! What is fed every block of a pass.

use super::{NumberBlock, View};
use crate::Result;

/// A statistic, a projection, a writer: a half that runs on any thread for any block, and a half that sees the results
/// in the order of the rows.
pub trait Consumer: Sync {
    /// What a block gives.
    type Partial: Send;
    /// What they are folded into.
    type Total;
    /// What is left at the end.
    type Output;

    /// Before the first block.
    ///
    /// # Errors
    /// If there is nothing to fold into (a file cannot be written).
    fn start(&self) -> Result<Self::Total>;

    /// Looks at a block. Any thread, any order.
    ///
    /// # Errors
    /// If the values are not what the consumer can take; the error names the row.
    fn map(&self, block: &NumberBlock) -> Result<Self::Partial>;

    /// Adds what a block gave. One thread, in order.
    ///
    /// # Errors
    /// If writing fails.
    fn fold(&self, total: &mut Self::Total, partial: Self::Partial) -> Result<()>;

    /// After the last block.
    ///
    /// # Errors
    /// If writing fails.
    fn finish(self, total: Self::Total) -> Result<Self::Output>;

    /// Memory of one partial result, at most, in bytes, beyond the size of a block.
    fn partial_bytes(&self) -> u64 {
        0
    }

    /// Memory of the total, in bytes.
    fn total_bytes(&self) -> u64 {
        0
    }

    /// Columns of the dense blocks that it makes of those it is fed, at most; 0 if it makes none. Rows come in small
    /// pieces then.
    fn dense_columns(&self) -> usize {
        0
    }
}

macro_rules! together {
    ($($name:ident $slot:tt),*) => {
        impl<$($name: Consumer),*> Consumer for ($($name,)*) {
            type Partial = ($($name::Partial,)*);
            type Total = ($($name::Total,)*);
            type Output = ($($name::Output,)*);

            fn start(&self) -> Result<Self::Total> {
                Ok(($(self.$slot.start()?,)*))
            }

            fn map(&self, block: &NumberBlock) -> Result<Self::Partial> {
                Ok(($(self.$slot.map(block)?,)*))
            }

            fn fold(&self, total: &mut Self::Total, partial: Self::Partial) -> Result<()> {
                $(self.$slot.fold(&mut total.$slot, partial.$slot)?;)*
                Ok(())
            }

            fn finish(self, total: Self::Total) -> Result<Self::Output> {
                Ok(($(self.$slot.finish(total.$slot)?,)*))
            }

            fn partial_bytes(&self) -> u64 {
                0 $(+ self.$slot.partial_bytes())*
            }

            fn total_bytes(&self) -> u64 {
                0 $(+ self.$slot.total_bytes())*
            }

            fn dense_columns(&self) -> usize {
                0 $(.max(self.$slot.dense_columns()))*
            }
        }
    };
}

together!(A 0, B 1);
together!(A 0, B 1, C 2);
together!(A 0, B 1, C 2, D 3);
together!(A 0, B 1, C 2, D 3, E 4);

/// Perhaps a consumer.
impl<C: Consumer> Consumer for Option<C> {
    type Partial = Option<C::Partial>;
    type Total = Option<C::Total>;
    type Output = Option<C::Output>;

    fn start(&self) -> Result<Self::Total> {
        self.as_ref().map(Consumer::start).transpose()
    }

    fn map(&self, block: &NumberBlock) -> Result<Self::Partial> {
        self.as_ref().map(|consumer| consumer.map(block)).transpose()
    }

    fn fold(&self, total: &mut Self::Total, partial: Self::Partial) -> Result<()> {
        match (self, total, partial) {
            (Some(consumer), Some(total), Some(partial)) => consumer.fold(total, partial),
            _ => Ok(()),
        }
    }

    fn finish(self, total: Self::Total) -> Result<Self::Output> {
        match (self, total) {
            (Some(consumer), Some(total)) => consumer.finish(total).map(Some),
            _ => Ok(None),
        }
    }

    fn partial_bytes(&self) -> u64 {
        self.as_ref().map_or(0, Consumer::partial_bytes)
    }

    fn total_bytes(&self) -> u64 {
        self.as_ref().map_or(0, Consumer::total_bytes)
    }

    fn dense_columns(&self) -> usize {
        self.as_ref().map_or(0, Consumer::dense_columns)
    }
}

/// A consumer that sees the blocks through one more view.
#[derive(Clone, Debug)]
pub struct Through<C> {
    /// What is done to a block first.
    pub view: View,
    /// Who gets it then.
    pub consumer: C,
}

impl<C: Consumer> Consumer for Through<C> {
    type Partial = C::Partial;
    type Total = C::Total;
    type Output = C::Output;

    fn start(&self) -> Result<Self::Total> {
        self.consumer.start()
    }

    fn map(&self, block: &NumberBlock) -> Result<Self::Partial> {
        let block = self.view.apply(block)?;
        let partial = self.consumer.map(&block)?;
        block.recycle();
        Ok(partial)
    }

    fn fold(&self, total: &mut Self::Total, partial: Self::Partial) -> Result<()> {
        self.consumer.fold(total, partial)
    }

    fn finish(self, total: Self::Total) -> Result<Self::Output> {
        self.consumer.finish(total)
    }

    fn partial_bytes(&self) -> u64 {
        self.consumer.partial_bytes()
    }

    fn total_bytes(&self) -> u64 {
        self.consumer.total_bytes()
    }

    fn dense_columns(&self) -> usize {
        let own = self.view.columns().map_or(usize::MAX, |kept| kept.len());
        self.consumer.dense_columns().max(if self.view.is_dense() { own } else { 0 })
    }
}
