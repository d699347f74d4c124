//! Reads all of `X` of each file, block by block on all threads, and prints the number of its stored values and their
//! sum: what `h5py.File(path)["X"]["data"][:].sum()` says, without holding them. `make bench` measures it.
//!
//! ```console
//! $ cargo run --release --example read_x -- a.h5ad b.zarr
//! ```

use std::process::ExitCode;

use annstream_core::anndata::{AnnDataFile, MatrixHeader};
use annstream_core::element::SparseLayout;
use annstream_core::matrix::{BLOCK_BYTES, Block, MatrixSource, largest_range};
use annstream_core::source::{StoredDense, StoredSparse};
use annstream_core::{Budget, Error, Exec, Result};
use annstream_store::{Buffer, OpenOptions};

/// What is printed of a matrix.
#[derive(Default)]
struct Total {
    count: usize,
    sum: f64,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is all that an example can do")]
fn main() -> ExitCode {
    for path in std::env::args().skip(1) {
        match total_of_x(&path) {
            Ok(total) => println!("{} {}", total.count, total.sum),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Count and sum of the values of `X`, added up in the order of the blocks.
fn total_of_x(path: &str) -> Result<Total> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let exec = Exec::new(threads, Budget::new(1 << 30))?;
    let file = AnnDataFile::open(annstream_store::open(path, OpenOptions::default())?.into())?;
    let source = rows_of_x(&file)?;
    let ranges = source.partition(BLOCK_BYTES)?;
    let largest = largest_range(&*source, &ranges)?;
    let (in_flight, _charge) = exec.budget().in_flight(largest, exec.threads(), "a block of X")?;
    let mut total = Total::default();
    exec.ordered(
        ranges.len(),
        in_flight,
        |i| source.read(ranges[i].clone()).map(total_of),
        |_, block| {
            total.count += block.count;
            total.sum += block.sum;
            Ok(())
        },
    )?;
    Ok(total)
}

/// `X` as stored: the rows are genes if it is CSC.
fn rows_of_x(file: &AnnDataFile) -> Result<Box<dyn MatrixSource>> {
    let store = file.store();
    match file.x() {
        Some(MatrixHeader::Sparse(x)) => {
            let [cells, genes] = x.shape.map(|extent| extent as u64);
            let shape = if x.layout == SparseLayout::Csr { [cells, genes] } else { [genes, cells] };
            Ok(Box::new(StoredSparse::open(store.as_ref(), &x.path, shape)?))
        }
        Some(MatrixHeader::Dense(x)) => Ok(Box::new(StoredDense::open(store.as_ref(), &x.path)?)),
        _ => Err(Error::invalid("there is no X that is a matrix of numbers").in_file(store.location())),
    }
}

/// Count and sum of the values of a block, whose memory is used again.
fn total_of(block: Block) -> Total {
    let values = match block {
        Block::Sparse(rows) => rows.data,
        Block::Dense { values, .. } => values,
    };
    let sum = match &values {
        Buffer::F32(values) => values.iter().copied().map(f64::from).sum(),
        Buffer::F64(values) => values.iter().sum(),
        other => (0..other.len()).filter_map(|i| other.get_f64(i)).sum(),
    };
    let count = values.len();
    values.recycle();
    Total { count, sum }
}
