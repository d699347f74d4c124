//! Steps of an analysis, as functions that Python calls: one file each, registered here.

use pyo3::prelude::*;

/// Adds the functions of all steps to the module.
pub(crate) fn register(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
