//! Damaged and malicious stores: always an error that says where, never a panic, a crash or a byte from outside.

use std::fs;
use std::path::{Path, PathBuf};

use annstream_store::{Buffer, DType, Error, ErrorKind, OpenOptions, Region, Store, open};
use serde_json::{Value, json};

/// A store that is made by hand.
struct Forged {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Forged {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.zarr");
        let this = Self { _folder: folder, path };
        this.put("zarr.json", json!({"zarr_format": 3, "node_type": "group"}).to_string());
        this
    }

    fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path.join(key);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    fn open(&self) -> Box<dyn Store> {
        open(&self.path, OpenOptions::default()).expect("a store")
    }

    /// What comes of reading `x`.
    fn read(&self) -> Result<Buffer, Error> {
        let store = self.open();
        let array = store.array("x")?;
        let mut out = Buffer::empty(DType::U8);
        array.read(&Region::all(array.shape()), &mut out)?;
        Ok(out)
    }

    /// Reading `x` must fail; the error names the store and the array.
    fn refuses(&self, kind: ErrorKind, words: &str) {
        let error = self.read().expect_err(words);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error} / {words}");
        assert!(error.file().is_some_and(|file| file == self.path), "{error}");
        assert_eq!(error.element(), Some("x"), "{error}");
    }
}

/// Eight numbers in chunks of four.
fn three() -> Value {
    json!({
        "zarr_format": 3, "node_type": "array", "shape": [8], "data_type": "int32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4]}},
        "chunk_key_encoding": {"name": "default"}, "fill_value": 7, "codecs": [{"name": "bytes"}],
    })
}

fn two() -> Value {
    json!({"zarr_format": 2, "shape": [8], "chunks": [4], "dtype": "<i4", "fill_value": 0, "order": "C",
        "filters": null, "compressor": null})
}

fn sharded(index: &Value) -> Value {
    let mut array = three();
    array["chunk_grid"]["configuration"]["chunk_shape"] = json!([8]);
    array["codecs"] = json!([{"name": "sharding_indexed", "configuration":
        {"chunk_shape": [4], "codecs": [{"name": "bytes"}], "index_codecs": index}}]);
    array
}

fn with(change: impl FnOnce(&mut Value)) -> Forged {
    let (store, mut array) = (Forged::new(), three());
    change(&mut array);
    store.put("x/zarr.json", array.to_string());
    store
}

#[test]
fn metadata_that_makes_no_sense_is_refused() {
    for (key, value, kind, words) in [
        ("shape", json!("8"), ErrorKind::Invalid, "'shape' is not a list"),
        ("shape", json!([-1]), ErrorKind::Invalid, "'shape' is not a list"),
        ("shape", json!([8, 8]), ErrorKind::Invalid, "for shape [8, 8]"),
        ("shape", json!([1_u64 << 63]), ErrorKind::Invalid, "impossible"),
        ("shape", json!(vec![1; 40]), ErrorKind::Invalid, "40 dimensions"),
        ("data_type", json!("float128"), ErrorKind::Unsupported, "zarr's 'float128'"),
        ("data_type", json!(5), ErrorKind::Invalid, "no name"),
        ("data_type", json!("string"), ErrorKind::Invalid, "codecs do not fit"),
        ("fill_value", json!("zero"), ErrorKind::Invalid, "fill value"),
        ("fill_value", json!(3_000_000_000_u64), ErrorKind::Invalid, "fill value"),
        ("codecs", json!([]), ErrorKind::Invalid, "no codec"),
        ("codecs", json!([{"name": "bytes"}, {"name": "zfpy"}]), ErrorKind::Unsupported, "codec 'zfpy'"),
        ("codecs", json!([{"name": "delta"}, {"name": "bytes"}]), ErrorKind::Unsupported, "codec 'delta'"),
        (
            "codecs",
            json!([{"name": "transpose", "configuration": {"order": [3]}}, {"name": "bytes"}]),
            ErrorKind::Invalid,
            "not an order",
        ),
        ("chunk_grid", json!({"name": "rectilinear"}), ErrorKind::Unsupported, "rectilinear"),
        (
            "chunk_key_encoding",
            json!({"name": "default", "configuration": {"separator": "/../"}}),
            ErrorKind::Invalid,
            "separator",
        ),
        ("storage_transformers", json!([{"name": "x"}]), ErrorKind::Unsupported, "storage transformers"),
    ] {
        with(|array| array[key] = value).refuses(kind, words);
    }
    for chunk in [json!([0]), json!([1_u64 << 40]), json!([u64::MAX]), json!([])] {
        with(|array| array["chunk_grid"]["configuration"]["chunk_shape"] = chunk)
            .refuses(ErrorKind::Invalid, "chunks of");
    }
    let store = Forged::new();
    store.put("x/zarr.json", "{");
    store.refuses(ErrorKind::Invalid, "is not JSON");
    store.put("x/zarr.json", "[".repeat(100_000));
    store.refuses(ErrorKind::Invalid, "is not JSON");
}

