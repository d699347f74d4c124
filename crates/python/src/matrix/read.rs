//! Reading a matrix into memory.

use std::ops::Range;
use std::sync::Arc;

use annstream_core::element::{SparseLayout, SparseMatrix};
use annstream_core::matrix::{BLOCK_BYTES, Block, MatrixSource, largest_range};
use annstream_core::source::MemorySparse;
use annstream_core::{Error, Exec, Result};
use annstream_store::Buffer;
use numpy::PyArray1;
use pyo3::prelude::*;

use super::{Format, Matrix, distinct, places, rises};
use crate::arrays::{ids_to_numpy, to_numpy};
use crate::job;

/// Rows (or columns) in memory.
enum Read {
    Sparse { indptr: Vec<u64>, indices: Vec<u32>, data: Buffer },
    Dense(Buffer),
}

impl Read {
    fn bytes(&self) -> usize {
        match self {
            Self::Sparse { indptr, indices, data } => indptr.len() * 8 + indices.len() * 4 + data.bytes(),
            Self::Dense(data) => data.bytes(),
        }
    }
}

/// What is read: the distinct rows and columns in the order of the root, which are all that Python needs to make any
/// other order of them, and the format that they come in.
struct Taken {
    read: Read,
    format: Format,
}

/// Reads a source from end to end.
fn gather(source: &dyn MatrixSource, dense: bool, stage: &str, exec: &Exec) -> Result<Read> {
    let ranges = source.partition(BLOCK_BYTES)?;
    let cost = largest_range(source, &ranges)?.saturating_mul(2);
    let (in_flight, _blocks) = exec.budget().in_flight(cost, exec.threads(), "a block of rows")?;
    let mut out = if dense {
        Read::Dense(Buffer::empty(source.dtype()))
    } else {
        Read::Sparse { indptr: vec![0], indices: Vec::new(), data: Buffer::empty(source.dtype()) }
    };
    exec.progress().begin(stage, source.shape()[0], "rows");
    exec.ordered(
        ranges.len(),
        in_flight,
        |i| source.read(ranges[i].clone()),
        |i, block| {
            append(&mut out, block)?;
            if out.bytes() as u64 > exec.budget().available() {
                let message =
                    format!("what is read needs more than the {} MB of the budget", exec.budget().total() >> 20);
                return Err(Error::new(annstream_core::ErrorKind::Memory, message)
                    .hint("read fewer rows or columns at a time, or set annstream.settings.memory to more"));
            }
            let Range { start, end } = ranges[i];
            exec.progress().advance(end - start);
            Ok(())
        },
    )?;
    exec.progress().end();
    Ok(out)
}

fn append(out: &mut Read, block: Block) -> Result<()> {
    match (out, block) {
        (Read::Dense(all), Block::Dense { values, .. }) => {
            let len = values.len();
            all.extend_from(&values, 0..len)?;
            values.recycle();
            Ok(())
        }
        (Read::Sparse { indptr, indices, data }, block) => {
            let rows = block.into_sparse()?;
            let base = indices.len() as u64;
            indptr.extend(rows.indptr[1..].iter().map(|&end| base + end as u64));
            indices.extend_from_slice(&rows.indices);
            let len = rows.data.len();
            data.extend_from(&rows.data, 0..len)?;
            Buffer::U32(rows.indices).recycle();
            rows.data.recycle();
            Ok(())
        }
        (Read::Dense(_), Block::Sparse(_)) => Err(Error::internal("sparse rows of a dense matrix")),
    }
}

impl Matrix {
    /// The distinct rows and columns, in the order of the root.
    fn taken(&self, exec: &Exec) -> Result<Taken> {
        let sorted = |ids: &Option<Arc<[u32]>>| ids.as_ref().map(|ids| Arc::from(distinct(ids)));
        let plain = Self { rows: sorted(&self.rows), columns: sorted(&self.columns), ..self.clone() };
        if self.root.format == Format::Csc
            && !(self.root.has_rows() && self.rows.is_some())
            && let Some(columns) = self.root.columns()?
        {
            return plain.taken_by_columns(columns, exec);
        }
        let format = if self.format() == Format::Csc { Format::Csr } else { self.format() };
        let read = gather(&plain.source(exec)?, format == Format::Dense, "reading rows", exec)?;
        Ok(Taken { read, format })
    }

