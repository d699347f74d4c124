//! Flags that every long command has, and what they resolve to.

use std::path::{Path, PathBuf};

use annstream_core::{Budget, Error, Exec, Result};
use clap::Args;

use crate::printer::{Level, Printer, bytes};
use crate::progress::{Mode, watcher};
use crate::signals::stop_flag;
use annstream_core::limits::{default_budget, default_threads, parse_size};

/// Resources and talkativeness.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Most memory to use, such as 2G [default: 80 % of the cgroup, SLURM or physical limit]
    #[arg(long, value_name = "SIZE", help_heading = "Resources")]
    memory: Option<String>,
    /// Worker threads [default: what SLURM or the system gives]
    #[arg(long, short = 't', value_name = "N", help_heading = "Resources")]
    threads: Option<usize>,
    /// Folder for scratch files [default: $TMPDIR, else the folder of the output]
    #[arg(long, value_name = "DIR", help_heading = "Resources")]
    tmpdir: Option<PathBuf>,
    /// How progress is shown
    #[arg(long, value_enum, default_value_t, value_name = "HOW", help_heading = "Messages")]
    progress: Mode,
    /// Say nothing but errors
    #[arg(long, short, conflicts_with = "verbose", help_heading = "Messages")]
    quiet: bool,
    /// Say more
    #[arg(long, short, help_heading = "Messages")]
    verbose: bool,
}

impl Common {
    /// Who talks.
    pub(crate) fn printer(&self) -> Printer {
        let level = match (self.quiet, self.verbose) {
            (true, _) => Level::Quiet,
            (_, true) => Level::Verbose,
            _ => Level::Normal,
        };
        Printer { level }
    }

    /// What the job runs on. `beside` is the folder of the output.
    pub(crate) fn exec(&self, beside: &std::path::Path) -> Result<Exec> {
        let printer = self.printer();
        let (memory, origin) = match &self.memory {
            Some(text) => (parse_size(text)?, "--memory"),
            None => default_budget(),
        };
        let threads = self.threads.unwrap_or_else(default_threads);
        if threads == 0 || threads > 1024 {
            return Err(Error::argument(format!("{threads} threads; expected 1 to 1024")));
        }
        let scratch = match (&self.tmpdir, std::env::var_os("TMPDIR").filter(|folder| !folder.is_empty())) {
            (Some(folder), _) => folder.clone(),
            (None, Some(folder)) => PathBuf::from(folder),
            (None, None) => beside.to_path_buf(),
        };
        if !scratch.is_dir() {
            return Err(Error::not_found("the folder for scratch files does not exist").in_file(scratch));
        }
        printer.detail(&format!(
            "memory: {} ({origin}); threads: {threads}; scratch: {}",
            bytes(memory),
            scratch.display()
        ));
        let exec = Exec::new(threads, Budget::new(memory))?;
        let exec = exec.with_trim(crate::allocator::trim);
        Ok(exec.with_scratch(scratch).with_stop(stop_flag()?).with_progress(watcher(self.progress, printer)))
    }
}

/// Bytes of a file, or of all files below a folder.
pub(crate) fn disk_bytes(path: &Path) -> u64 {
    let Ok(metadata) = std::fs::metadata(path) else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let mut total = 0;
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(std::result::Result::ok) {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => total += metadata.len(),
                Err(_) => {}
            }
        }
    }
    total
}
