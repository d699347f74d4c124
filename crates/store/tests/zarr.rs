//! The zarr backend passes the contract, and keeps its promises about folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annstream_store::contract::{Backend, all};
use annstream_store::{
    ArraySpec, AttrValue, Buffer, Compression, CreateOptions, DType, ErrorKind, OpenOptions, Result, Store,
    StoreWriter, ZarrFormat, ZarrOptions, create, open,
};

const TWO: ZarrOptions = ZarrOptions { format: ZarrFormat::V2, shard: 0 };
const THREE: ZarrOptions = ZarrOptions { format: ZarrFormat::V3, shard: 0 };
/// Shards of a few chunks, and some that hold one.
const SHARDS: ZarrOptions = ZarrOptions { format: ZarrFormat::V3, shard: 3000 };

fn pool(threads: usize) -> Arc<rayon::ThreadPool> {
    Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start"))
}

fn contract(zarr: ZarrOptions) {
    for pool in [None, Some(pool(3))] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.zarr");
        let options = CreateOptions { overwrite: true, pool, queue: 2, zarr };
        let new = || -> Box<dyn StoreWriter> { create(&path, options.clone()).expect("a new store") };
        let reopen = || -> Box<dyn Store> { open(&path, OpenOptions::default()).expect("a finished store") };
        all(&Backend { create: &new, reopen: &reopen, json: true }).expect("no call fails");
        assert_eq!(std::fs::read_dir(&folder).expect("the folder").count(), 1, "no temporary folders stay");
    }
}

#[test]
fn format_2_passes_the_contract() {
    contract(TWO);
}

#[test]
fn format_3_passes_the_contract() {
    contract(THREE);
}

#[test]
fn format_3_with_shards_passes_the_contract() {
    contract(SHARDS);
}

/// A store with everything: arrays side by side, attributes, text.
fn build(path: &Path, options: CreateOptions) -> Result<()> {
    let writer = create(path, options)?;
    writer.attr("", "encoding-type", &AttrValue::text("anndata"))?;
    let compression = Compression::Zstd { level: 3 };
    let growing = |dtype| ArraySpec::new(dtype, vec![0]).growable().compression(compression).chunk(vec![1000]);
    let mut data = writer.array("X/data", &growing(DType::F32))?;
    let mut indices = writer.array("X/indices", &growing(DType::I32))?;
    for i in 0..40_u16 {
        data.append(Buffer::F32((0..777_u16).map(|x| f32::from(x % (i + 1))).collect()))?;
        indices.append(Buffer::I32((0..777).map(|x| x * i32::from(i) % 1001).collect()))?;
    }
    data.finish()?;
    indices.finish()?;
    let dense = ArraySpec::new(DType::F64, vec![300, 7]).chunk(vec![20, 3]).compression(Compression::Lzf);
    let mut dense = writer.array("obsm/X_pca", &dense)?;
    dense.append(Buffer::F64((0..2100_u32).map(|x| f64::from(x % 13)).collect()))?;
    dense.finish()?;
    let mut names = writer.array("obs/_index", &ArraySpec::new(DType::Str, vec![300]).compression(compression))?;
    names.append(Buffer::Str((0..300).map(|i| format!("cell {i}")).collect()))?;
    names.finish()?;
    writer.commit()
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("is below").to_owned();
                out.insert(name, std::fs::read(&path).expect("its bytes"));
            }
        }
    }
    out
}

#[test]
fn equal_calls_give_equal_bytes_whatever_the_threads() {
    for zarr in [TWO, THREE, SHARDS, ZarrOptions::default()] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut stores = vec![];
        for (i, (threads, queue)) in [(0, 0), (1, 0), (2, 0), (4, 0), (4, 1), (2, 100)].into_iter().enumerate() {
            let path = folder.path().join(format!("{i}.zarr"));
            let pool = (threads > 0).then(|| pool(threads));
            build(&path, CreateOptions { pool, queue, zarr, ..CreateOptions::default() }).expect("a store");
            stores.push(files(&path));
        }
        assert!(stores.iter().all(|store| *store == stores[0]));
    }
}

