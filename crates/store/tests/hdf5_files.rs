//! Files that other programs wrote, good and bad; `fixtures/make.py` makes them.

use std::path::{Path, PathBuf};

use annstream_store::{
    ArrayType, AttrValue, Buffer, Compression, DType, Error, ErrorKind, NodeKind, OpenOptions, Region, Store, open,
};
use half::f16;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn store(name: &str) -> Box<dyn Store> {
    open(fixture(name), OpenOptions::default()).expect(name)
}

fn values(store: &dyn Store, path: &str) -> Result<Buffer, Error> {
    let array = store.array(path)?;
    let mut out = Buffer::empty(DType::U8);
    array.read(&Region::all(array.shape()), &mut out)?;
    Ok(out)
}

fn kind<T>(result: Result<T, Error>) -> ErrorKind {
    result.err().expect("an error").kind()
}

fn numbers() -> Vec<i32> {
    (0..1000).map(|i| i * 7 % 1013).collect()
}

#[test]
fn every_filter_is_undone_whole_and_in_part() {
    let store = store("filters.h5");
    let mut checked = 0;
    for path in store.children("").expect("names") {
        if ["grid", "masked", "unwritten", "noise_lzf", "bitshuffle", "lz4"].contains(&path.as_str()) {
            continue;
        }
        assert_eq!(values(&*store, &path).expect(&path), Buffer::I32(numbers()), "{path}");
        let array = store.array(&path).expect("an array");
        let mut out = Buffer::empty(DType::I32);
        // Adjacent blocks that cut chunks, as a sparse reader asks for them.
        for start in (0..1000_u16).step_by(170) {
            let stop = (start + 170).min(1000);
            array.read(&Region::rows(array.shape(), start.into()..stop.into()), &mut out).expect(&path);
            assert_eq!(out, Buffer::I32(numbers()[start.into()..stop.into()].to_vec()), "{path}");
        }
        checked += 1;
    }
    assert_eq!(checked, 15);
    for (path, compression, codecs) in [
        ("plain", Compression::None, ""),
        ("gzip", Compression::Gzip { level: 4, shuffle: false }, "deflate 4"),
        ("shuffle_gzip", Compression::Gzip { level: 4, shuffle: true }, "shuffle, deflate 4"),
        ("gzip_fletcher32", Compression::Gzip { level: 4, shuffle: true }, "shuffle, deflate 4, fletcher32"),
        ("lzf", Compression::Lzf, "lzf"),
        ("zstd", Compression::Zstd { level: 3 }, "zstd 3"),
        ("blosc_lz4", Compression::None, "blosc"),
    ] {
        let array = store.array(path).expect(path);
        assert_eq!((array.info().compression, array.info().codecs.as_str()), (compression, codecs), "{path}");
        assert_eq!(array.info().chunk, (path != "plain").then(|| vec![300]));
        assert!(array.info().stored_bytes > 0);
    }
}

#[test]
fn chunks_may_be_cut_unfiltered_missing_or_incompressible() {
    let store = store("filters.h5");
    let array = store.array("grid").expect("an array");
    let mut out = Buffer::empty(DType::I32);
    for (rows, columns) in [(0..30_u32, 0..20_u32), (3..9, 5..7), (7..14, 6..12), (29..30, 19..20), (0..30, 18..20)] {
        let wide = |range: &std::ops::Range<u32>| range.start.into()..range.end.into();
        let region = Region::new(vec![wide(&rows), wide(&columns)]);
        array.read(&region, &mut out).expect("values");
        let expected = rows.flat_map(|row| columns.clone().map(move |column| (row * 20 + column) * 7 % 1013));
        assert_eq!(out, Buffer::I32(expected.map(u32::cast_signed).collect()), "{region:?}");
    }
    let mut masked = vec![-5; 900];
    masked[300..600].copy_from_slice(&numbers()[..300]);
    assert_eq!(values(&*store, "masked").expect("values"), Buffer::I32(masked));
    assert_eq!(values(&*store, "unwritten").expect("values"), Buffer::I16(vec![258; 5]));
    assert_eq!(values(&*store, "noise_lzf").expect("values").len(), 600);
}

#[test]
fn a_filter_that_is_not_available_is_named() {
    let store = store("filters.h5");
    for (path, words) in [("bitshuffle", "filter 32008 (bitshuffle)"), ("lz4", "filter 32004 (lz4)")] {
        assert!(store.array(path).expect("information").info().codecs.contains(words));
        let error = values(&*store, path).expect_err("cannot be read");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().ends_with(&format!("filters.h5: {path}: {words} is not available")), "{error}");
        assert!(error.next_step().is_some());
    }
}

