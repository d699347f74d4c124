//! The HDF5 backend passes the contract, and keeps its promises about files.

use std::path::Path;
use std::sync::Arc;

use annstream_store::contract::{Backend, all};
use annstream_store::{
    ArraySpec, AttrValue, Buffer, Compression, CreateOptions, DType, ErrorKind, OpenOptions, Region, Result, Store,
    StoreWriter, create, open,
};

fn pool(threads: usize) -> Arc<rayon::ThreadPool> {
    Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start"))
}

fn contract(options: &CreateOptions) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.h5ad");
    let options = CreateOptions { overwrite: true, ..options.clone() };
    let new = || -> Box<dyn StoreWriter> { create(&path, options.clone()).expect("a new file") };
    let reopen = || -> Box<dyn Store> { open(&path, OpenOptions::default()).expect("a finished file") };
    all(&Backend { create: &new, reopen: &reopen, json: false }).expect("no call fails");
    assert_eq!(std::fs::read_dir(&folder).expect("the folder").count(), 1, "no temporary files stay");
}

#[test]
fn passes_the_contract_without_threads() {
    contract(&CreateOptions::default());
}

#[test]
fn passes_the_contract_with_threads() {
    contract(&CreateOptions { pool: Some(pool(3)), queue: 2, ..CreateOptions::default() });
}

/// A file with everything: arrays side by side, attributes, text, records.
fn build(path: &Path, options: CreateOptions) -> Result<()> {
    let writer = create(path, options)?;
    writer.attr("", "encoding-type", &AttrValue::text("anndata"))?;
    let compression = Compression::Gzip { level: 4, shuffle: true };
    let growing = |dtype| ArraySpec::new(dtype, vec![0]).growable().compression(compression).chunk(vec![1000]);
    let mut data = writer.array("X/data", &growing(DType::F32))?;
    let mut indices = writer.array("X/indices", &growing(DType::I32))?;
    for i in 0..40_u16 {
        data.append(Buffer::F32((0..777_u16).map(|x| f32::from(x % (i + 1))).collect()))?;
        indices.append(Buffer::I32((0..777).map(|x| x * i32::from(i) % 1001).collect()))?;
        if i % 10 == 0 {
            writer.attr("X", "progress", &AttrValue::int(i64::from(i)))?;
        }
    }
    data.finish()?;
    indices.finish()?;
    let mut dense = writer.array(
        "obsm/X_pca",
        &ArraySpec::new(DType::F64, vec![300, 7]).chunk(vec![20, 3]).compression(Compression::Lzf),
    )?;
    dense.append(Buffer::F64((0..2100_u32).map(|x| f64::from(x % 13)).collect()))?;
    dense.finish()?;
    let mut names = writer.array("obs/_index", &ArraySpec::new(DType::Str, vec![300]).compression(compression))?;
    names.append(Buffer::Str((0..300).map(|i| format!("cell {i}")).collect()))?;
    names.finish()?;
    writer.attr("obs", "_index", &AttrValue::text("_index"))?;
    writer.commit()
}

#[test]
fn equal_calls_give_equal_bytes_whatever_the_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = vec![];
    for (i, (threads, queue)) in [(0, 0), (1, 0), (2, 0), (4, 0), (4, 1), (2, 100)].into_iter().enumerate() {
        let path = folder.path().join(format!("{i}.h5ad"));
        let pool = (threads > 0).then(|| pool(threads));
        build(&path, CreateOptions { pool, queue, ..CreateOptions::default() }).expect("a file");
        files.push(std::fs::read(&path).expect("its bytes"));
    }
    assert!(files.iter().all(|file| *file == files[0]));
}

#[test]
fn a_worker_may_append_even_if_it_is_the_only_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.h5ad");
    let pool = pool(1);
    let options = CreateOptions { pool: Some(pool.clone()), ..CreateOptions::default() };
    pool.install(|| build(&path, options)).expect("a file");
    assert!(path.exists());
}

#[test]
fn nothing_appears_before_commit_or_without_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.h5ad");
    let writer = create(&path, CreateOptions::default()).expect("a writer");
    writer.group("x").expect("a group");
    assert!(!path.exists());
    drop(writer);
    assert_eq!(std::fs::read_dir(&folder).expect("the folder").count(), 0);
}

#[test]
fn what_stands_at_the_target_is_only_replaced_when_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.h5ad");
    std::fs::write(&path, "precious").expect("a file");
    let error = create(&path, CreateOptions::default()).err().expect("an error");
    assert_eq!(error.kind(), ErrorKind::Exists);
    let options = CreateOptions { overwrite: true, ..CreateOptions::default() };
    create(&path, options.clone()).expect("a writer").commit().expect("a file");
    assert!(open(&path, OpenOptions::default()).is_ok());
    std::fs::remove_file(&path).expect("gone");
    // Somebody else was faster.
    let writer = create(&path, CreateOptions::default()).expect("a writer");
    std::fs::write(&path, "precious").expect("a file");
    assert_eq!(writer.commit().err().map(|error| error.kind()), Some(ErrorKind::Exists));
    assert_eq!(std::fs::read_to_string(&path).expect("text"), "precious");
    let error = create(folder.path().join("no/a.h5ad"), options).err().expect("an error");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[cfg(unix)]
#[test]
fn a_finished_file_has_the_usual_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let mode = |path: &Path| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    let (usual, path) = (folder.path().join("usual"), folder.path().join("a.h5ad"));
    std::fs::write(&usual, "").expect("a file");
    let writer = create(&path, CreateOptions::default()).expect("a writer");
    let temporary = std::fs::read_dir(&folder).expect("the folder").filter_map(std::result::Result::ok);
    let temporary = temporary.map(|entry| entry.path()).find(|path| path != &usual).expect("a temporary file");
    assert_eq!(mode(&temporary), 0o600);
    writer.commit().expect("a file");
    assert_eq!(mode(&path), mode(&usual));
}

#[test]
fn many_threads_read_one_array() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.h5ad");
    build(&path, CreateOptions::default()).expect("a file");
    let store = open(&path, OpenOptions::default()).expect("a store");
    let array = store.array("X/indices").expect("an array");
    let mut whole = Buffer::empty(DType::I32);
    array.read(&Region::all(array.shape()), &mut whole).expect("values");
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (array, whole) = (&array, &whole);
            scope.spawn(move || {
                let mut out = Buffer::empty(DType::I32);
                for start in (thread * 100..31_000).step_by(1700) {
                    let stop = (start + 2500).min(31_080);
                    array.read(&Region::rows(array.shape(), start..stop), &mut out).expect("values");
                    let index = |row: u64| usize::try_from(row).expect("small");
                    assert_eq!(out, whole.slice(index(start)..index(stop)));
                }
            });
        }
    });
}
