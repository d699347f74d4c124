//! Commands that read one file and write another like it: how they begin, and how they end.

use std::path::Path;
use std::time::Instant;

use annstream_core::anndata::usual_compression;
use annstream_core::concat::Input;
use annstream_core::edit::{Additions, EditSpec, write_edited};
use annstream_core::subset::{MatrixReport, Selection};
use annstream_core::{Exec, Result};

use super::output::{check_output, folder_of};
use super::writing::{Unchanged, Writing};
use crate::printer::Printer;

/// What such a command has when its work begins.
pub(crate) struct Begun {
    pub(crate) started: Instant,
    pub(crate) printer: Printer,
    pub(crate) exec: Exec,
    pub(crate) input: Input,
    pub(crate) unchanged: Unchanged,
}

/// Looks at the output, opens the input, and passes on its warnings.
pub(crate) fn begin(path: &Path, output: &Path, writing: &Writing) -> Result<Begun> {
    let started = Instant::now();
    let printer = writing.common.printer();
    check_output(output, [path], writing.force || writing.plan)?;
    let exec = writing.common.exec(folder_of(output)?)?;
    let input = writing.open(path)?;
    for warning in input.file.warnings() {
        printer.warn(&warning);
    }
    let unchanged = Unchanged::new(path)?;
    Ok(Begun { started, printer, exec, input, unchanged })
}

/// Writes all of the input with additions, and gives the file its name.
pub(crate) fn write_with(
    additions: Additions,
    input: &Input,
    output: &Path,
    writing: &Writing,
    exec: &Exec,
) -> Result<Vec<MatrixReport>> {
    let compression = writing.compression.unwrap_or_else(|| usual_compression([&input.file]));
    let (obs, var) = (Selection::all(input.file.n_obs()), Selection::all(input.file.n_vars()));
    let writer = writing.create(output, exec)?;
    let matrices = write_edited(input, &EditSpec::new(obs, var, compression), additions, writer.as_ref(), exec)?;
    writer.commit()?;
    Ok(matrices)
}
