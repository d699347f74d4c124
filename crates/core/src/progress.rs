//! What a long job tells whoever watches it.

/// Told about stages and their progress. Implementations must be cheap: `advance` is called once per block.
pub trait Progress: Send + Sync {
    /// A stage begins; `total` is in `unit`s.
    fn begin(&self, stage: &str, total: u64, unit: &str);
    /// `amount` more units are done.
    fn advance(&self, amount: u64);
    /// The stage is done.
    fn end(&self);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: &str, _total: u64, _unit: &str) {}
    fn advance(&self, _amount: u64) {}
    fn end(&self) {}
}
