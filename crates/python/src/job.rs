//! Running a job of the engine for Python: without the GIL, stopped by Ctrl-C, watched, and never panicking.
//!
//! The job has a thread of its own. The calling thread waits without the GIL and looks up every few hundredths of a
//! second: it asks Python for signals, and passes progress on. When there is a signal, the flag is set that the executor
//! looks at between blocks; the job ends, leaves nothing behind, and the exception is raised.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use annstream_core::progress::Progress;
use annstream_core::{Error, ErrorKind, Exec, Result};
use pyo3::prelude::*;

use crate::errors::{IntoPython, exception};
use crate::{allocator, settings};

/// How often the calling thread looks up.
const TICK: Duration = Duration::from_millis(40);
/// A job that takes so many of these takes long: memory that was free when it began is worth giving back.
const LONG: u32 = 4;

/// Runs `work` with the driver of the settings. Python runs on meanwhile, in other threads.
///
/// # Errors
/// What `work` returns as an exception, `KeyboardInterrupt` or whatever a signal handler raises, `InternalError` for a panic.
pub(crate) fn run<T: Send>(py: Python<'_>, work: impl FnOnce(&Exec) -> Result<T> + Send) -> PyResult<T> {
    let stop = Arc::new(AtomicBool::new(false));
    let relay = Arc::new(Relay::default());
    let exec = settings::exec().into_python()?.with_stop(stop.clone()).with_progress(relay.clone());
    let watcher = settings::progress(py);
    let mut shown = Shown { watcher, seen: None };
    let (result, raised) = py.detach(|| wait(work, &exec, &stop, &relay, &mut shown));
    shown.close(py);
    if let Some(raised) = raised {
        return Err(raised);
    }
    result.map_err(|error| exception(&error))
}

fn wait<T: Send>(
    work: impl FnOnce(&Exec) -> Result<T> + Send,
    exec: &Exec,
    stop: &AtomicBool,
    relay: &Relay,
    shown: &mut Shown,
) -> (Result<T>, Option<PyErr>) {
    thread::scope(|scope| {
        let (sender, receiver) = channel::<()>();
        let started = thread::Builder::new().name("annstream".to_owned()).spawn_scoped(scope, move || {
            let result = work(exec);
            exec.release();
            // The thread that waits sees the channel close.
            sender.send(()).ok();
            result
        });
        let job = match started {
            Ok(job) => job,
            Err(error) => return (Err(Error::new(ErrorKind::Io, format!("cannot start a thread: {error}"))), None),
        };
        let (mut raised, mut ticks) = (None, 0_u32);
        while receiver.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            ticks = ticks.saturating_add(1);
            if ticks == LONG {
                allocator::trim();
            }
            if raised.is_none() {
                let looked = Python::attach(|py| py.check_signals().and_then(|()| shown.update(py, relay)));
                if let Err(error) = looked {
                    stop.store(true, Ordering::Relaxed);
                    raised = Some(error);
                }
            }
        }
        let result = job.join().unwrap_or_else(|panic| Err(Error::internal(message(panic.as_ref()))));
        (result, raised)
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panic").to_owned()
}

/// Progress as the calling thread sees it.
#[derive(Default)]
struct Relay(Mutex<Stage>);

#[derive(Clone, Default, PartialEq)]
struct Stage {
    name: String,
    unit: String,
    done: u64,
    total: u64,
}

impl Relay {
    fn with<T>(&self, action: impl FnOnce(&mut Stage) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Progress for Relay {
    fn begin(&self, stage: &str, total: u64, unit: &str) {
        self.with(|now| *now = Stage { name: stage.to_owned(), unit: unit.to_owned(), done: 0, total });
    }

    fn advance(&self, amount: u64) {
        self.with(|now| now.done += amount);
    }

    fn end(&self) {
        self.with(|now| now.done = now.total);
    }
}

/// Who is told, and what was told last.
struct Shown {
    watcher: Option<Py<PyAny>>,
    seen: Option<Stage>,
}

impl Shown {
    fn update(&mut self, py: Python<'_>, relay: &Relay) -> PyResult<()> {
        let Some(watcher) = &self.watcher else { return Ok(()) };
        let now = relay.with(|now| now.clone());
        if now.name.is_empty() || self.seen.as_ref() == Some(&now) {
            return Ok(());
        }
        watcher.call1(py, (now.name.as_str(), now.unit.as_str(), now.done, now.total))?;
        self.seen = Some(now);
        Ok(())
    }

    fn close(&mut self, py: Python<'_>) {
        if let (Some(watcher), Some(_)) = (&self.watcher, &self.seen) {
            // The job is over; a bar that cannot be closed is no reason to lose its result.
            drop(watcher.call1(py, (py.None(), py.None(), 0, 0)));
        }
    }
}