#[test]
fn metadata_of_format_2_that_makes_no_sense_is_refused() {
    for (key, value, kind, words) in [
        ("dtype", json!("|O"), ErrorKind::Unsupported, "Python objects"),
        ("dtype", json!("<i3"), ErrorKind::Unsupported, "numpy's '<i3'"),
        ("dtype", json!("<U999999999999"), ErrorKind::Invalid, "too large"),
        ("dtype", json!("é"), ErrorKind::Invalid, "not known"),
        ("dtype", json!(""), ErrorKind::Invalid, "not known"),
        ("dtype", json!([["a"]]), ErrorKind::Invalid, "not a list of fields"),
        ("dtype", json!([["a", "<i4", [1_u64 << 62, 8]]]), ErrorKind::Invalid, "too large"),
        ("order", json!("Z"), ErrorKind::Invalid, "neither C nor F"),
        ("filters", json!([{"id": "pickle"}]), ErrorKind::Unsupported, "codec 'pickle'"),
        ("compressor", json!({"id": "lzma"}), ErrorKind::Unsupported, "codec 'lzma'"),
        ("compressor", json!({}), ErrorKind::Invalid, "no id"),
    ] {
        let (store, mut array) = (Forged::new(), two());
        array[key] = value;
        store.put("x/.zarray", array.to_string());
        store.refuses(kind, words);
    }
}

#[test]
fn chunks_of_another_size_are_refused() {
    let store = with(|_| ());
    assert_eq!(store.read().expect("nothing is stored"), Buffer::I32(vec![7; 8]));
    store.put("x/c/0", [0; 12]);
    store.refuses(ErrorKind::Invalid, "chunk at [0]: 12 bytes found, 16 expected");
    for codec in ["gzip", "zstd", "blosc", "numcodecs.lz4", "numcodecs.zlib", "crc32c", "numcodecs.shuffle"] {
        let store = with(|array| array["codecs"] = json!([{"name": "bytes"}, {"name": codec}]));
        for bytes in
            [&[][..], &[1; 3], &[0; 16], &[0xff; 40], b"\x02\x01\x01\x04\xff\xff\xff\x7f\0\0\0\0\xff\xff\xff\x7f"]
        {
            store.put("x/c/1", bytes);
            // Sixteen bytes that are not shuffled are a chunk like any other.
            if codec != "numcodecs.shuffle" || bytes.len() != 16 {
                store.refuses(ErrorKind::Invalid, "chunk at [4]");
            }
        }
    }
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let zeros = vec![0; 64 << 20];
    let bomb = zstd::bulk::compress(&zeros, 1).expect("zeros");
    let zstd = with(|array| array["codecs"] = json!([{"name": "bytes"}, {"name": "zstd"}]));
    zstd.put("x/c/0", &bomb);
    zstd.refuses(ErrorKind::Invalid, "not of 16 bytes");
    // One bomb in another, and one in text, whose size is not known before.
    let twice = with(|array| array["codecs"] = json!([{"name": "bytes"}, {"name": "zstd"}, {"name": "zstd"}]));
    twice.put("x/c/0", zstd::bulk::compress(&bomb.repeat(1000), 1).expect("bytes"));
    twice.refuses(ErrorKind::Invalid, "more than");
    let text = with(|array| {
        array["data_type"] = json!("string");
        array["fill_value"] = json!("");
        array["codecs"] = json!([{"name": "vlen-utf8"}, {"name": "zstd"}]);
    });
    text.put("x/c/0", &bomb);
    text.refuses(ErrorKind::Invalid, "0 texts found, 4 expected");
    // A file with a hole, far larger than any chunk.
    let hole = with(|array| array["codecs"] = json!([{"name": "bytes"}, {"name": "gzip"}]));
    hole.put("x/c/0", "");
    fs::File::create(hole.path.join("x/c/0")).and_then(|file| file.set_len(1 << 40)).expect("a hole");
    hole.refuses(ErrorKind::Invalid, "bytes are stored");
    // More values than any memory holds.
    with(|array| array["shape"] = json!([1_u64 << 60])).refuses(ErrorKind::Memory, "do not fit");
}

