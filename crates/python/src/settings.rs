//! What every job runs on: memory, threads, scratch space. Python's `annstream.settings` sets it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use annstream_core::limits::{default_budget, default_threads, parse_size};
use annstream_core::{Budget, Exec, Result};
use pyo3::prelude::*;

use crate::errors::IntoPython;

/// What was asked for; `None` for the default.
#[derive(Clone, Debug, Default, PartialEq)]
struct Asked {
    memory: Option<u64>,
    threads: Option<usize>,
    scratch: Option<PathBuf>,
}

/// The settings, and the driver made for them. Threads do not survive a fork, so a driver belongs to a process.
#[derive(Default)]
struct State {
    asked: Asked,
    made: Option<(u32, Asked, Exec)>,
    progress: Option<Py<PyAny>>,
}

static STATE: Mutex<State> =
    Mutex::new(State { asked: Asked { memory: None, threads: None, scratch: None }, made: None, progress: None });

/// The driver for the settings as they are. One account of memory serves all jobs of the process.
pub(crate) fn exec() -> Result<Exec> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some((owner, asked, exec)) = &state.made
        && *owner == process
        && *asked == state.asked
    {
        return Ok(exec.clone());
    }
    let asked = state.asked.clone();
    let budget = Budget::new(asked.memory.unwrap_or_else(|| default_budget().0));
    let scratch = asked.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let exec = Exec::new(asked.threads.unwrap_or_else(default_threads), budget)?.with_scratch(scratch);
    // A driver of the parent process is left alone: its threads are not here to be ended.
    if let Some((owner, _, old)) = state.made.replace((process, asked, exec.clone()))
        && owner != process
    {
        std::mem::forget(old);
    }
    Ok(exec)
}

/// Who is told of progress.
pub(crate) fn progress(py: Python<'_>) -> Option<Py<PyAny>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner).progress.as_ref().map(|watcher| watcher.clone_ref(py))
}

/// Sets memory (bytes), threads and the folder for scratch files; `None` is the default of each.
#[pyfunction]
#[pyo3(signature = (memory=None, threads=None, tmpdir=None))]
fn configure(memory: Option<u64>, threads: Option<usize>, tmpdir: Option<PathBuf>) {
    STATE.lock().unwrap_or_else(PoisonError::into_inner).asked = Asked { memory, threads, scratch: tmpdir };
}

/// Sets who is called with `(stage, unit, done, total)` while a job runs, and with `(None, None, 0, 0)` at its end.
#[pyfunction]
#[pyo3(signature = (watcher=None))]
fn watch(watcher: Option<Py<PyAny>>) {
    STATE.lock().unwrap_or_else(PoisonError::into_inner).progress = watcher;
}

/// Memory in bytes and threads that jobs get if nothing is set: limits of SLURM, cgroup and machine.
#[pyfunction]
fn defaults() -> (u64, usize) {
    (default_budget().0, default_threads())
}

/// A size such as `"2G"` in bytes.
#[pyfunction]
fn size_in_bytes(text: &str) -> PyResult<u64> {
    parse_size(text).into_python()
}

/// Adds the functions to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(configure, module)?)?;
    module.add_function(wrap_pyfunction!(watch, module)?)?;
    module.add_function(wrap_pyfunction!(defaults, module)?)?;
    module.add_function(wrap_pyfunction!(size_in_bytes, module)?)
}
