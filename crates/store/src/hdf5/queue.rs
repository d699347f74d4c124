//! Chunks on their way to the file.
//!
//! Worker threads encode chunks in any order; the thread that appends stores them in the order in which they were
//! pushed, whatever array they belong to. Everything else that is written (a new array, an attribute, text) first
//! stores all chunks pushed before it ([`Queue::drain`]). So the sequence of calls into libhdf5, and with it every
//! byte of the file, depends on the calls of the user only, not on the number or the speed of the workers.

use std::collections::VecDeque;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use rayon::ThreadPool;

use super::create::Dataset;
use super::encode::{Encoded, encode};
use crate::{Buffer, Compression, Error, Result};

/// The bytes of a chunk: its own, or a part of a larger buffer.
pub(super) enum Piece {
    Own(Vec<u8>),
    Part(Arc<Buffer>, Range<usize>),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Part(buffer, range) => buffer.as_bytes().and_then(|bytes| bytes.get(range.clone())).unwrap_or(&[]),
        }
    }

    /// Frees the memory, or hands it on.
    fn recycle(self) {
        if let Self::Part(buffer, _) = self
            && let Some(buffer) = Arc::into_inner(buffer)
        {
            buffer.recycle();
        }
    }
}

enum State {
    /// Stored as it is.
    Raw(Piece),
    /// Being encoded.
    Coming(Receiver<Result<Encoded>>),
    /// Encoded.
    Done(Encoded),
}

struct Chunk {
    dataset: Arc<Dataset>,
    position: Vec<u64>,
    rows: u64,
    state: State,
}

/// Chunks of all arrays of a file, in the order in which they were pushed.
pub(super) struct Queue {
    pool: Option<Arc<ThreadPool>>,
    most: usize,
    waiting: VecDeque<Chunk>,
}

impl Queue {
    /// A queue of at most `most` chunks; 0 means twice the threads.
    pub(super) fn new(pool: Option<Arc<ThreadPool>>, most: usize) -> Self {
        let threads = pool.as_ref().map_or(0, |pool| pool.current_num_threads());
        let most = if most == 0 { 2 * threads } else { most };
        Self { pool, most: most.max(1), waiting: VecDeque::new() }
    }

    /// Hands over a chunk that starts at `position`, after which the array has at least `rows` rows.
    pub(super) fn push(&mut self, dataset: &Arc<Dataset>, position: Vec<u64>, rows: u64, piece: Piece) -> Result<()> {
        let (size, compression) = (dataset.size, dataset.compression);
        let state = match &self.pool {
            _ if compression == Compression::None => State::Raw(piece),
            None => State::Done(encode(piece.bytes(), size, compression)?),
            Some(pool) => {
                let (sender, receiver) = sync_channel(1);
                pool.spawn(move || {
                    let result = catch_unwind(AssertUnwindSafe(|| encode(piece.bytes(), size, compression)));
                    piece.recycle();
                    let result = result.unwrap_or_else(|_| Err(Error::internal("a compression thread panicked")));
                    // Nobody listens if the writer was dropped.
                    let _ = sender.send(result);
                });
                State::Coming(receiver)
            }
        };
        self.waiting.push_back(Chunk { dataset: dataset.clone(), position, rows, state });
        let most = if self.pool.is_some() { self.most } else { 0 };
        // What needs no encoding need not wait for its turn any longer than others make it.
        let raw = |chunk: &Chunk| matches!(chunk.state, State::Raw(_));
        while self.waiting.len() > most || self.waiting.front().is_some_and(raw) {
            self.store()?;
        }
        Ok(())
    }

    /// Stores all chunks.
    pub(super) fn drain(&mut self) -> Result<()> {
        while !self.waiting.is_empty() {
            self.store()?;
        }
        Ok(())
    }

    fn store(&mut self) -> Result<()> {
        let Some(Chunk { dataset, position, rows, state }) = self.waiting.pop_front() else { return Ok(()) };
        dataset.reach(rows)?;
        match state {
            State::Raw(piece) => {
                let result = dataset.store(&position, 0, piece.bytes());
                piece.recycle();
                result
            }
            State::Done(encoded) => dataset.store(&position, encoded.mask, &encoded.bytes),
            State::Coming(receiver) => {
                let encoded = self.wait(&receiver).map_err(|error| error.at(&dataset.path))?;
                dataset.store(&position, encoded.mask, &encoded.bytes)
            }
        }
    }

    /// Waits for a chunk; a worker that appends works meanwhile, since the chunk may be waiting for just this thread.
    fn wait(&self, receiver: &Receiver<Result<Encoded>>) -> Result<Encoded> {
        let lost = || Error::internal("a compression thread was lost");
        let worker = self.pool.as_ref().is_some_and(|pool| pool.current_thread_index().is_some());
        if !worker {
            return receiver.recv().map_err(|_| lost())?;
        }
        loop {
            match receiver.try_recv() {
                Ok(result) => return result,
                Err(TryRecvError::Disconnected) => return Err(lost()),
                Err(TryRecvError::Empty) => {
                    if rayon::yield_now() != Some(rayon::Yield::Executed) {
                        std::thread::yield_now();
                    }
                }
            }
        }
    }
}
