//! Decoded chunks of which a read needed only a part: the next read probably needs the rest.
//!
//! One cache serves all files, so that a job with hundreds of inputs holds no more than a job with one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most bytes kept. Two chunks are kept even if they are larger: those of the two halves of a sparse matrix.
const BYTES: usize = 48 << 20;
const LEAST: usize = 2;
/// Most chunks kept of one array.
const PER_ARRAY: usize = 4;

#[derive(Default)]
struct Cache {
    /// Array, number of the chunk, values; the oldest first.
    chunks: VecDeque<(u64, u64, Arc<Vec<u8>>)>,
    bytes: usize,
}

static CACHE: Mutex<Cache> = Mutex::new(Cache { chunks: VecDeque::new(), bytes: 0 });
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The share of one array in the cache, given back when dropped.
pub(crate) struct Share(u64);

impl Share {
    pub(crate) fn new() -> Self {
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// A chunk, if it is kept.
    pub(crate) fn get(&self, number: u64) -> Option<Arc<Vec<u8>>> {
        let cache = lock();
        let found = cache.chunks.iter().find(|(array, chunk, _)| (*array, *chunk) == (self.0, number));
        found.map(|(_, _, values)| values.clone())
    }

    /// Keeps a chunk.
    pub(crate) fn put(&self, number: u64, values: Vec<u8>) {
        let mut cache = lock();
        if cache.chunks.iter().any(|(array, chunk, _)| (*array, *chunk) == (self.0, number)) {
            return;
        }
        cache.bytes += values.len();
        cache.chunks.push_back((self.0, number, Arc::new(values)));
        if cache.chunks.iter().filter(|(array, ..)| *array == self.0).count() > PER_ARRAY {
            let oldest = cache.chunks.iter().position(|(array, ..)| *array == self.0);
            cache.remove(oldest);
        }
        while cache.bytes > BYTES && cache.chunks.len() > LEAST {
            cache.remove(Some(0));
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut cache = lock();
        cache.chunks.retain(|(array, ..)| *array != self.0);
        cache.bytes = cache.chunks.iter().map(|(_, _, values)| values.len()).sum();
    }
}

impl Cache {
    fn remove(&mut self, at: Option<usize>) {
        if let Some((_, _, values)) = at.and_then(|at| self.chunks.remove(at)) {
            self.bytes -= values.len();
        }
    }
}

fn lock() -> MutexGuard<'static, Cache> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_given_back() {
        let shares: Vec<Share> = (0..40).map(|_| Share::new()).collect();
        for share in &shares {
            for number in 0..6 {
                share.put(number, vec![0; 1 << 20]);
            }
            assert!(share.get(0).is_none() && share.get(5).is_some());
        }
        assert!(lock().bytes <= BYTES + (1 << 20) && shares[0].get(5).is_none());
        let own = shares.iter().map(|share| share.0).collect::<Vec<_>>();
        drop(shares);
        assert!(!lock().chunks.iter().any(|(array, ..)| own.contains(array)));
    }
}
