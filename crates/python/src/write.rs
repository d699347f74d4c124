//! Writing matrices as a stream, and merging files.

use std::path::PathBuf;
use std::sync::Arc;

use annstream_core::anndata::{AnnDataFile, usual_compression, write_root};
use annstream_core::concat::{Axis, ConcatSpec, FillValue, Input, execute, plan};
use annstream_core::element::SparseLayout;
use annstream_core::matrix::{BLOCK_BYTES, Block, MatrixSource, SparseRows, Sums, largest_range};
use annstream_core::sink::{DenseSink, Sink, SparseSink};
use annstream_core::{Error, Exec, Result};
use annstream_store::{Compression, CreateOptions, OpenOptions, StoreWriter, ZarrFormat, ZarrOptions, create, open};
use pyo3::prelude::*;

use crate::errors::IntoPython;
use crate::job;
use crate::matrix::{Format, Matrix};

/// One matrix to write: where, which, whether dense, and how it is compressed.
type Wanted = (String, Matrix, bool, Compression);

pub(crate) fn options(zarr_format: u8, exec: &Exec, overwrite: bool) -> Result<CreateOptions> {
    let format = match zarr_format {
        2 => ZarrFormat::V2,
        3 => ZarrFormat::V3,
        other => return Err(Error::argument(format!("zarr format {other}, expected 2 or 3"))),
    };
    let zarr = ZarrOptions { format, ..ZarrOptions::default() };
    Ok(CreateOptions { overwrite, pool: Some(exec.pool().clone()), queue: 0, zarr })
}

/// Writes a source from end to end.
fn stream(source: &dyn MatrixSource, mut sink: Sink<'_>, path: &str, exec: &Exec) -> Result<()> {
    let width = usize::try_from(source.shape()[1]).map_err(|_| Error::internal("columns exceed memory"))?;
    let dense = sink.is_dense();
    let mut ranges = source.partition(BLOCK_BYTES)?;
    if dense {
        let most = (BLOCK_BYTES / (width as u64 * source.dtype().size() as u64).max(1)).max(1);
        let step = usize::try_from(most).unwrap_or(usize::MAX);
        let pieces = ranges.into_iter().flat_map(|range| {
            let end = range.end;
            range.step_by(step).map(move |start| start..end.min(start + most))
        });
        ranges = pieces.collect();
    }
    let made = if dense { BLOCK_BYTES } else { 0 };
    let cost = largest_range(source, &ranges)?.saturating_mul(2).saturating_add(made);
    let (in_flight, _blocks) = exec.budget().in_flight(cost, exec.threads(), "a block of rows")?;
    exec.progress().begin(&format!("writing {path}"), source.shape()[0], "rows");
    exec.ordered(
        ranges.len(),
        in_flight,
        |i| {
            let block = source.read(ranges[i].clone())?;
            let block = if dense { expanded(block, width)? } else { Block::Sparse(block.into_sparse()?) };
            let sums = Sums::of(block.values());
            Ok((block, sums))
        },
        |i, (block, sums)| {
            exec.progress().advance(ranges[i].end - ranges[i].start);
            sink.append(block, sums)
        },
    )?;
    exec.progress().end();
    sink.finish()?;
    exec.release();
    Ok(())
}

fn expanded(block: Block, width: usize) -> Result<Block> {
    let SparseRows { indptr, indices, data, .. } = match block {
        Block::Sparse(rows) => rows,
        dense @ Block::Dense { .. } => return Ok(dense),
    };
    let rows = indptr.len() - 1;
    let mut from = vec![-1_i64; rows * width];
    for (row, range) in indptr.windows(2).enumerate() {
        for entry in range[0]..range[1] {
            from[row * width + indices[entry] as usize] =
                i64::try_from(entry).map_err(|_| Error::internal("block exceeds memory"))?;
        }
    }
    // What nothing stands at is a zero.
    Ok(Block::Dense { rows, values: data.take(&from) })
}

fn write_one((path, matrix, dense, compression): &Wanted, writer: &dyn StoreWriter, exec: &Exec) -> Result<()> {
    let [rows, columns] = matrix.shape().map(|extent| extent as u64);
    let shape = [rows, columns];
    let dtype = matrix.dtype();
    if *dense || matrix.format() == Format::Dense {
        let source = matrix.source(exec)?;
        let sink = DenseSink::new(writer, path, &shape, dtype, *compression)?;
        return stream(&source, Sink::Dense(sink), path, exec);
    }
    if let Some(source) = matrix.stored_columns(exec)? {
        let sink = SparseSink::new(writer, path, SparseLayout::Csc, shape, dtype, *compression)?;
        return stream(&source, Sink::Sparse(sink), path, exec);
    }
    let source = matrix.source(exec)?;
    let sink = SparseSink::new(writer, path, SparseLayout::Csr, shape, dtype, *compression)?;
    stream(&source, Sink::Sparse(sink), path, exec)
}

