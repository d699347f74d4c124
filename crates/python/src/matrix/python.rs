//! What Python sees of a [`Matrix`].

use std::path::PathBuf;
use std::sync::Arc;

use annstream_core::Error;
use annstream_core::element::{DenseArray, SparseLayout, SparseMatrix};
use annstream_core::lazy::RowOp;
use annstream_core::matrix::MatrixSource;
use annstream_core::source::{MemoryDense, MemorySparse};
use annstream_store::{DType, is_url};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::ops::{Place, Step, along, build, fuse};
use super::root::Origin;
use super::{Format, Matrix, Root, read, reduce, twice};
use crate::arrays::{from_numpy, positions};
use crate::errors::IntoPython;
use crate::job;

#[pymethods]
impl Matrix {
    /// Opens a matrix of a file: `X`, `layers/NAME`, `raw/X`. Reads metadata only. A scratch file is removed when no matrix
    /// reads from it any more.
    #[staticmethod]
    #[pyo3(signature = (path, element="X", allow_external=false, scratch=false))]
    fn open(py: Python<'_>, path: PathBuf, element: &str, allow_external: bool, scratch: bool) -> PyResult<Self> {
        let root = job::run(py, |_| Root::file(&path, element, allow_external))?;
        Ok(Self::whole(if scratch { root.scratch(path) } else { root }))
    }

    /// Takes a scipy CSR or CSC matrix or a numpy array of two dimensions; copies it.
    #[staticmethod]
    fn from_memory(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let shape: [usize; 2] = object.getattr("shape")?.extract()?;
        let memory = |source: Arc<dyn MatrixSource>, format, nnz| {
            Self::whole(Root::memory(source, object.clone().unbind(), shape, format, nnz))
        };
        let Ok(format) = object.getattr("format") else {
            let values = from_numpy(object)?;
            let nnz = values.len() as u64;
            let source = MemoryDense::new(DenseArray { shape: shape.to_vec(), values });
            return Ok(memory(Arc::new(source), Format::Dense, nnz));
        };
        let (layout, format) = match format.extract::<&str>()? {
            "csr" => (SparseLayout::Csr, Format::Csr),
            "csc" => (SparseLayout::Csc, Format::Csc),
            other => return Err(PyTypeError::new_err(format!("a {other} matrix, expected csr or csc"))),
        };
        let whole = |name: &str| -> PyResult<Vec<u64>> {
            let array = object.getattr(name)?.call_method1("astype", ("uint64",))?;
            Ok(array.extract::<PyReadonlyArray1<'_, u64>>()?.as_array().to_vec())
        };
        let (indptr, indices, data) = (whole("indptr")?, whole("indices")?, from_numpy(&object.getattr("data")?)?);
        let nnz = data.len() as u64;
        let source = MemorySparse::new(SparseMatrix { layout, shape, indptr, indices, data }).into_python()?;
        Ok(memory(Arc::new(source), format, nnz))
    }

    /// Puts matrices one below the other. `columns` has for each of them the new column of its own ones, or `None`; -1 for
    /// those that leave. What a matrix has not is `fill`: 0 in sparse, NaN in dense results by default.
    #[staticmethod]
    #[pyo3(signature = (parts, columns, width, dtype, dense, fill=None))]
    fn stack(
        parts: Vec<PyRef<'_, Self>>,
        columns: Vec<Option<Vec<i64>>>,
        width: usize,
        dtype: &str,
        dense: bool,
        fill: Option<f64>,
    ) -> PyResult<Self> {
        if parts.len() != columns.len() {
            return Err(Error::argument("as many maps of columns as matrices are needed")).into_python();
        }
        let dtype = dtype_of(dtype)?;
        let parts = parts.iter().map(|part| (**part).clone()).zip(columns).collect();
        Ok(Self::whole(Root::stacked(parts, width, dtype, dense, fill)))
    }

    /// Rows and columns.
    #[getter(shape)]
    fn py_shape(&self) -> (usize, usize) {
        self.shape().into()
    }

    /// Name of the type of the values.
    #[getter(dtype)]
    fn py_dtype(&self) -> &'static str {
        self.dtype().name()
    }

