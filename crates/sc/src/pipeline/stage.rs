//! What a stage took of the machine.

use std::time::Instant;

use serde::Serialize;

/// One stage of a pipeline.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
    /// Processor time of all threads meanwhile.
    pub cpu_seconds: f64,
    /// The most memory that the process had held when it was done, in bytes; `None` where the system does not say.
    pub peak_rss: Option<u64>,
}

/// Looks at the clocks.
pub(super) struct Watch {
    started: Instant,
    cpu: f64,
}

impl Watch {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), cpu: cpu_seconds() }
    }

    pub(super) fn stop(self, name: &str) -> Stage {
        Stage {
            name: name.to_owned(),
            seconds: self.started.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds() - self.cpu,
            peak_rss: peak_rss(),
        }
    }
}

/// Processor time of this process, all threads.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}
