//! What a run took of the machine.

use serde::Serialize;

/// Time, memory and bytes of this process.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Metrics {
    /// Seconds since the command began.
    wall_seconds: f64,
    /// Processor time, user and system.
    cpu_seconds: f64,
    /// Most memory held, in bytes.
    peak_rss: Option<u64>,
    /// Bytes asked of the system, from the disk or its cache.
    bytes_read: Option<u64>,
    /// Bytes given to the system.
    bytes_written: Option<u64>,
}

impl Metrics {
    /// As of now.
    pub(crate) fn new(wall_seconds: f64) -> Self {
        let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let field = |file: &str, name: &str| {
            let text = std::fs::read_to_string(file).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        Self {
            wall_seconds,
            cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
            peak_rss: field("/proc/self/status", "VmHWM:").map(|kibibytes| kibibytes << 10),
            bytes_read: field("/proc/self/io", "rchar:"),
            bytes_written: field("/proc/self/io", "wchar:"),
        }
    }
}
