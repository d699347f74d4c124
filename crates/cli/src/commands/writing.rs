//! Flags of commands that read one file and write others like it, and what they resolve to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use annstream_core::anndata::AnnDataFile;
use annstream_core::concat::Input;
use annstream_core::subset::MatrixReport;
use annstream_core::{Error, Exec, Result};
use annstream_store::{Compression, CreateOptions, OpenOptions, StoreWriter, ZarrOptions, create, open};
use clap::Args;
use serde_json::Value;

use super::common::{Common, disk_bytes};
use super::output::{ZarrFormatName, parse, stamp};
use crate::printer::{Printer, bytes, count};

/// How outputs are written, and whether they are.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Writing {
    /// Compression of the output: none, gzip[:0-9], shuffle+gzip[:0-9], lzf, zstd[:1-22] [default: as the input]
    #[arg(long, value_parser = parse::<Compression>, value_name = "CODEC")]
    pub(crate) compression: Option<Compression>,
    /// Format of a zarr output: 3 has shards and few files, 2 is for old readers
    #[arg(long, value_enum, default_value_t, value_name = "2|3")]
    zarr_format: ZarrFormatName,
    /// Replace outputs that exist
    #[arg(long)]
    pub(crate) force: bool,
    /// Follow external links, external storage and virtual datasets of the input
    #[arg(long)]
    allow_external: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) plan: bool,
    /// Print the plan or the report as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl Writing {
    /// How inputs are opened.
    pub(crate) fn open_options(&self) -> OpenOptions {
        OpenOptions { allow_external: self.allow_external }
    }

    /// Opens the input.
    pub(crate) fn open(&self, path: &Path) -> Result<Input> {
        let store = open(path, self.open_options())?;
        let file = AnnDataFile::open(Arc::from(store)).map_err(|error: Error| error.in_file(path))?;
        Ok(Input { name: path.display().to_string(), file })
    }

    /// Starts an output.
    pub(crate) fn create(&self, path: &Path, exec: &Exec) -> Result<Box<dyn StoreWriter>> {
        let zarr = ZarrOptions { format: self.zarr_format.into(), ..ZarrOptions::default() };
        create(path, CreateOptions { overwrite: self.force, pool: Some(exec.pool().clone()), queue: 0, zarr })
    }

    /// Says that an output is there, with its shape; as JSON with `more`.
    pub(crate) fn done(&self, output: &Path, started: Instant, shape: [usize; 2], more: &Value, printer: Printer) {
        let seconds = started.elapsed().as_secs_f64();
        let size = disk_bytes(output);
        if self.json {
            let mut value = serde_json::json!({ "output": output.display().to_string(), "shape": shape, "bytes": size,
                "seconds": seconds });
            if let (Some(value), Some(more)) = (value.as_object_mut(), more.as_object()) {
                value.extend(more.clone());
            }
            printer.out(&serde_json::to_string_pretty(&value).unwrap_or_default());
        }
        let [cells, genes] = shape.map(|extent| count(extent as u64));
        let path = output.display();
        printer.note(&format!("{path}: {cells} x {genes}, {} in {seconds:.1} s", bytes(size)));
    }
}

/// What the input was like before the work.
pub(crate) struct Unchanged(PathBuf, (u64, Option<std::time::SystemTime>));

impl Unchanged {
    /// Looks at the input.
    pub(crate) fn new(path: &Path) -> Result<Self> {
        Ok(Self(path.to_owned(), stamp(path)?))
    }

    /// Warns if the input is another now.
    pub(crate) fn check(&self, printer: Printer) -> Result<()> {
        if stamp(&self.0)? != self.1 {
            let path = self.0.display();
            printer.warn(&format!("{path}: changed while it was read; the result may mix two versions"));
        }
        Ok(())
    }
}

/// Says what was written.
pub(crate) fn detail(matrices: &[MatrixReport], printer: Printer) {
    for matrix in matrices {
        printer.detail(&format!("{}: {} values; checked", matrix.path, count(matrix.values)));
    }
}
