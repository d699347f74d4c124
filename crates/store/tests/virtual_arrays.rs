//! Virtual arrays show what their sources hold, and never what they do not.

use std::path::{Path, PathBuf};

use annstream_store::{
    ArraySpec, Buffer, Compression, CreateOptions, DType, ErrorKind, MemoryStore, OpenOptions, Region, Result, Store,
    StoreWriter, VirtualPart, create, open, virtual_sources,
};

/// A file with a compressed array `x` of a shape, its values counted from `first`.
fn source(folder: &Path, name: &str, shape: [u64; 2], first: u16) -> PathBuf {
    let path = folder.join(name);
    let writer = create(&path, CreateOptions { overwrite: true, ..CreateOptions::default() }).expect("a new file");
    let gzip = Compression::Gzip { level: 1, shuffle: false };
    let spec = ArraySpec::new(DType::F32, shape.to_vec()).chunk(vec![2, 2]).compression(gzip);
    let mut array = writer.array("group/x", &spec).expect("an array");
    let count = u16::try_from(shape[0] * shape[1]).expect("few values");
    array.append(Buffer::F32((first..first + count).map(f32::from).collect())).expect("values");
    array.finish().expect("all values");
    writer.commit().expect("a file");
    path
}

fn part(store: &Path, from: [std::ops::Range<u64>; 2], to: [std::ops::Range<u64>; 2]) -> VirtualPart {
    let (from, to) = (Region::new(Vec::from(from)), Region::new(Vec::from(to)));
    VirtualPart { store: store.to_path_buf(), array: "group/x".to_owned(), from, to }
}

fn show(path: &Path, shape: [u64; 2], parts: &[VirtualPart]) -> Result<()> {
    let writer = create(path, CreateOptions::default())?;
    writer.virtual_array("deep/view", &ArraySpec::new(DType::F32, shape.to_vec()), parts)?;
    writer.commit()
}

fn reopen(path: &Path) -> Box<dyn Store> {
    open(path, OpenOptions { allow_external: true }).expect("a store")
}

fn values(store: &dyn Store, rows: std::ops::Range<u64>, columns: std::ops::Range<u64>) -> Result<Vec<f32>> {
    let mut out = Buffer::empty(DType::F64);
    store.array("deep/view")?.read(&Region::new(vec![rows, columns]), &mut out)?;
    match out {
        Buffer::F32(values) => Ok(values),
        other => panic!("{} values", other.dtype()),
    }
}

#[test]
fn regions_equal_those_of_the_sources_side_by_side() {
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (source(folder.path(), "a.h5", [3, 2], 0), source(folder.path(), "b.h5", [3, 3], 100));
    let path = folder.path().join("view.h5");
    let parts = [part(&a, [0..3, 0..2], [0..3, 0..2]), part(&b, [0..3, 0..3], [0..3, 2..5])];
    show(&path, [3, 5], &parts).expect("a view");
    let store = reopen(&path);
    let whole =
        [[0., 1., 100., 101., 102.], [2., 3., 103., 104., 105.], [4., 5., 106., 107., 108.]].map(|row| row.to_vec());
    for (first, last) in [(0, 3), (1, 2), (2, 3), (1, 1)] {
        for (left, right) in [(0, 5), (0, 2), (2, 5), (1, 4), (3, 3)] {
            let expected: Vec<f32> = whole[first..last].iter().flat_map(|row| row[left..right].to_vec()).collect();
            let found = values(&*store, first as u64..last as u64, left as u64..right as u64).expect("values");
            assert_eq!(found, expected, "{first}..{last} x {left}..{right}");
        }
    }
    let info = store.array("deep/view").expect("an array").info().clone();
    assert_eq!(info.codecs, "virtual over 2 files: deflate 1");
    assert_eq!((info.shape, info.chunk), (vec![3, 5], Some(vec![2, 2])));
}

#[test]
fn a_box_of_a_source_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let a = source(folder.path(), "a.h5", [4, 4], 0);
    let path = folder.path().join("view.h5");
    let parts = [part(&a, [1..3, 2..4], [0..2, 0..2]), part(&a, [0..1, 0..2], [2..3, 0..2])];
    show(&path, [3, 2], &parts).expect("a view");
    assert_eq!(values(&*reopen(&path), 0..3, 0..2).expect("values"), [6., 7., 10., 11., 0., 1.]);
}

#[test]
fn a_source_that_is_gone_or_shorter_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let a = source(folder.path(), "a.h5", [3, 2], 0);
    let path = folder.path().join("view.h5");
    show(&path, [3, 2], &[part(&a, [0..3, 0..2], [0..3, 0..2])]).expect("a view");
    let closed = open(&path, OpenOptions::default()).expect("a store");
    assert_eq!(closed.array("deep/view").err().map(|error| error.kind()), Some(ErrorKind::External));
    source(folder.path(), "a.h5", [2, 2], 0);
    let error = values(&*reopen(&path), 0..3, 0..2).expect_err("an error").to_string();
    assert!(error.contains("a.h5: group/x: has shape [2, 2], at least [3, 2] expected"), "{error}");
    std::fs::remove_file(&a).expect("a file");
    let error = values(&*reopen(&path), 0..3, 0..2).expect_err("an error").to_string();
    assert!(error.contains("view.h5: deep/view: is a virtual dataset over 'a.h5', which is not there"), "{error}");
}

#[test]
fn positions_beyond_32_bits_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let a = source(folder.path(), "a.h5", [3, 2], 0);
    let path = folder.path().join("view.h5");
    let far = 3 << 33;
    let parts = [part(&a, [0..far, 0..2], [0..far, 0..2]), part(&a, [0..3, 0..2], [far..far + 3, 0..2])];
    show(&path, [far + 3, 2], &parts).expect("a view");
    let error = values(&*reopen(&path), 0..3, 0..2).expect_err("an error").to_string();
    assert!(error.contains(&format!("at least [{far}, 2] expected")), "{error}");
}

#[test]
fn parts_must_be_the_whole_and_the_format_must_know_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let a = source(folder.path(), "a.h5", [3, 2], 0);
    let path = folder.path().join("view.h5");
    for parts in [vec![], vec![part(&a, [0..2, 0..2], [0..2, 0..2])], vec![part(&a, [0..2, 0..2], [0..3, 0..2])]] {
        assert_eq!(show(&path, [3, 2], &parts).err().map(|error| error.kind()), Some(ErrorKind::Internal));
        assert!(!path.exists());
    }
    let writer = MemoryStore::writer();
    let error = writer.virtual_array("x", &ArraySpec::new(DType::F32, vec![0]), &[]).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(virtual_sources("out.h5ad"), Some("hdf5"));
    assert_eq!(virtual_sources("out.zarr"), None);
}
