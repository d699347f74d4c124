//! The memory account: one number the user sets, and everything that is charged to it.
//!
//! The budget decides how many blocks are in flight and how large external sorts are. It never decides where a block
//! begins or ends, so results do not depend on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, ErrorKind, Result};

/// What a running process holds before any data: code, libraries, metadata caches, allocator slack.
const BASE: u64 = 40 << 20;

/// The memory account of one job. Clones share the account.
#[derive(Clone, Debug)]
pub struct Budget {
    total: u64,
    charged: Arc<AtomicU64>,
}

/// Memory charged to a [`Budget`] until dropped.
#[derive(Debug)]
pub struct Charge {
    bytes: u64,
    charged: Arc<AtomicU64>,
}

impl Budget {
    /// An account of `total` bytes.
    pub fn new(total: u64) -> Self {
        Self { total, charged: Arc::new(AtomicU64::new(BASE)) }
    }

    /// An account without a limit.
    pub fn unlimited() -> Self {
        Self::new(u64::MAX / 4)
    }

    /// The limit in bytes.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// What is not charged.
    pub fn available(&self) -> u64 {
        self.total.saturating_sub(self.charged.load(Ordering::Relaxed))
    }

    /// Charges `bytes` for `what`.
    ///
    /// # Errors
    /// `Memory`, naming the smallest budget that would do, if they are not available.
    pub fn charge(&self, bytes: u64, what: &str) -> Result<Charge> {
        if bytes > self.available() {
            let least = self.total.saturating_sub(self.available()).saturating_add(bytes).div_ceil(1 << 20);
            let message =
                format!("{what} needs {} MB and {} MB of the budget are left", mb(bytes), self.available() >> 20);
            return Err(Error::new(ErrorKind::Memory, message).hint(format!("give --memory {least}M or more")));
        }
        self.charged.fetch_add(bytes, Ordering::Relaxed);
        Ok(Charge { bytes, charged: self.charged.clone() })
    }

    /// How many blocks of `bytes` may be in flight with `threads` workers: at least one, at most what keeps all busy.
    ///
    /// # Errors
    /// `Memory` if not even one fits.
    pub fn in_flight(&self, bytes: u64, threads: usize, what: &str) -> Result<(usize, Charge)> {
        let most = 2 * threads as u64 + 1;
        let count = (self.available() / bytes.max(1)).clamp(1, most);
        let charge = self.charge(count * bytes, what)?;
        Ok((usize::try_from(count).unwrap_or(1), charge))
    }
}

fn mb(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.charged.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_given_back_and_the_error_names_the_least() {
        let budget = Budget::new(100 << 20);
        let charge = budget.charge(50 << 20, "a block").unwrap();
        let error = budget.charge(50 << 20, "another").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Memory);
        assert_eq!(error.next_step(), Some("give --memory 140M or more"));
        drop(charge);
        assert!(budget.charge(50 << 20, "another").is_ok());
    }

    #[test]
    fn in_flight_is_bounded_by_threads_and_budget() {
        assert_eq!(Budget::unlimited().in_flight(1 << 20, 2, "x").unwrap().0, 5);
        assert_eq!(Budget::new(BASE + (30 << 20)).in_flight(10 << 20, 8, "x").unwrap().0, 3);
        assert!(Budget::new(BASE).in_flight(10 << 20, 8, "x").is_err());
    }
}