/// Writes matrices into a new file or store, each once through memory in blocks, and gives it its name. `matrices` are
/// `(path in the file, matrix, whether dense, compression or None for that of what it is read from)`.
#[pyfunction]
#[pyo3(signature = (path, matrices, zarr_format=3))]
fn write_matrices(
    py: Python<'_>,
    path: PathBuf,
    matrices: Vec<(String, PyRef<'_, Matrix>, bool, Option<String>)>,
    zarr_format: u8,
) -> PyResult<()> {
    let mut wanted: Vec<Wanted> = Vec::with_capacity(matrices.len());
    for (name, matrix, dense, compression) in matrices {
        let compression = match compression {
            Some(text) => text.parse().into_python()?,
            None => matrix.compression(),
        };
        wanted.push((name, (*matrix).clone(), dense, compression));
    }
    job::run(py, |exec| {
        let writer = create(&path, options(zarr_format, exec, false)?)?;
        write_root(writer.as_ref())?;
        for matrix in &wanted {
            write_one(matrix, writer.as_ref(), exec).map_err(|error| error.at(&matrix.0))?;
        }
        exec.check()?;
        writer.commit()
    })
}

/// Merges files on disk; see `annstream.concat_on_disk`. Returns warnings.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "those of anndata.experimental.concat_on_disk")]
#[pyo3(signature = (inputs, output, *, axis, join, merge, uns_merge, label, keys, index_unique, fill_value, pairwise,
    compression, zarr_format, allow_external))]
fn concat_files(
    py: Python<'_>,
    inputs: Vec<PathBuf>,
    output: PathBuf,
    axis: usize,
    join: &str,
    merge: &str,
    uns_merge: &str,
    label: Option<String>,
    keys: Option<Vec<String>>,
    index_unique: Option<String>,
    fill_value: Option<&Bound<'_, PyAny>>,
    pairwise: bool,
    compression: Option<&str>,
    zarr_format: u8,
    allow_external: bool,
) -> PyResult<Vec<String>> {
    let spec = ConcatSpec {
        axis: if axis == 0 { Axis::Obs } else { Axis::Var },
        join: join.parse().into_python()?,
        merge: merge.parse().into_python()?,
        uns_merge: uns_merge.parse().into_python()?,
        label,
        keys,
        index_unique,
        fill_value: fill_value.map(fill).transpose()?,
        pairwise,
        compression: compression.map(str::parse).transpose().into_python()?,
        virtual_from: None,
    };
    job::run(py, |exec| {
        let inputs = inputs_of(&inputs, allow_external)?;
        let plan = plan(&inputs, &spec, exec)?;
        let writer = create(&output, options(zarr_format, exec, true)?)?;
        execute(&inputs, &plan, writer, exec)?;
        Ok(plan.summary.warnings.clone())
    })
}

/// Opens files that are merged.
pub(crate) fn inputs_of(paths: &[PathBuf], allow_external: bool) -> Result<Vec<Input>> {
    let opened = |path: &PathBuf| {
        let store = open(path, OpenOptions { allow_external })?;
        let file = AnnDataFile::open(Arc::from(store)).map_err(|error| error.in_file(path))?;
        Ok(Input { name: path.display().to_string(), file })
    };
    paths.iter().map(opened).collect()
}

pub(crate) fn fill(value: &Bound<'_, PyAny>) -> PyResult<FillValue> {
    match value.extract::<i64>() {
        Ok(value) => Ok(FillValue::Int(value)),
        Err(_) => value.extract().map(FillValue::Float),
    }
}

/// The compression that most bytes of a file have, as text.
#[pyfunction]
fn compression_of(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    job::run(py, |_| Ok(usual_compression([crate::matrix::opened(&path, false)?.as_ref()]).to_string()))
}

/// Adds the functions to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(write_matrices, module)?)?;
    module.add_function(wrap_pyfunction!(concat_files, module)?)?;
    module.add_function(wrap_pyfunction!(compression_of, module)?)
}
