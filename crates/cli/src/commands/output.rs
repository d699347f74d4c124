//! Options that every writing command has, and what is checked before anything is written.

use std::path::{Path, PathBuf};

use annstream_core::{Error, ErrorKind, Result};
use annstream_store::{ZarrFormat, check_writable, is_url, local_name};
use clap::ValueEnum;
use clap::builder::{PathBufValueParser, TypedValueParser};

/// Format of a zarr output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ZarrFormatName {
    #[value(name = "2")]
    Two,
    #[default]
    #[value(name = "3")]
    Three,
}

impl From<ZarrFormatName> for ZarrFormat {
    fn from(name: ZarrFormatName) -> Self {
        match name {
            ZarrFormatName::Two => Self::V2,
            ZarrFormatName::Three => Self::V3,
        }
    }
}

/// Reads the value of a flag; the message has the next step.
pub(crate) fn parse<T: std::str::FromStr<Err = Error>>(text: &str) -> std::result::Result<T, String> {
    text.parse().map_err(|error: Error| match error.next_step() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

/// Refuses an output that is a URL, is an input, stands inside of one or around one, or exists.
pub(crate) fn check_output<'a>(
    output: &Path,
    inputs: impl IntoIterator<Item = &'a Path>,
    may_exist: bool,
) -> Result<()> {
    let above = |path: &Path| -> Vec<(u64, u64)> {
        let real = std::path::absolute(path).map(|path| std::fs::canonicalize(&path).unwrap_or(path));
        real.map_or_else(|_| vec![], |path| path.ancestors().filter_map(identity).collect())
    };
    check_writable(output)?;
    let own = identity(output);
    let around = above(output);
    for input in inputs.into_iter().filter(|input| !is_url(input)) {
        let Some(id) = identity(input) else { continue };
        let what = if own == Some(id) {
            "is"
        } else if input.is_dir() && around.contains(&id) {
            "is inside of"
        } else if own.is_some_and(|own| above(input).contains(&own)) {
            "holds"
        } else {
            continue;
        };
        let message = format!("the output {what} the input {}", input.display());
        return Err(Error::new(ErrorKind::Exists, message).in_file(output).hint("choose another output"));
    }
    let Ok(target) = std::fs::metadata(output) else { return Ok(()) };
    // A zarr store is a folder; whether it may be replaced, the writer knows.
    let zarr = is_zarr(output);
    if may_exist && (zarr || !target.is_dir()) {
        return Ok(());
    }
    let what = if target.is_dir() && !zarr { "is a folder" } else { "exists already" };
    Err(Error::new(ErrorKind::Exists, what)
        .in_file(output)
        .hint("choose another output, or give --force to replace it"))
}

/// What tells a file or folder, whatever its name.
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The folder in which a new file or folder will stand.
///
/// # Errors
/// If it does not exist, or is on a server.
pub(crate) fn folder_of(output: &Path) -> Result<&Path> {
    check_writable(output)?;
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() {
        return Ok(folder);
    }
    Err(Error::not_found("the folder of the output does not exist").in_file(folder))
}

/// Whether the output will be a zarr store.
pub(crate) fn is_zarr(output: &Path) -> bool {
    output.extension().is_some_and(|extension| extension == "zarr")
}

/// Reads the path or URL of an input; a `file://` URL becomes the path that it means.
pub(crate) fn input_name() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|name| local_name(name).map_err(|error| error.message().to_owned()))
}

/// Size and time of change of an input, to notice that it changed meanwhile. Of a store on a server neither is known.
///
/// # Errors
/// If it is not there any more.
pub(crate) fn stamp(input: &Path) -> Result<(u64, Option<std::time::SystemTime>)> {
    if is_url(input) {
        return Ok((0, None));
    }
    let metadata = std::fs::metadata(input).map_err(|error| Error::io(error, input))?;
    Ok((metadata.len(), metadata.modified().ok()))
}