#[test]
fn numbers_of_every_type_and_byte_order() {
    let store = store("types.h5");
    for order in ["little", "big"] {
        let get = |kind: &str| values(&*store, &format!("{order}/{kind}")).expect(kind);
        assert_eq!(get("i1"), Buffer::I8(vec![0, 1, 2, 3, 4]));
        assert_eq!(get("i2"), Buffer::I16(vec![0, 1, 2, 3, 4]));
        assert_eq!(get("i4"), Buffer::I32(vec![0, 1, 2, 3, 4]));
        assert_eq!(get("i8"), Buffer::I64(vec![0, 1, 2, 3, 4]));
        assert_eq!(get("u1"), Buffer::U8(vec![0, 1, 2, 3, 4]));
        assert_eq!(get("u2"), Buffer::U16(vec![0, 1, 2, 3, 4]));
        assert_eq!(get("u4"), Buffer::U32(vec![0, 1, 2, 3, 4]));
        assert_eq!(get("u8"), Buffer::U64(vec![0, 1, 2, 3, 4]));
        assert_eq!(get("f2"), Buffer::F16([0.0, 1.0, 2.0, 3.0, 4.0].map(f16::from_f64).to_vec()));
        assert_eq!(get("f4"), Buffer::F32(vec![0.0, 1.0, 2.0, 3.0, 4.0]));
        assert_eq!(get("f8"), Buffer::F64(vec![0.0, 1.0, 2.0, 3.0, 4.0]));
        assert_eq!(get("c8"), Buffer::C64((0..5_u8).map(|i| [f32::from(i), 0.0]).collect()));
        assert_eq!(get("c16"), Buffer::C128((0..5_u8).map(|i| [f64::from(i), 0.0]).collect()));
    }
    let get = |path: &str| values(&*store, path).expect(path);
    assert_eq!(get("big_gzip"), Buffer::F64((0..600_u16).map(f64::from).collect()));
    assert_eq!(get("bool"), Buffer::Bool(vec![1, 0, 1]));
    assert_eq!(get("scalar"), Buffer::F64(vec![2.5]));
    assert_eq!(get("enum"), Buffer::I16(vec![0, 5, 7]));
    assert_eq!(get("compact"), Buffer::I32(numbers()[..5].to_vec()));
    assert_eq!(get("twelve_bits"), Buffer::I16(vec![1, -2, 2000]));
}

#[test]
fn text_of_every_kind() {
    let store = store("types.h5");
    let text = |texts: &[&str]| Buffer::Str(texts.iter().collect());
    let get = |path: &str| values(&*store, path).expect(path);
    assert_eq!(get("fixed"), text(&["ab", "", "abcd"]));
    assert_eq!(get("fixed_utf8"), text(&["ä", "x"]));
    assert_eq!(get("fixed_space"), text(&["ab", "abcd"]));
    assert_eq!(get("text_ascii"), text(&["a", "b"]));
    assert_eq!(get("text_unset"), text(&["", "", ""]));
    for path in ["text", "text_gzip", "text_zstd", "text_blosc"] {
        assert_eq!(get(path), Buffer::Str((0..500).map(|i| format!("näme {i}")).collect()), "{path}");
    }
    let error = values(&*store, "text_bad").expect_err("not UTF-8");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("text_bad: row 1: "), "{error}");
}

#[test]
fn records_null_and_what_has_no_element_type() {
    let store = store("types.h5");
    let record = store.array("record").expect("an array");
    let ArrayType::Records(fields) = &record.info().dtype else { panic!("{:?}", record.info().dtype) };
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["name", "code", "x", "pair", "flag"]);
    assert_eq!(fields[3].shape, [2]);
    let expected = [
        Buffer::Str(["r0", "r1", "r2", "r3"].iter().collect()),
        Buffer::Str(["", "a", "ab", "abc"].iter().collect()),
        Buffer::F32(vec![0.0, 0.5, 1.0, 1.5]),
        Buffer::I32(vec![0, 0, 1, -1, 2, -2, 3, -3]),
        Buffer::Bool(vec![0, 1, 0, 1]),
    ];
    let mut out = Buffer::empty(DType::U8);
    for (i, expected) in expected.iter().enumerate() {
        record.read_field(i, &mut out).expect("values");
        assert_eq!(out, *expected);
    }
    assert_eq!(store.array("null").expect("an array").info().dtype, ArrayType::Null);
    for path in ["reference", "vlen", "opaque", "float128", "subarray"] {
        let array = store.array(path).expect(path);
        assert!(matches!(array.info().dtype, ArrayType::Opaque(_)), "{path}");
        assert_eq!(kind(values(&*store, path)), ErrorKind::Unsupported, "{path}");
    }
    assert_eq!(store.children("tracked").expect("names"), ["z", "a", "m"]);
    assert_eq!(store.attrs("tracked").expect("attributes").keys().collect::<Vec<_>>(), ["z", "a", "m"]);
}

