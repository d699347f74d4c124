//! Where requests run: one for the process, however many stores are open.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::{Error, ErrorKind, Result};

/// Threads that move bytes between sockets and those who wait for them.
const THREADS: usize = 2;

fn runtime() -> Result<&'static Runtime> {
    // Connections belong to the process, and so does what drives them.
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let start = || {
        // An error says that another library of this process chose already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        Builder::new_multi_thread().worker_threads(THREADS).thread_name("network").enable_all().build()
    };
    let started = RUNTIME.get_or_init(start);
    started
        .as_ref()
        .map_err(|error| Error::new(ErrorKind::Io, format!("threads for the network do not start: {error}")))
}

/// Starts the runtime, which clients need before they are made.
pub(super) fn start() -> Result<()> {
    runtime().map(|_| ())
}

/// Waits for a result.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> Result<T> {
    Ok(runtime()?.block_on(work))
}

/// Waits for a result, but not longer than this; `None` if that was not enough.
pub(super) fn wait_at_most<T>(limit: Duration, work: impl Future<Output = T>) -> Result<Option<T>> {
    wait(async { tokio::time::timeout(limit, work).await.ok() })
}
