//! `annstream._annstream`: the engine as a module of Python.
//!
//! The Python package in `python/annstream` is what users see; here is only what it cannot do itself. Three nouns:
//!
//! - `matrix::Matrix` is an immutable lazy matrix: a root (an element of a file, an array in memory, several
//!   matrices stacked), rows and columns of it in any order, and operators by name. Selecting and `with_op` give new
//!   ones and read nothing. It is pickled as path, ids and operators, and keeps its file open while it lives.
//! - `job::run` is how everything that takes time is done: `job::run(py, |exec| …)` gives the closure the driver that
//!   the settings ask for and runs it without the GIL. Ctrl-C sets the stop flag of the driver, progress goes to
//!   `annstream.settings`, errors become exceptions by their kind (`errors`), and a panic becomes `InternalError`.
//! - `settings` holds memory, threads and scratch space, and one driver for the process.
//!
//! A step is a `#[pyfunction]` in `steps/NAME.rs` that takes a `&Matrix` and plain arguments:
//!
//! ```text
//! #[pyfunction]
//! fn totals<'py>(py: Python<'py>, matrix: &Matrix) -> PyResult<Bound<'py, PyArray1<f64>>> {
//!     let totals = job::run(py, |exec| matrix.lazy(exec)?.run(Totals, "totals", exec))?;
//!     Ok(PyArray1::from_vec(py, totals))
//! }
//! ```
//!
//! Results are arrays in the order of the matrix; whatever changes values is an operator that Python adds by name
//! (`matrix.with_op("divide_rows", divisors=…)`), so that it is pickled. A new operator is an arm in `matrix/ops.rs`.

#![expect(clippy::needless_pass_by_value, reason = "functions of Python own what they are given")]

mod allocator;
mod arrays;
mod concat;
mod errors;
mod job;
mod matrix;
mod settings;
mod steps;
mod write;

use pyo3::prelude::*;

/// The engine of annstream.
#[pymodule]
fn _annstream(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<matrix::Matrix>()?;
    module.add_class::<concat::Concat>()?;
    errors::register(module)?;
    settings::register(module)?;
    write::register(module)?;
    steps::register(module)
}
