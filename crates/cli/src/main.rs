//! The `annstream` command: merge and inspect single-cell data larger than memory.

mod allocator;
mod commands;
mod exit;
mod printer;
mod progress;
mod signals;
mod system;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;

/// Merge and process single-cell data (AnnData .h5ad) larger than memory.
///
/// Every command reads its inputs without changing them, keeps to a memory budget, and publishes its output in one
/// step: after an error or an interruption the target is as it was.
#[derive(Debug, Parser)]
#[command(name = "annstream", version = version(), max_term_width = 100, after_help = exit::HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn version() -> &'static str {
    concat!(env!("CARGO_PKG_VERSION"), " (HDF5 static; codecs: gzip, shuffle, lzf, zstd, blosc)")
}

fn main() -> ExitCode {
    allocator::keep_blocks();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    system::prepare();
    exit::code(commands::run(arguments.command))
}
