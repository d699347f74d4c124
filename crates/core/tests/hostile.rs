//! Files made to do harm (`fixtures/make_hostile.py`) are refused, quickly and with the place.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annstream_core::Error;
use annstream_core::anndata::{AnnDataFile, TableName, tree};
use annstream_store::OpenOptions;

/// Reads everything but the matrices.
fn read(name: &str) -> Result<(), Error> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hostile");
    let file = AnnDataFile::open(Arc::from(annstream_store::open(folder.join(name), OpenOptions::default())?))?;
    file.read_table(TableName::Obs)?;
    file.read_uns()?;
    Ok(())
}

#[test]
fn hostile_files_are_refused() {
    for (name, message) in [
        ("cycle.h5ad", "a group contains itself"),
        ("two_cycles.h5ad", "a group contains itself"),
        ("huge.h5ad", "uns/huge: declares 8796093022208 bytes of values but stores 0"),
        ("huge_index.h5ad", "obs/_index: declares 1099511627776 bytes of values but stores 0"),
        ("codes.h5ad", "obs/kind: row 1: code 7 is not in −1..2"),
        ("self_categories.h5ad", "a group contains itself"),
    ] {
        let start = Instant::now();
        let error = read(name).err().map_or_else(|| "nothing".to_owned(), |error| error.to_string());
        assert!(error.contains(message), "{name}: {error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{name}");
    }
}

#[test]
fn listing_a_cycle_ends() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hostile");
    let store = annstream_store::open(folder.join("cycle.h5ad"), OpenOptions::default()).unwrap();
    assert!(tree(store.as_ref()).is_err_and(|error| error.to_string().contains("a group contains itself")));
}
