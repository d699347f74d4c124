//! Ctrl-C and SIGTERM: the first asks the job to stop, the second ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use annstream_core::{Error, ErrorKind, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

static TERMINATED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// A flag that the first signal sets.
pub(crate) fn stop_flag() -> Result<Arc<AtomicBool>> {
    let failed = |error: std::io::Error| Error::new(ErrorKind::Io, format!("cannot watch for signals: {error}"));
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 128 + signal, stop.clone()).map_err(failed)?;
        flag::register(signal, stop.clone()).map_err(failed)?;
    }
    let terminated = TERMINATED.get_or_init(Arc::default);
    flag::register(SIGTERM, terminated.clone()).map_err(failed)?;
    Ok(stop)
}

/// 130 after Ctrl-C, 143 after SIGTERM.
pub(crate) fn exit_code() -> u8 {
    if TERMINATED.get().is_some_and(|flag| flag.load(Ordering::Relaxed)) { 143 } else { 130 }
}
