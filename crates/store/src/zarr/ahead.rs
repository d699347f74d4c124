//! On a server, chunks that stand side by side in a shard come in one request.
//!
//! Shards are written chunk after chunk, so a region of an array is mostly one run of bytes of a shard. Which chunks make
//! a run is planned when a region is read; each run is fetched when its first chunk is needed, and given up chunk by chunk.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::shard::Shard;
use crate::{Error, Result};

/// Most bytes of a request for several chunks, which are held until the last of them is decoded.
const MOST: u64 = 4 << 20;
/// Bytes between two chunks that cost less than another request.
const GAP: u64 = 32 << 10;

/// The stored bytes of a chunk in a shard.
pub(super) struct Wanted {
    pub(super) shard: Arc<Shard>,
    pub(super) bytes: Range<u64>,
}

/// Chunks that come together.
struct Run {
    shard: Arc<Shard>,
    /// The chunks, by the turn in which they are asked for.
    turns: Range<usize>,
    /// Where each of them stands.
    chunks: Vec<Range<u64>>,
}

/// What will be read of an array, chunk by chunk.
#[derive(Default)]
pub(super) struct Ahead {
    runs: VecDeque<Run>,
    fetched: Vec<u8>,
}

impl Ahead {
    /// For chunks in the order in which they will be asked for; `None` for those that come in another way.
    pub(super) fn plan(wanted: Vec<Option<Wanted>>) -> Self {
        let mut runs: VecDeque<Run> = VecDeque::new();
        for (turn, wanted) in wanted.into_iter().enumerate() {
            let Some(Wanted { shard, bytes }) = wanted else { continue };
            let joins = runs.back().is_some_and(|run| run.turns.end == turn && run.takes(&shard, &bytes));
            match runs.back_mut().filter(|_| joins) {
                Some(run) => {
                    run.turns.end += 1;
                    run.chunks.push(bytes);
                }
                None => runs.push_back(Run { shard, turns: turn..turn + 1, chunks: vec![bytes] }),
            }
        }
        // A request for a single chunk needs no plan.
        runs.retain(|run| run.chunks.len() > 1);
        Self { runs, fetched: vec![] }
    }

    /// The stored bytes of the chunk whose turn it is, if it comes together with others.
    ///
    /// # Errors
    /// If they do not arrive.
    pub(super) fn take(&mut self, turn: usize) -> Result<Option<Vec<u8>>> {
        if self.runs.front().is_some_and(|run| run.turns.end <= turn) {
            self.runs.pop_front();
            self.fetched.clear();
        }
        let Some(run) = self.runs.front().filter(|run| run.turns.contains(&turn)) else { return Ok(None) };
        let size = |bytes: u64| usize::try_from(bytes).map_err(|_| Error::internal("chunks exceed memory"));
        let start = run.chunks[0].start;
        if self.fetched.is_empty() {
            self.fetched.resize(size(run.end() - start)?, 0);
            run.shard.blob().read(start, &mut self.fetched)?;
        }
        let chunk = &run.chunks[turn - run.turns.start];
        let bytes = self.fetched.get(size(chunk.start - start)?..size(chunk.end - start)?);
        bytes.map(|bytes| Some(bytes.to_vec())).ok_or_else(|| Error::internal("a chunk is outside of its run"))
    }
}

impl Run {
    fn end(&self) -> u64 {
        self.chunks.last().map_or(0, |last| last.end)
    }

    /// Whether a chunk can come with these.
    fn takes(&self, shard: &Arc<Shard>, bytes: &Range<u64>) -> bool {
        let between = bytes.start.checked_sub(self.end());
        Arc::ptr_eq(&self.shard, shard)
            && between.is_some_and(|between| between <= GAP)
            && bytes.end - self.chunks[0].start <= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::Blob;
    use super::super::meta::Sharding;
    use super::*;

    /// A shard of chunks that say their numbers, at these places.
    fn shard(chunks: &[Range<u64>]) -> Arc<Shard> {
        let mut bytes = vec![0_u8; chunks.iter().map(|chunk| usize::try_from(chunk.end).unwrap()).max().unwrap_or(0)];
        for (number, chunk) in (1..).zip(chunks) {
            bytes[usize::try_from(chunk.start).unwrap()..usize::try_from(chunk.end).unwrap()].fill(number);
        }
        for chunk in chunks {
            bytes.extend(chunk.start.to_le_bytes());
            bytes.extend((chunk.end - chunk.start).to_le_bytes());
        }
        let sharding = Sharding { shape: vec![chunks.len() as u64], at_end: true, checksum: false };
        Arc::new(Shard::open(Blob::Memory(bytes), &sharding, chunks.len() as u64).unwrap())
    }

    /// The turns that come together, after each was checked for its bytes.
    fn runs(shard: &Arc<Shard>, turns: &[Option<u64>]) -> Vec<Range<usize>> {
        let wanted = turns.iter().map(|number| {
            let (_, start, length) = shard.find((*number)?).unwrap()?;
            Some(Wanted { shard: shard.clone(), bytes: start..start + length })
        });
        let wanted: Vec<_> = wanted.collect();
        let mut ahead = Ahead::plan(wanted);
        let planned: Vec<_> = ahead.runs.iter().map(|run| run.turns.clone()).collect();
        for (turn, number) in turns.iter().enumerate() {
            let together = planned.iter().any(|run| run.contains(&turn));
            let found = ahead.take(turn).unwrap();
            assert_eq!(found.is_some(), together, "{turn}");
            if let (Some(found), Some(number)) = (found, number) {
                let (_, _, length) = shard.find(*number).unwrap().unwrap();
                assert_eq!(found, vec![u8::try_from(number + 1).unwrap(); usize::try_from(length).unwrap()]);
            }
        }
        planned
    }

    #[test]
    fn neighbours_come_together_and_others_do_not() {
        let (far, large) = (200 + GAP, MOST - 100);
        let near = shard(&[0..50, 50..100, 100..100, 110..200, far..far + 10, far + 11..far + 11 + large]);
        let all: Vec<_> = (0..6).map(Some).collect();
        // The fifth stands at the largest distance, the sixth would make the request too large.
        assert_eq!(runs(&near, &all[..5]), [0..5]);
        assert_eq!(runs(&near, &all), [0..5]);
        assert_eq!(runs(&near, &[Some(4), Some(5)]), [0..2]);
        assert_eq!(runs(&near, &[Some(0), None, Some(1), Some(3)]), [2..4]);
        assert_eq!(runs(&near, &[Some(3), Some(1), Some(0)]), []);
        assert_eq!(runs(&near, &[Some(0), Some(1), None, Some(3), Some(4)]), [0..2, 3..5]);
        assert_eq!(runs(&near, &[]), []);
        let apart = shard(&[0..10, GAP + 11..GAP + 20]);
        assert_eq!(runs(&apart, &[Some(0), Some(1)]), []);
    }
}