#[test]
fn damaged_shards_are_refused() {
    let plain = sharded(&json!([{"name": "bytes"}]));
    let store = Forged::new();
    store.put("x/zarr.json", plain.to_string());
    let entry = |words: [u64; 4]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let shard = |words| [vec![1; 32], entry(words)].concat();
    store.put("x/c/0", shard([16, 16, 0, 16]));
    assert_eq!(store.read().expect("a good shard"), Buffer::I32(vec![0x0101_0101; 8]));
    store.put("x/c/0", [0; 31]);
    store.refuses(ErrorKind::Invalid, "truncated");
    for words in [[0, 16, 1000, 16], [0, 16, u64::MAX, 16], [0, 16, 16, u64::MAX], [0, 16, 60, 16]] {
        store.put("x/c/0", shard(words));
        store.refuses(ErrorKind::Invalid, "chunk at [4]");
    }
    store.put("x/c/0", shard([0, 16, u64::MAX, u64::MAX]));
    assert_eq!(store.read().expect("half a shard"), Buffer::I32([[0x0101_0101; 4], [7; 4]].concat()));
    store.put("x/zarr.json", sharded(&json!([{"name": "bytes"}, {"name": "crc32c"}])).to_string());
    store.put("x/c/0", [shard([0, 16, 16, 16]), vec![0; 4]].concat());
    store.refuses(ErrorKind::Invalid, "index of the shard: checksum");
    let mut huge = plain.clone();
    huge["shape"] = json!([1_u64 << 40]);
    huge["chunk_grid"]["configuration"]["chunk_shape"] = json!([1_u64 << 40]);
    store.put("x/zarr.json", huge.to_string());
    let array = store.open().array("x").expect("an array");
    let error = array.read(&Region::new(vec![0..1]), &mut Buffer::empty(DType::I32)).expect_err("a huge index");
    assert!(error.to_string().contains("index of"), "{error}");
    for index in
        [json!([{"name": "bytes"}, {"name": "zstd"}]), json!([{"name": "bytes", "configuration": {"endian": "big"}}])]
    {
        store.put("x/zarr.json", sharded(&index).to_string());
        store.refuses(ErrorKind::Unsupported, "the index of shards");
    }
}

#[test]
fn paths_never_leave_the_store() {
    let store = with(|_| ());
    fs::write(store.path.with_file_name("secret"), [9; 16]).expect("a file");
    let opened = store.open();
    for path in ["../secret", "x/../../secret", "/etc/passwd", "x//c", ".", "a\\b", "x\0"] {
        assert!(opened.node(path).is_err() && opened.array(path).is_err(), "{path}");
    }
}

#[cfg(unix)]
#[test]
fn links_out_of_the_store_are_followed_only_when_asked() {
    use std::os::unix::fs::symlink;
    let store = with(|_| ());
    let secret = store.path.with_file_name("secret");
    fs::create_dir(&secret).expect("a folder");
    fs::write(secret.join("0"), [9; 16]).expect("a file");
    fs::write(secret.join("zarr.json"), three().to_string()).expect("a file");
    symlink(&secret, store.path.join("x/c")).expect("a link");
    store.refuses(ErrorKind::External, "out of the store");
    let allowed = open(&store.path, OpenOptions { allow_external: true }).expect("a store");
    let mut out = Buffer::empty(DType::U8);
    allowed.array("x").and_then(|array| array.read(&Region::all(&[8]), &mut out)).expect("values");
    assert_eq!(out, Buffer::I32([[0x0909_0909; 4], [7; 4]].concat()));
    symlink(&secret, store.path.join("y")).expect("a link");
    assert_eq!(store.open().array("y").err().map(|error| error.kind()), Some(ErrorKind::External));
    // Links inside of the store, and links in a circle.
    symlink("x", store.path.join("z")).expect("a link");
    symlink("loop", store.path.join("loop")).expect("a link");
    assert!(store.open().array("z").is_ok() && store.open().node("loop").is_err());
}

#[test]
fn what_is_no_store_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let kind = |path: &Path| open(path, OpenOptions::default()).err().map(|error| error.kind());
    assert_eq!(kind(folder.path()), Some(ErrorKind::Invalid));
    assert_eq!(kind(&folder.path().join("absent.zarr")), Some(ErrorKind::NotFound));
    let archive = folder.path().join("a.zarr.zip");
    for bytes in [
        &b"PK\x03\x04"[..],
        &b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"[..],
        &[b"PK\x03\x04", &[0xff; 100][..]].concat(),
    ] {
        fs::write(&archive, bytes).expect("a file");
        assert_eq!(kind(&archive), Some(ErrorKind::Invalid));
    }
}
