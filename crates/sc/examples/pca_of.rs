//! Principal components of `X` of a file: `sc.pp.pca(adata, n_comps, mask_var=None)`. Writes little-endian doubles to
//! standard output: the variances, their ratios, the components (columns × components), the scores.
//!
//! ```console
//! $ cargo run --release --example pca_of -- normalised.h5ad 50 > pca.f64
//! ```

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use annstream_core::anndata::{AnnDataFile, MatrixHeader};
use annstream_core::lazy::LazyMatrix;
use annstream_core::matrix::MatrixSource;
use annstream_core::source::{StoredDense, StoredSparse};
use annstream_core::{Budget, Error, Exec, Result};
use annstream_sc::pca::{PcaOptions, fit};
use annstream_store::OpenOptions;

#[expect(clippy::print_stderr, reason = "printing is all that an example can do")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let n_comps = arguments.get(1).and_then(|text| text.parse().ok());
    let centred = arguments.get(2).is_none_or(|text| text != "uncentred");
    match arguments.first().map(|path| run(path, n_comps, centred)) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        None => ExitCode::FAILURE,
    }
}

fn run(path: &str, n_comps: Option<usize>, zero_center: bool) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let exec = Exec::new(threads, Budget::new(2 << 30))?;
    let file = AnnDataFile::open(annstream_store::open(path, OpenOptions::default())?.into())?;
    let store = file.store();
    let source: Arc<dyn MatrixSource> = match file.x() {
        Some(MatrixHeader::Sparse(x)) => {
            Arc::new(StoredSparse::open(store.as_ref(), &x.path, x.shape.map(|extent| extent as u64))?)
        }
        Some(MatrixHeader::Dense(x)) => Arc::new(StoredDense::open(store.as_ref(), &x.path)?),
        _ => return Err(Error::invalid("there is no X that is a matrix of numbers").in_file(store.location())),
    };
    let options = PcaOptions { n_comps, zero_center, ..PcaOptions::default() };
    let pca = fit(&LazyMatrix::new(source), &options, &exec)?;
    let model = &pca.model;
    let scores: Vec<f64> = pca.scores.iter().map(|&score| f64::from(score)).collect();
    let mut out = std::io::stdout().lock();
    for values in [&model.variance, &model.variance_ratio, &model.components, &scores] {
        for value in values {
            out.write_all(&value.to_le_bytes()).map_err(|error| Error::io(error, "standard output"))?;
        }
    }
    Ok(())
}