#[test]
fn shards_make_few_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = |zarr: ZarrOptions| {
        let path = folder.path().join(format!("{}.zarr", zarr.shard));
        build(&path, CreateOptions { zarr, ..CreateOptions::default() }).expect("a store");
        files(&path).keys().filter(|name| name.starts_with("X/data/c")).count()
    };
    // Chunks that are files are made larger; shards of less than two chunks are none.
    assert_eq!((count(THREE), count(SHARDS), count(ZarrOptions::default())), (1, 32, 1));
    assert_eq!(count(ZarrOptions { shard: 16_000, ..SHARDS }), 8);
}

#[test]
fn nothing_appears_before_commit_or_without_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.zarr");
    let writer = create(&path, CreateOptions::default()).expect("a writer");
    let mut array = writer.array("x", &ArraySpec::new(DType::I32, vec![3])).expect("an array");
    array.append(Buffer::I32(vec![1, 2, 3])).expect("values");
    array.finish().expect("an array");
    let spec = ArraySpec::new(DType::I32, vec![0]).growable().chunk(vec![2]);
    let mut late = writer.array("late", &spec).expect("an array");
    assert!(!path.exists());
    drop(writer);
    assert!(late.append(Buffer::I32(vec![1, 2, 3])).is_err());
    assert_eq!(std::fs::read_dir(&folder).expect("the folder").count(), 0);
}

#[test]
fn only_zarr_stores_are_replaced_and_only_when_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.zarr");
    let (default, options) = (CreateOptions::default(), CreateOptions { overwrite: true, ..CreateOptions::default() });
    let refusal = |options: &CreateOptions| create(&path, options.clone()).err().map(|error| error.kind());
    build(&path, default.clone()).expect("a store");
    assert_eq!(refusal(&default), Some(ErrorKind::Exists));
    create(&path, options.clone()).expect("a writer").commit().expect("a store");
    assert_eq!(files(&path).len(), 1, "nothing of the old store stays");
    assert_eq!(std::fs::read_dir(&folder).expect("the folder").count(), 1);
    std::fs::remove_dir_all(&path).expect("gone");
    std::fs::create_dir(&path).expect("a folder");
    std::fs::write(path.join("thesis.txt"), "precious").expect("a file");
    assert_eq!(refusal(&options), Some(ErrorKind::Exists));
    std::fs::remove_dir_all(&path).expect("gone");
    // Somebody else was faster.
    let writer = create(&path, default).expect("a writer");
    std::fs::write(&path, "precious").expect("a file");
    assert_eq!(writer.commit().err().map(|error| error.kind()), Some(ErrorKind::Exists));
    assert_eq!(std::fs::read_to_string(&path).expect("text"), "precious");
    assert_eq!(refusal(&options), Some(ErrorKind::Exists));
}

#[cfg(unix)]
#[test]
fn a_finished_store_has_the_usual_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let mode = |path: &Path| std::fs::metadata(path).expect("a folder").permissions().mode() & 0o777;
    let (usual, path) = (folder.path().join("usual"), folder.path().join("a.zarr"));
    std::fs::create_dir(&usual).expect("a folder");
    create(&path, CreateOptions::default()).expect("a writer").commit().expect("a store");
    assert_eq!(mode(&path), mode(&usual));
}

#[test]
fn the_default_of_zstd_comes_back_as_the_default() {
    let folder = tempfile::tempdir().expect("a folder");
    for zarr in [TWO, THREE, SHARDS] {
        for (level, words) in [(0, "zstd 0"), (3, "zstd 3")] {
            let path = folder.path().join(format!("{}-{level}-{}.zarr", zarr.shard, zarr.format as u8));
            let writer = create(&path, CreateOptions { zarr, ..CreateOptions::default() }).expect("a writer");
            for (name, dtype) in [("ids", DType::I32), ("counts", DType::F32), ("codes", DType::I8)] {
                let spec = ArraySpec::new(dtype, vec![9000]).compression(Compression::Zstd { level }).chunk(vec![1000]);
                let mut array = writer.array(name, &spec).expect("an array");
                array.append(Buffer::zeros(dtype, 9000)).expect("values");
                array.finish().expect("an array");
            }
            writer.commit().expect("a store");
            let store = open(&path, OpenOptions::default()).expect("the store");
            for name in ["ids", "counts", "codes"] {
                let array = store.array(name).expect("an array");
                let info = array.info();
                assert_eq!((info.compression, info.codecs.as_str()), (Compression::Zstd { level }, words));
            }
        }
    }
}