    /// The same from the columns of a CSC matrix: operators see them as rows in memory.
    fn taken_by_columns(&self, source: Arc<dyn MatrixSource>, exec: &Exec) -> Result<Taken> {
        let columns = self.turned().source_of(source, exec)?;
        let read = gather(&columns, false, "reading columns", exec)?;
        if self.steps.is_empty() {
            return Ok(Taken { read, format: Format::Csc });
        }
        let Read::Sparse { indptr, indices, data } = read else {
            return Err(Error::internal("dense columns of a sparse matrix"));
        };
        let ids = |ids: &Option<Arc<[u32]>>, all: usize| -> Vec<u32> {
            ids.as_ref().map_or_else(|| (0..u32::try_from(all).unwrap_or(u32::MAX)).collect(), |ids| ids.to_vec())
        };
        let (row_ids, column_ids) = (ids(&self.rows, self.root.shape[0]), ids(&self.columns, self.root.shape[1]));
        let rows = transposed(&indptr, &indices, &data, &row_ids, &column_ids, self.root.shape)?;
        let source = self.source_of(Arc::new(rows), exec)?;
        let format = if self.format() == Format::Dense { Format::Dense } else { Format::Csr };
        Ok(Taken { read: gather(&source, format == Format::Dense, "reading rows", exec)?, format })
    }
}

/// Columns as rows, with the ids that rows and columns have in the root.
fn transposed(
    indptr: &[u64],
    indices: &[u32],
    data: &Buffer,
    rows: &[u32],
    columns: &[u32],
    shape: [usize; 2],
) -> Result<MemorySparse> {
    let mut starts = vec![0_u64; shape[0] + 1];
    for &row in indices {
        starts[rows[row as usize] as usize + 1] += 1;
    }
    for row in 0..shape[0] {
        starts[row + 1] += starts[row];
    }
    let mut next = starts.clone();
    let (mut out, mut from) = (vec![0_u64; indices.len()], vec![0_i64; indices.len()]);
    for (column, range) in indptr.windows(2).enumerate() {
        for entry in range[0]..range[1] {
            let at = usize::try_from(entry).map_err(|_| Error::internal("block exceeds memory"))?;
            let row = rows[indices[at] as usize] as usize;
            let place = usize::try_from(next[row]).map_err(|_| Error::internal("block exceeds memory"))?;
            next[row] += 1;
            out[place] = u64::from(columns[column]);
            from[place] = i64::try_from(entry).map_err(|_| Error::internal("block exceeds memory"))?;
        }
    }
    MemorySparse::new(SparseMatrix {
        layout: SparseLayout::Csr,
        shape,
        indptr: starts,
        indices: out,
        data: data.take(&from),
    })
}

/// Reads into memory. Returns `(format, shape, arrays, rows, columns)`: the parts of a scipy matrix (data, indices,
/// indptr), or the flat values of a dense array, of the *distinct* rows and columns in the order of the root; and, where
/// this matrix has another order or repeats, for each of its rows and columns the place among them.
pub(super) fn read<'py>(matrix: &Matrix, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
    let Taken { read, format } = job::run(py, |exec| matrix.taken(exec))?;
    let count = |ids: &Option<Arc<[u32]>>, all: usize| ids.as_ref().map_or(all, |ids| distinct(ids).len());
    let shape = (count(&matrix.rows, matrix.root.shape[0]), count(&matrix.columns, matrix.root.shape[1]));
    let minor = if format == Format::Csc { shape.0 } else { shape.1 };
    let arrays = match read {
        Read::Dense(values) => vec![to_numpy(py, values)?],
        Read::Sparse { indptr, indices, data } => {
            let pointers = match indptr.last() {
                Some(&last) if i32::try_from(last).is_ok() && i32::try_from(minor).is_ok() => {
                    #[expect(clippy::cast_possible_truncation, reason = "none is above the last")]
                    let narrow: Vec<i32> = indptr.iter().map(|&end| end as i32).collect();
                    PyArray1::from_vec(py, narrow).into_any()
                }
                _ => PyArray1::from_vec(py, indptr.into_iter().map(u64::cast_signed).collect::<Vec<_>>()).into_any(),
            };
            vec![to_numpy(py, data)?, ids_to_numpy(py, indices, minor), pointers]
        }
    };
    let order = |ids: &Option<Arc<[u32]>>| {
        let ids = ids.as_ref().filter(|ids| !rises(Some(ids)))?;
        places(ids).map(|places| PyArray1::from_vec(py, places.iter().map(|&place| i64::from(place)).collect()))
    };
    let all = (format.name(), shape, arrays, order(&matrix.rows), order(&matrix.columns));
    Ok(all.into_pyobject(py)?.into_any())
}

/// Stored values of each row, of a matrix without operators that move zeros; reads pointers only, if it can.
pub(super) fn lengths<'py>(matrix: &Matrix, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<u64>>> {
    let lengths = job::run(py, |exec| {
        let source = matrix.source(exec)?;
        let mut all = Vec::new();
        for range in source.partition(BLOCK_BYTES)? {
            all.extend(source.lengths(range)?);
            exec.check()?;
        }
        Ok(all)
    })?;
    Ok(PyArray1::from_vec(py, lengths))
}
