//! One file per command; this one lists them.

mod common;
mod concat;
mod info;

use annstream_core::Result;
use clap::Subcommand;

/// What the user asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Merge AnnData files on disk, with the result that anndata.concat would give in memory.
    Concat(Box<concat::Arguments>),
    /// Show what a file holds, from its metadata only.
    Info(info::Arguments),
}

/// Runs a command.
pub(crate) fn run(command: Command) -> Result<()> {
    match command {
        Command::Concat(arguments) => concat::run(&arguments),
        Command::Info(arguments) => info::run(&arguments),
    }
}
