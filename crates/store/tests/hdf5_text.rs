//! Text of varying length is read past libhdf5: it comes back as it was written, and a damaged heap is an error.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use annstream_store::{
    ArraySpec, Buffer, Compression, CreateOptions, DType, Error, OpenOptions, Region, Strings, create, open,
};
use proptest::prelude::*;

fn write(path: &Path, texts: &[String], shape: Vec<u64>, compression: Compression) {
    let options = CreateOptions { overwrite: true, ..CreateOptions::default() };
    let writer = create(path, options).unwrap();
    let mut array = writer.array("text", &ArraySpec::new(DType::Str, shape).compression(compression)).unwrap();
    array.append(Buffer::Str(texts.iter().map(String::as_str).collect())).unwrap();
    array.finish().unwrap();
    writer.commit().unwrap();
}

fn read(path: &Path, region: Option<Region>) -> Result<Strings, Error> {
    let store = open(path, OpenOptions::default())?;
    let array = store.array("text")?;
    let mut out = Buffer::empty(DType::Str);
    array.read(&region.unwrap_or_else(|| Region::all(array.shape())), &mut out)?;
    Ok(out.as_strings().unwrap().clone())
}

/// Short ones, empty ones, and some longer than a collection of the heap.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-zé𐐀]{1,12}", ("[a-z]", 3000_usize..9000).prop_map(|(text, n)| text.repeat(n))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn comes_back(texts in prop::collection::vec(text(), 1..300), gzip in any::<bool>(), from in 0_usize..300) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.h5ad");
        let compression = if gzip { Compression::Gzip { level: 1, shuffle: true } } else { Compression::None };
        write(&path, &texts, vec![texts.len() as u64], compression);
        prop_assert!(read(&path, None).unwrap().iter().eq(texts.iter().map(String::as_str)));
        let from = from.min(texts.len());
        let part = Region::new(vec![from as u64..texts.len() as u64]);
        prop_assert!(read(&path, Some(part)).unwrap().iter().eq(texts[from..].iter().map(String::as_str)));
    }
}

#[test]
fn a_damaged_heap_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.h5ad");
    let texts: Vec<String> = (0..6).map(|i| format!("cell-{i}")).collect();
    write(&path, &texts, vec![3, 2], Compression::None);
    assert!(read(&path, None).unwrap().iter().eq(texts.iter().map(String::as_str)));
    let sound = std::fs::read(&path).unwrap();
    let heap = sound.windows(4).position(|bytes| bytes == b"GCOL").unwrap();
    let text = |word: &[u8]| sound.windows(word.len()).position(|bytes| bytes == word).unwrap();
    let number = |value: u64| value.to_le_bytes().to_vec();
    let address = text(&number(heap as u64));
    let cases: [(usize, Vec<u8>, &str); 7] = [
        (heap, b"XXXX".to_vec(), "has no signature"),
        (heap + 8, number(1 << 60), "impossible size"),
        (heap + 8, number(3), "impossible size"),
        // The length of the first object, and the reference to it: length, address, number.
        (heap + 24, number(1 << 40), "ends outside"),
        (address - 4, vec![200, 0, 0, 0], "text has 200 bytes"),
        (address, number(1 << 40), "lies outside the file"),
        (address + 8, vec![99, 0, 0, 0], "which has none"),
    ];
    for (at, bytes, expected) in cases {
        let mut damaged = sound.clone();
        damaged[at..at + bytes.len()].copy_from_slice(&bytes);
        std::fs::write(&path, damaged).unwrap();
        let error = read(&path, None).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("text"), "{expected}: {error}");
    }
    let mut damaged = sound.clone();
    damaged[text(b"cell-3")] = 0xff;
    std::fs::write(&path, damaged).unwrap();
    let error = read(&path, None).unwrap_err().to_string();
    assert!(error.contains("not UTF-8") && error.contains("row 1"), "{error}");
}
