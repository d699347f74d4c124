//! Limits of the operating system that a job with many inputs or a large output meets.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::SIGXFSZ;

/// Makes the process ready for many files and for limits on their size. What fails here fails later, with a message.
pub(crate) fn prepare() {
    // Every input costs two handles; the usual soft limit of 1024 is for programs that use select(2).
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    // Beyond `ulimit -f` this signal would end the process before it cleans up; with a handler, writing fails instead.
    drop(signal_hook::flag::register(SIGXFSZ, Arc::default()));
}