#[test]
fn attributes_of_every_kind() {
    let store = store("attrs.h5");
    let attrs = store.attrs("").expect("attributes");
    let one = |shape: &[usize], values: Buffer| AttrValue::Values { shape: shape.to_vec(), values };
    let text = |texts: &[&str]| Buffer::Str(texts.iter().collect());
    for (name, expected) in [
        ("text", AttrValue::text("βeta")),
        ("bytes", AttrValue::text("fixed")),
        ("texts", one(&[2], text(&["a", "ä"]))),
        ("fixed_texts", one(&[2], text(&["ab", "c"]))),
        ("int", AttrValue::int(3)),
        ("ints", one(&[2, 2], Buffer::I32(vec![1, 2, 3, 4]))),
        ("big", one(&[2], Buffer::I64(vec![1, 2]))),
        ("float", one(&[], Buffer::F64(vec![2.5]))),
        ("half", one(&[], Buffer::F16(vec![f16::from_f64(1.5)]))),
        ("bool", AttrValue::bool(true)),
        ("bools", one(&[2], Buffer::Bool(vec![1, 0]))),
        ("complex", one(&[], Buffer::C64(vec![[1.0, 2.0]]))),
        ("null", AttrValue::Null),
        ("empty", one(&[0], Buffer::F64(vec![]))),
        ("enum", one(&[], Buffer::I16(vec![5]))),
        ("subarray", one(&[3], Buffer::I32(vec![0, 1, 2]))),
        ("opaque", AttrValue::Null),
        ("references", AttrValue::Null),
    ] {
        assert_eq!(attrs.get(name), Some(&expected), "{name}");
    }
    let reference = AttrValue::Reference("obs/__categories/x".to_owned());
    assert_eq!(store.attrs("obs/x").expect("attributes").get("categories"), Some(&reference));
}

#[test]
fn nothing_outside_the_file_is_read_unless_allowed() {
    let closed = store("outside.h5");
    for path in ["link", "group", "group/i4", "soft", "missing", "raw", "virtual"] {
        let error = closed.array(path).err().expect(path);
        assert_eq!(error.kind(), ErrorKind::External, "{path}: {error}");
        assert!(error.to_string().contains("outside.h5: "), "{error}");
    }
    assert!(closed.array("raw").err().expect("an error").to_string().contains("make.py"));
    assert!(closed.array("link").err().expect("an error").to_string().contains("/little/i4 in 'types.h5'"));
    assert_eq!(kind(closed.node("link")), ErrorKind::External);
    let open = open(fixture("outside.h5"), OpenOptions { allow_external: true }).expect("a store");
    for path in ["link", "group/i4", "soft", "virtual"] {
        assert_eq!(values(&*open, path).expect(path), Buffer::I32(vec![0, 1, 2, 3, 4]), "{path}");
    }
}

#[test]
fn links_are_followed_but_not_in_circles() {
    let store = store("links.h5");
    assert_eq!(values(&*store, "soft").expect("values"), Buffer::I32(vec![0, 7, 14]));
    assert_eq!(store.node("dangling").expect("no error"), None);
    assert_eq!(kind(store.array("dangling")), ErrorKind::NotFound);
    for path in ["loop_one", "a/self", "a/self/self/x", "a/root/a"] {
        assert_eq!(kind(store.node(path)), ErrorKind::Invalid, "{path}");
    }
}

#[test]
fn a_user_block_and_the_newest_format_are_read() {
    let blocked = store("userblock.h5");
    for path in ["plain", "gzip"] {
        assert_eq!(values(&*blocked, path).expect(path), Buffer::I32(numbers()), "{path}");
    }
    let latest = store("latest.h5");
    for path in ["grown", "fixed", "single"] {
        assert_eq!(values(&*latest, path).expect(path), Buffer::I32(numbers()), "{path}");
    }
    assert_eq!(latest.node("nested/deep/x").expect("no error"), Some(NodeKind::Array));
}

