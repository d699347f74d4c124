//! The one parallel driver.
//!
//! [`Exec::ordered`] maps items on worker threads and folds the results on the calling thread, in order, with a bounded
//! number in flight. That is all the concurrency of the engine: sources, kernels and sinks never see a thread. Because
//! items are fixed beforehand and folded in order, the number of threads changes the speed and never a bit.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use annstream_store::Buffer;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::budget::Budget;
use crate::progress::{Progress, Silent};
use crate::{Error, ErrorKind, Result};

/// Threads, memory, scratch space, a way to stop, and a way to watch: what every job runs on.
#[derive(Clone)]
pub struct Exec {
    pool: Arc<ThreadPool>,
    budget: Budget,
    scratch: PathBuf,
    stop: Arc<AtomicBool>,
    progress: Arc<dyn Progress>,
    trim: fn(),
}

impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exec").field("threads", &self.threads()).field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl Exec {
    /// A driver with `threads` workers (at least one) and a memory budget; scratch files go to the system's folder.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn new(threads: usize, budget: Budget) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|i| format!("worker-{i}"))
            .build()
            .map_err(|error| Error::new(ErrorKind::Io, format!("cannot start threads: {error}")))?;
        Ok(Self {
            pool: Arc::new(pool),
            budget,
            scratch: std::env::temp_dir(),
            stop: Arc::default(),
            progress: Arc::new(Silent),
            trim: || {},
        })
    }

    /// The same with a folder for scratch files.
    #[must_use]
    pub fn with_scratch(mut self, folder: impl AsRef<Path>) -> Self {
        self.scratch = folder.as_ref().to_path_buf();
        self
    }

    /// The same with a flag that stops it when set.
    #[must_use]
    pub fn with_stop(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    /// The same with a watcher.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// The same with a way to give free memory back to the system.
    #[must_use]
    pub fn with_trim(mut self, trim: fn()) -> Self {
        self.trim = trim;
        self
    }

    /// To be called after a matrix: what served it is freed, so that the peak is that of the largest stage and not
    /// the sum of all.
    pub fn release(&self) {
        Buffer::release_recycled();
        (self.trim)();
    }

    /// The worker threads.
    pub fn pool(&self) -> &Arc<ThreadPool> {
        &self.pool
    }

    /// Number of workers.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// The memory account.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Where scratch files go.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Who watches.
    pub fn progress(&self) -> &dyn Progress {
        &*self.progress
    }

    /// Fails if the user asked to stop.
    ///
    /// # Errors
    /// `Interrupted`.
    pub fn check(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted; nothing was left behind"));
        }
        Ok(())
    }

    /// Runs `map` for `0..count` on the workers and `fold` with each result on this thread, in order; at most
    /// `in_flight` results exist at a time. The first error in item order ends the run; a panic in `map` is an error.
    ///
    /// # Errors
    /// What `map` or `fold` return, or `Interrupted`.
    pub fn ordered<T: Send>(
        &self,
        count: usize,
        in_flight: usize,
        map: impl Fn(usize) -> Result<T> + Sync,
        mut fold: impl FnMut(usize, T) -> Result<()>,
    ) -> Result<()> {
        let in_flight = in_flight.max(1);
        let abandoned = AtomicBool::new(false);
        let (sender, receiver) = mpsc::channel::<(usize, Result<T>)>();
        self.pool.in_place_scope(|scope| {
            let mut run = || {
                let mut started = 0;
                let mut waiting = BTreeMap::new();
                for next in 0..count {
                    while started < count && started < next + in_flight {
                        let (item, sender, map, abandoned) = (started, sender.clone(), &map, &abandoned);
                        let this = &self;
                        scope.spawn(move |_| {
                            if abandoned.load(Ordering::Relaxed) {
                                return;
                            }
                            let result = this.check().and_then(|()| guard(item, map));
                            // The receiver only goes away once nobody needs the result.
                            drop(sender.send((item, result)));
                        });
                        started += 1;
                    }
                    let result = loop {
                        if let Some(result) = waiting.remove(&next) {
                            break result;
                        }
                        let (item, result) =
                            receiver.recv().map_err(|_| Error::internal("a worker ended without a result"))?;
                        waiting.insert(item, result);
                    };
                    fold(next, result?)?;
                    self.check()?;
                }
                Ok(())
            };
            let result = run();
            abandoned.store(true, Ordering::Relaxed);
            result
        })
    }
}

fn guard<T>(item: usize, map: &(impl Fn(usize) -> Result<T> + Sync)) -> Result<T> {
    catch_unwind(AssertUnwindSafe(|| map(item))).unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("panic");
        Err(Error::internal(format!("block {item}: {what}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_in_order_whatever_the_threads() {
        for threads in [1, 2, 5] {
            let exec = Exec::new(threads, Budget::unlimited()).unwrap();
            let mut seen = Vec::new();
            exec.ordered(
                100,
                3,
                |i| Ok(i * i),
                |i, square| {
                    seen.push((i, square));
                    Ok(())
                },
            )
            .unwrap();
            assert_eq!(seen, (0..100).map(|i| (i, i * i)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn errors_panics_and_stops_end_the_run() {
        let exec = Exec::new(2, Budget::unlimited()).unwrap();
        let failing = |i| if i == 7 { Err(Error::invalid("seven")) } else { Ok(i) };
        assert_eq!(exec.ordered(50, 4, failing, |_, _| Ok(())).unwrap_err().message(), "seven");
        let panicking = |i| if i == 3 { panic!("three") } else { Ok(i) };
        assert_eq!(exec.ordered(50, 4, panicking, |_, _| Ok(())).unwrap_err().message(), "block 3: three");
        assert!(exec.ordered(50, 4, Ok, |i, _| if i == 5 { Err(Error::invalid("full")) } else { Ok(()) }).is_err());
        let stopped = exec.with_stop(Arc::new(AtomicBool::new(true)));
        assert_eq!(stopped.ordered(5, 2, Ok, |_, _| Ok(())).unwrap_err().kind(), ErrorKind::Interrupted);
    }
}
