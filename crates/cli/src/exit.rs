//! From an error to what the user sees and the exit code a script gets.

use std::process::ExitCode;

use annstream_core::{Error, ErrorKind};

use crate::printer;

/// Shown at the end of `--help`.
pub(crate) const HELP: &str = "\
Exit codes: 0 done, 1 unexpected error, 2 wrong usage, 3 input invalid or corrupt, 4 inputs cannot be combined, \
5 output exists or is an input, 6 input/output error (not found, permission, disk full, network), 7 memory budget too small, \
8 file locked, 130 interrupted, 143 terminated";

/// What clap found wrong, or the help it was asked for.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Nothing is left to tell a user whose terminal is gone.
    drop(error.print());
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// Prints the error, if there is one, and names the exit code.
pub(crate) fn code(result: Result<(), Error>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    printer::error(&error);
    ExitCode::from(match error.kind() {
        ErrorKind::Argument => 2,
        ErrorKind::Invalid | ErrorKind::Unsupported | ErrorKind::External => 3,
        ErrorKind::Incompatible => 4,
        ErrorKind::Exists => 5,
        // A file that lacks a part of itself is a bad file, not a missing one.
        ErrorKind::NotFound if error.element().is_some() => 3,
        ErrorKind::NotFound | ErrorKind::Io => 6,
        ErrorKind::Memory => 7,
        ErrorKind::Locked => 8,
        ErrorKind::Interrupted => crate::signals::exit_code(),
        _ => 1,
    })
}
