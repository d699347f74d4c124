//! From an error of the engine to an exception of Python.

use annstream_core::{Error, ErrorKind};
use pyo3::create_exception;
use pyo3::exceptions::{
    PyFileExistsError, PyFileNotFoundError, PyKeyError, PyKeyboardInterrupt, PyMemoryError, PyOSError, PyRuntimeError,
    PyValueError,
};
use pyo3::prelude::*;

create_exception!(annstream, FormatError, PyValueError, "A file is damaged, or uses something that cannot be read.");
create_exception!(annstream, IncompatibleError, PyValueError, "Inputs are each fine, but cannot be combined so.");
create_exception!(annstream, BudgetError, PyMemoryError, "Something does not fit ``annstream.settings.memory``.");
create_exception!(annstream, LockedError, PyOSError, "Another process holds the file.");
create_exception!(annstream, InternalError, PyRuntimeError, "A broken promise inside annstream: please report it.");

/// The exception for an error: its message, its place, and what can be done next.
pub(crate) fn exception(error: &Error) -> PyErr {
    let mut text = error.to_string();
    if let Some(hint) = error.next_step() {
        text = format!("{text}; {}", in_python(hint));
    }
    match error.kind() {
        ErrorKind::Argument => PyValueError::new_err(text),
        ErrorKind::NotFound if error.element().is_some() => PyKeyError::new_err(text),
        ErrorKind::NotFound => PyFileNotFoundError::new_err(text),
        ErrorKind::Invalid | ErrorKind::Unsupported | ErrorKind::External => FormatError::new_err(text),
        ErrorKind::Incompatible => IncompatibleError::new_err(text),
        ErrorKind::Exists => PyFileExistsError::new_err(text),
        ErrorKind::Io => PyOSError::new_err(text),
        ErrorKind::Locked => LockedError::new_err(text),
        ErrorKind::Memory => BudgetError::new_err(text),
        ErrorKind::Interrupted => PyKeyboardInterrupt::new_err(text),
        _ => InternalError::new_err(text),
    }
}

/// A hint in the words of Python: options of the command line are settings here.
fn in_python(hint: &str) -> String {
    let hint = match hint.strip_prefix("give --memory ") {
        Some(rest) => format!("set annstream.settings.memory to {rest}"),
        None => hint.to_owned(),
    };
    hint.replace("--tmpdir", "annstream.settings.tmpdir")
        .replace("--allow-external", "allow_external=True")
        .replace("--force", "overwrite=True")
        .replace("--memory", "annstream.settings.memory")
}

/// A result as Python takes it.
pub(crate) trait IntoPython<T> {
    /// Errors become exceptions.
    fn into_python(self) -> PyResult<T>;
}

impl<T> IntoPython<T> for annstream_core::Result<T> {
    fn into_python(self) -> PyResult<T> {
        self.map_err(|error| exception(&error))
    }
}

/// Adds the exceptions to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("FormatError", py.get_type::<FormatError>())?;
    module.add("IncompatibleError", py.get_type::<IncompatibleError>())?;
    module.add("BudgetError", py.get_type::<BudgetError>())?;
    module.add("LockedError", py.get_type::<LockedError>())?;
    module.add("InternalError", py.get_type::<InternalError>())
}