    /// `csr`, `csc` or `dense`.
    #[getter(format)]
    fn py_format(&self) -> &'static str {
        self.format().name()
    }

    /// Number of stored values, where known without reading.
    #[getter(nnz)]
    fn py_nnz(&self) -> Option<u64> {
        self.nnz()
    }

    /// The share of values that are stored, in the root.
    #[getter]
    fn density(&self) -> Option<f64> {
        let [rows, columns] = self.root.shape;
        self.root.nnz.map(|nnz| nnz as f64 / (rows as f64 * columns as f64).max(1.0))
    }

    /// The files that are read from.
    #[getter]
    fn paths(&self) -> Vec<PathBuf> {
        match &self.root.origin {
            Origin::File { path, .. } => vec![path.clone()],
            Origin::Memory { .. } => vec![],
            Origin::Stacked { parts, .. } => {
                let mut all: Vec<PathBuf> = Vec::new();
                for path in parts.iter().flat_map(|(part, _)| part.paths()) {
                    if !all.contains(&path) {
                        all.push(path);
                    }
                }
                all
            }
            Origin::Viewed(matrix) => matrix.paths(),
        }
    }

    /// The element of the file that is read, if it is one of a file.
    #[getter]
    fn element(&self) -> Option<String> {
        match &self.root.origin {
            Origin::File { element, .. } => Some(element.clone()),
            Origin::Viewed(matrix) => matrix.element(),
            _ => None,
        }
    }

    /// Compression of what is read from.
    #[getter(compression)]
    fn py_compression(&self) -> String {
        self.compression().to_string()
    }

    /// Names of the operators, in order.
    #[getter]
    fn ops(&self) -> Vec<String> {
        let mut names = match &self.root.origin {
            Origin::Viewed(matrix) => matrix.ops(),
            _ => vec![],
        };
        names.extend(self.steps.iter().map(|step| step.name.clone()));
        names
    }

    /// Some rows and columns, by position, in any order, also more than once.
    #[pyo3(name = "select", signature = (rows=None, columns=None))]
    fn py_select(
        &self,
        rows: Option<PyReadonlyArray1<'_, i64>>,
        columns: Option<PyReadonlyArray1<'_, i64>>,
    ) -> PyResult<Self> {
        let [height, width] = self.shape();
        let rows = positions(rows, height).into_python()?;
        let columns = positions(columns, width).into_python()?;
        Ok(self.select(rows.as_deref(), columns.as_deref()))
    }

    /// The matrix with one more operator; arrays among its parameters speak of positions in this matrix.
    #[pyo3(signature = (name, **params))]
    fn with_op(&self, py: Python<'_>, name: &str, params: Option<Bound<'_, PyDict>>) -> PyResult<Self> {
        let params = params.unwrap_or_else(|| PyDict::new(py));
        let (by_row, by_column) = along(name);
        let repeats = (by_row && twice(self.rows.as_deref())) || (by_column && twice(self.columns.as_deref()));
        let base = if repeats { self.rebased() } else { self.clone() };
        base.added(name, &params, base.place())
    }

    /// The same values, whose operators see all rows and columns of *this* matrix, whatever is selected later.
    #[pyo3(name = "rebased")]
    fn py_rebased(&self) -> Self {
        self.rebased()
    }

    /// The same rows and columns without the operators.
    fn without_ops(&self) -> Self {
        Self { steps: Vec::new(), ..self.clone() }
    }

    /// Reads into memory. Returns `(format, shape, arrays, rows, columns)`: the parts of a scipy matrix (data, indices,
    /// indptr), or the flat values of a dense array, of the *distinct* rows and columns in the order of the root; and, where
    /// this matrix has another order or repeats, for each of its rows and columns the place among them.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        read::read(self, py)
    }

    /// Stored values of each row; reads pointers only, if it can.
    fn lengths<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<u64>>> {
        read::lengths(self, py)
    }

    /// Puts the rows of a CSC matrix in order in scratch space now, so that looks at few rows are quick.
    fn prepare_rows(&self, py: Python<'_>) -> PyResult<()> {
        job::run(py, |exec| self.root.rows(exec).map(drop))
    }

    /// Moments and extremes along an axis, in one pass: of each column for `axis=0`, of each row for `axis=1`. A dictionary
    /// of arrays: `count` (a number), `stored`, `sum`, `mean`, `squares` (of differences from the mean), `min`, `max`.
    fn stats<'py>(&self, py: Python<'py>, axis: usize) -> PyResult<Bound<'py, PyDict>> {
        reduce::stats(self, py, axis)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let restore = py.get_type::<Self>().getattr("_restore")?;
        let ids = |ids: &Option<Arc<[u32]>>| ids.as_ref().map(|ids| PyArray1::from_slice(py, ids));
        let steps = PyList::empty(py);
        for step in &self.steps {
            let Place { rows, columns, .. } = &step.place;
            steps.append((step.name.as_str(), step.params.bind(py), ids(rows), ids(columns)))?;
        }
        let origin = match &self.root.origin {
            Origin::File { path, element, .. } => {
                // Whoever restores it may work in another folder.
                let path = if is_url(path) { Ok(path.clone()) } else { std::path::absolute(path) };
                ("file", path?, element.as_str()).into_pyobject(py)?.into_any()
            }
            Origin::Memory { object, .. } => ("memory", object.bind(py)).into_pyobject(py)?.into_any(),
            Origin::Stacked { parts, fill } => {
                let matrices = PyList::empty(py);
                let maps: Vec<Option<Vec<i64>>> = parts.iter().map(|(_, map)| map.clone()).collect();
                for (part, _) in parts {
                    matrices.append(Bound::new(py, part.clone())?)?;
                }
                let dense = self.root.format == Format::Dense;
                let width = self.root.shape[1];
                ("stacked", matrices, maps, width, self.root.dtype.name(), dense, *fill).into_pyobject(py)?.into_any()
            }
            Origin::Viewed(matrix) => ("viewed", Bound::new(py, matrix.clone())?).into_pyobject(py)?.into_any(),
        };
        let state = (origin, self.root.shape, ids(&self.rows), ids(&self.columns), steps);
        Ok((restore, state.into_pyobject(py)?))
    }

    #[staticmethod]
    fn _restore(
        py: Python<'_>,
        origin: &Bound<'_, PyTuple>,
        shape: [usize; 2],
        rows: Option<PyReadonlyArray1<'_, u32>>,
        columns: Option<PyReadonlyArray1<'_, u32>>,
        steps: Vec<SavedStep<'_>>,
    ) -> PyResult<Self> {
        let field = |i: usize| origin.get_item(i);
        let mut matrix = match field(0)?.extract::<String>()?.as_str() {
            "file" => Self::open(py, field(1)?.extract()?, &field(2)?.extract::<String>()?, false, false)?,
            "memory" => Self::from_memory(&field(1)?)?,
            "stacked" => Self::stack(
                field(1)?.extract()?,
                field(2)?.extract()?,
                field(3)?.extract()?,
                &field(4)?.extract::<String>()?,
                field(5)?.extract()?,
                field(6)?.extract()?,
            )?,
            _ => field(1)?.cast::<Self>()?.get().rebased(),
        };
        if matrix.root.shape != shape {
            let message = format!("has {:?} rows and columns, {shape:?} when it was pickled", matrix.root.shape);
            return Err(Error::invalid(message).in_file(matrix.name())).into_python();
        }
        let ids = |ids: Option<PyReadonlyArray1<'_, u32>>| ids.map(|ids| Arc::from(ids.as_array().to_vec()));
        for (name, params, rows, columns) in steps {
            let place = Place { rows: ids(rows), columns: ids(columns), root: shape };
            matrix = matrix.added(&name, &params, place)?;
        }
        Ok(Self { rows: ids(rows), columns: ids(columns), ..matrix })
    }

    fn __repr__(&self) -> String {
        let [rows, columns] = self.shape();
        format!("<{} Matrix of {rows} x {columns}, {}>", self.format().name(), self.dtype())
    }
}

type SavedStep<'py> =
    (String, Bound<'py, PyDict>, Option<PyReadonlyArray1<'py, u32>>, Option<PyReadonlyArray1<'py, u32>>);

impl Matrix {
    fn added(&self, name: &str, params: &Bound<'_, PyDict>, place: Place) -> PyResult<Self> {
        let op: Arc<dyn RowOp> = build(name, params, &place)?;
        let mut steps = self.steps.clone();
        let fused = steps.last().map_or(Ok(None), |last| fuse(last, name, params))?;
        steps.push(Step { name: name.to_owned(), params: Arc::new(params.clone().unbind()), place, op, fused });
        Ok(Self { steps, ..self.clone() })
    }
}

/// A type by numpy's name.
fn dtype_of(name: &str) -> PyResult<DType> {
    let found = DType::ALL.into_iter().find(|&dtype| dtype != DType::Str && dtype.name() == name);
    found.ok_or_else(|| PyTypeError::new_err(format!("a matrix of {name}, expected numbers")))
}
