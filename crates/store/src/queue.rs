//! Chunks on their way to the store.
//!
//! Worker threads encode chunks in any order; the thread that appends stores them in the order in which they were
//! pushed, whatever array they belong to. A backend that writes anything else at the same place first stores all
//! chunks pushed before it ([`Queue::drain`]). So the bytes written depend on the calls of the user only, not on the
//! number or the speed of the workers.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use rayon::ThreadPool;

use crate::{Error, Result};

/// Where an encoded chunk goes.
pub(crate) trait Target {
    /// What encoding makes.
    type Encoded: Send + 'static;

    /// The array, for messages.
    fn path(&self) -> &str;

    /// Stores the chunk; called in the order of pushing, by one thread at a time.
    fn store(self, encoded: Self::Encoded) -> Result<()>;
}

/// What is still to be done for a chunk.
pub(crate) enum Job<E> {
    /// Nothing.
    Ready(E),
    /// Encoding, by any thread. The result must depend on nothing else.
    Work(Box<dyn FnOnce() -> Result<E> + Send>),
}

enum State<E> {
    /// Being encoded.
    Coming(Receiver<Result<E>>),
    /// Encoded.
    Done(E),
}

/// Chunks of all arrays of a store, in the order in which they were pushed.
pub(crate) struct Queue<T: Target> {
    pool: Option<Arc<ThreadPool>>,
    most: usize,
    waiting: VecDeque<(T, State<T::Encoded>)>,
}

impl<T: Target> Queue<T> {
    /// A queue of at most `most` chunks; 0 means twice the threads.
    pub(crate) fn new(pool: Option<Arc<ThreadPool>>, most: usize) -> Self {
        let threads = pool.as_ref().map_or(0, |pool| pool.current_num_threads());
        let most = if most == 0 { 2 * threads } else { most };
        Self { pool, most: most.max(1), waiting: VecDeque::new() }
    }

    /// Hands over a chunk.
    pub(crate) fn push(&mut self, target: T, job: Job<T::Encoded>) -> Result<()> {
        let state = match (job, &self.pool) {
            (Job::Ready(encoded), _) => State::Done(encoded),
            (Job::Work(work), None) => State::Done(work().map_err(|error| error.at(target.path()))?),
            (Job::Work(work), Some(pool)) => {
                let (sender, receiver) = sync_channel(1);
                pool.spawn(move || {
                    let result = catch_unwind(AssertUnwindSafe(work));
                    let result = result.unwrap_or_else(|_| Err(Error::internal("a compression thread panicked")));
                    // Nobody listens if the writer was dropped.
                    let _ = sender.send(result);
                });
                State::Coming(receiver)
            }
        };
        self.waiting.push_back((target, state));
        let most = if self.pool.is_some() { self.most } else { 0 };
        // What needs no encoding need not wait for its turn any longer than others make it.
        let ready = |(_, state): &(T, State<T::Encoded>)| matches!(state, State::Done(_));
        while self.waiting.len() > most || self.waiting.front().is_some_and(ready) {
            self.store()?;
        }
        Ok(())
    }

    /// Stores all chunks.
    pub(crate) fn drain(&mut self) -> Result<()> {
        while !self.waiting.is_empty() {
            self.store()?;
        }
        Ok(())
    }

    fn store(&mut self) -> Result<()> {
        let Some((target, state)) = self.waiting.pop_front() else { return Ok(()) };
        let encoded = match state {
            State::Done(encoded) => encoded,
            State::Coming(receiver) => self.wait(&receiver).map_err(|error| error.at(target.path()))?,
        };
        target.store(encoded)
    }

    /// Waits for a chunk; a worker that appends works meanwhile, since the chunk may be waiting for just this thread.
    fn wait(&self, receiver: &Receiver<Result<T::Encoded>>) -> Result<T::Encoded> {
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