#[test]
fn a_small_file_that_declares_terabytes_costs_nothing() {
    let store = store("huge.h5");
    let array = store.array("chunked").expect("an array");
    let mut out = Buffer::empty(DType::F64);
    array.read(&Region::new(vec![5_000_000..5_000_002, 7..9]), &mut out).expect("fill values");
    assert_eq!(out, Buffer::F64(vec![1.5; 4]));
    assert_eq!(kind(values(&*store, "chunked")), ErrorKind::Memory);
    let array = store.array("contiguous_unwritten").expect("an array");
    array.read(&Region::rows(array.shape(), 5_000_000..5_000_002), &mut out).expect("fill values");
    assert_eq!(out, Buffer::F64(vec![0.0; 2]));
    let array = store.array("text").expect("an array");
    array.read(&Region::rows(array.shape(), 5_000_000..5_000_002), &mut out).expect("fill values");
    assert_eq!(out, Buffer::Str(["", ""].iter().collect()));
    assert_eq!(kind(store.array("big_chunk")), ErrorKind::Invalid);
}

#[test]
fn damage_is_named() {
    let store = store("damaged.h5");
    for path in ["fletcher32", "gzip"] {
        let error = values(&*store, path).expect_err("damaged");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(&format!("damaged.h5: {path}: chunk at [0]: ")), "{error}");
    }
}

#[test]
fn what_is_not_a_complete_hdf5_file_is_diagnosed() {
    for (name, kind, words) in [
        ("absent.h5", ErrorKind::NotFound, "no such file"),
        ("not_hdf5.h5", ErrorKind::Invalid, "is not an HDF5 file"),
        ("empty.h5", ErrorKind::Invalid, "is empty"),
        ("truncated.h5", ErrorKind::Invalid, "bytes, found 3000"),
        (".", ErrorKind::Invalid, "is a folder"),
    ] {
        let error = open(fixture(name), OpenOptions::default()).err().expect(name);
        assert_eq!(error.kind(), kind, "{name}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.file().is_some(), "{name}");
    }
}

#[test]
fn a_file_being_written_is_locked_and_reading_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.h5");
    std::fs::copy(fixture("types.h5"), &path).expect("a copy");
    let before = std::fs::metadata(&path).expect("a file").modified().expect("a time");
    let writer = std::fs::File::open(&path).expect("a handle");
    writer.lock().expect("a lock");
    assert_eq!(kind(open(&path, OpenOptions::default())), ErrorKind::Locked);
    writer.unlock().expect("no lock");
    let store = open(&path, OpenOptions::default()).expect("a store");
    values(&*store, "text").expect("values");
    drop(store);
    assert_eq!(std::fs::metadata(&path).expect("a file").modified().expect("a time"), before);
    assert_eq!(std::fs::read(&path).expect("bytes"), std::fs::read(fixture("types.h5")).expect("bytes"));
}

#[test]
fn every_shortened_or_bitten_file_is_an_error_or_reads() {
    // No input may crash or hang the reader: cut and flip bytes of the headers, and read everything.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.h5");
    for name in ["attrs.h5", "links.h5", "latest.h5", "userblock.h5"] {
        let whole = std::fs::read(fixture(name)).expect("bytes");
        for step in 0..120 {
            let mut bytes = whole.clone();
            let at = step * whole.len() / 120;
            bytes[at] ^= 0x41;
            if step % 4 == 0 {
                bytes.truncate(at.max(1));
            }
            std::fs::write(&path, bytes).expect("a file");
            if let Ok(store) = open(&path, OpenOptions::default()) {
                read_all(&*store, "", 0);
            }
        }
    }
}

fn read_all(store: &dyn Store, path: &str, depth: usize) {
    let _ = store.attrs(path);
    match store.node(path) {
        Ok(Some(NodeKind::Array)) => {
            if let Ok(array) = store.array(path)
                && array.info().len() < 1 << 20
            {
                let _ = values(store, path);
            }
        }
        Ok(Some(NodeKind::Group)) if depth < 6 => {
            for name in store.children(path).unwrap_or_default() {
                read_all(store, &if path.is_empty() { name } else { format!("{path}/{name}") }, depth + 1);
            }
        }
        _ => {}
    }
}
