//! The public test-suite every backend passes.
//!
//! A backend hands in a [`Backend`]: how to start a store, and how to read back what was committed last. Each function
//! checks one promise of the traits and panics where it is broken; [`all`] runs them all.

mod chunks;

pub use chunks::{equal, taken_over};

use crate::{
    ArrayInfo, ArraySpec, ArrayType, AttrValue, Buffer, Compression, DType, Error, ErrorKind, Field, MemoryStore,
    NodeKind, Region, Result, Store, StoreWriter, Strings, copy_tree,
};

/// A backend under test.
pub struct Backend<'a> {
    /// Starts a new, empty store.
    pub create: &'a dyn Fn() -> Box<dyn StoreWriter>,
    /// Opens the store that was started last and has been committed.
    pub reopen: &'a dyn Fn() -> Box<dyn Store>,
    /// Whether attributes are kept as JSON (integers and doubles, complex numbers as pairs, references as paths), the
    /// null array comes back as a boolean without dimensions, and records hold no arrays.
    pub json: bool,
}

/// Compressions every backend writes.
const COMPRESSIONS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip { level: 4, shuffle: false },
    Compression::Gzip { level: 1, shuffle: true },
    Compression::Lzf,
    Compression::Zstd { level: 0 },
];

/// Runs the whole suite.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn all(backend: &Backend<'_>) -> Result<()> {
    trees(backend)?;
    attributes(backend)?;
    regions(backend)?;
    layouts(backend)?;
    odd_pieces(backend)?;
    side_by_side(backend)?;
    equal(backend)?;
    taken_over(backend)?;
    empty_arrays(backend)?;
    text(backend)?;
    records(backend)?;
    misuse(backend)?;
    copies(backend)
}

/// `len` values that differ, as far as the type allows.
fn sample(dtype: DType, len: usize) -> Buffer {
    if dtype == DType::Str {
        return Buffer::Str(
            (0..len).map(|i| "äβ€😀x"[..[0, 2, 4, 7, 11][i % 5]].to_owned() + &i.to_string()).collect(),
        );
    }
    let mut out = Buffer::zeros(dtype, len);
    if let Some(bytes) = out.as_bytes_mut() {
        let size = dtype.size();
        for (i, value) in bytes.chunks_exact_mut(size).enumerate() {
            // Small numbers in every part of the value; valid for every type, booleans included.
            value[0] = if dtype == DType::Bool { u8::from(i % 3 == 0) } else { u8::try_from(i % 251).unwrap_or(0) };
            if size > 2 {
                value[size - 2] = u8::try_from(i / 251 % 97).unwrap_or(0);
            }
        }
    }
    out
}

fn length(shape: &[u64]) -> usize {
    usize::try_from(shape.iter().product::<u64>()).unwrap_or(usize::MAX)
}

fn write(writer: &dyn StoreWriter, path: &str, spec: &ArraySpec, values: Buffer) -> Result<()> {
    let mut array = writer.array(path, spec)?;
    array.append(values)?;
    array.finish()
}

fn read(store: &dyn Store, path: &str) -> Result<(ArrayInfo, Buffer)> {
    let array = store.array(path)?;
    let mut values = Buffer::empty(DType::U8);
    array.read(&Region::all(array.shape()), &mut values)?;
    Ok((array.info().clone(), values))
}

/// The values of a region, taken one by one.
fn naive(shape: &[u64], region: &Region, values: &Buffer) -> Buffer {
    let mut out = Buffer::empty(values.dtype());
    for i in 0..values.len() {
        let mut rest = i as u64;
        let mut inside = true;
        for (extent, range) in shape.iter().zip(region.ranges()).rev() {
            inside &= range.contains(&(rest % extent));
            rest /= extent;
        }
        if inside {
            out.extend_from(values, i..i + 1).expect("same type");
        }
    }
    out
}

/// Groups nest, parents appear by themselves, names keep their characters, and children come sorted.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn trees(backend: &Backend<'_>) -> Result<()> {
    let writer = (backend.create)();
    writer.group("")?;
    writer.group("uns/deep/er")?;
    writer.group("uns")?;
    write(&*writer, "new/parent/x", &ArraySpec::new(DType::I8, vec![]), Buffer::I8(vec![1]))?;
    for name in ["b", "ä β", "a", "C"] {
        writer.group(&format!("names/{name}"))?;
    }
    writer.commit()?;
    let store = (backend.reopen)();
    assert_eq!(store.node("")?, Some(NodeKind::Group));
    assert_eq!(store.node("uns/deep/er")?, Some(NodeKind::Group));
    assert_eq!(store.node("new/parent/x")?, Some(NodeKind::Array));
    assert_eq!(store.node("absent")?, None);
    assert_eq!(store.node("absent/child")?, None);
    assert_eq!(store.node("new/parent/x/child")?, None);
    assert_eq!(store.children("")?, ["names", "new", "uns"]);
    assert_eq!(store.children("names")?, ["C", "a", "b", "ä β"]);
    for result in [store.children("absent").map(drop), store.attrs("absent").map(drop), store.array("absent").map(drop)]
    {
        assert_eq!(result.map_err(|error| error.kind()), Err(ErrorKind::NotFound));
    }
    assert!(store.array("uns").is_err() && store.children("new/parent/x").is_err());
    Ok(())
}

/// Attributes of every kind come back as they were set, on groups and arrays; the last value wins.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn attributes(backend: &Backend<'_>) -> Result<()> {
    let writer = (backend.create)();
    write(&*writer, "x", &ArraySpec::new(DType::I8, vec![1]), Buffer::I8(vec![1]))?;
    let mut expected = vec![
        ("null".to_owned(), AttrValue::Null),
        ("reference".to_owned(), AttrValue::Reference("later/target".to_owned())),
        ("unicode ä".to_owned(), AttrValue::text("βeta €")),
        ("empty text".to_owned(), AttrValue::text("")),
        ("no texts".to_owned(), AttrValue::texts(Strings::new())),
        // More than the 64 KiB an HDF5 header message may have.
        ("column-order".to_owned(), AttrValue::texts((0..5000).map(|i| format!("column {i}")).collect())),
    ];
    for dtype in DType::ALL {
        for shape in [vec![], vec![3], vec![0], vec![2, 2]] {
            let values = sample(dtype, shape.iter().product());
            expected.push((format!("{dtype} {shape:?}"), AttrValue::Values { shape, values }));
        }
    }
    for path in ["", "x"] {
        writer.attr(path, "unicode ä", &AttrValue::int(7))?;
        for (name, value) in &expected {
            writer.attr(path, name, value)?;
        }
    }
    writer.group("later/target")?;
    writer.commit()?;
    let store = (backend.reopen)();
    for path in ["", "x"] {
        let mut found = store.attrs(path)?;
        for (name, value) in &expected {
            let value = if backend.json { &as_json(value) } else { value };
            assert_eq!(found.shift_remove(name).as_ref(), Some(value), "{path}@{name}");
        }
        assert!(found.is_empty(), "{:?}", found.keys());
    }
    Ok(())
}

/// What JSON keeps of an attribute: integers and doubles, complex numbers as pairs, references as their paths, and
/// nothing of the type of no values.
fn as_json(value: &AttrValue) -> AttrValue {
    let AttrValue::Values { shape, values } = value else {
        return match value {
            AttrValue::Reference(path) => AttrValue::text(path),
            other => other.clone(),
        };
    };
    let mut shape = shape.clone();
    let values = match values {
        values if values.is_empty() => Buffer::empty(DType::F64),
        Buffer::Bool(_) | Buffer::Str(_) => values.clone(),
        Buffer::C64(_) | Buffer::C128(_) => {
            shape.push(2);
            match values.cast(DType::C128) {
                Ok(Buffer::C128(numbers)) => Buffer::F64(numbers.into_iter().flatten().collect()),
                other => panic!("{other:?}"),
            }
        }
        values if values.dtype().is_float() => values.cast(DType::F64).expect("is wide"),
        values => values.cast(DType::I64).expect("is wide"),
    };
    AttrValue::Values { shape, values }
}

/// Every type of every rank is read back, whole and in part.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn regions(backend: &Backend<'_>) -> Result<()> {
    let shapes: [&[u64]; 4] = [&[], &[17], &[9, 5], &[5, 4, 3]];
    let writer = (backend.create)();
    for dtype in DType::ALL {
        for shape in shapes {
            let path = format!("{dtype}/{}", shape.len());
            write(&*writer, &path, &ArraySpec::new(dtype, shape.to_vec()), sample(dtype, length(shape)))?;
        }
    }
    writer.commit()?;
    let store = (backend.reopen)();
    for dtype in DType::ALL {
        for shape in shapes {
            check_regions(&*store, &format!("{dtype}/{}", shape.len()), shape, &sample(dtype, length(shape)))?;
        }
    }
    Ok(())
}

fn check_regions(store: &dyn Store, path: &str, shape: &[u64], expected: &Buffer) -> Result<()> {
    let array = store.array(path)?;
    assert_eq!(array.info().dtype, ArrayType::Plain(expected.dtype()), "{path}");
    assert_eq!(array.shape(), shape, "{path}");
    let mut out = Buffer::F64(vec![9.0; 3]);
    let mut regions = vec![Region::all(shape)];
    for step in 1..5 {
        regions.push(Region::new(
            shape.iter().enumerate().map(|(i, &n)| (step + i as u64).min(n) / 2..n - (step / 2 % n).min(n)).collect(),
        ));
        regions.push(Region::new(shape.iter().map(|&n| n / step.min(n).max(1) / 2..(n / 2 + 1).min(n)).collect()));
    }
    regions.push(Region::new(shape.iter().map(|_| 1..1).collect()));
    for region in regions {
        if region.check(shape).is_err() {
            continue;
        }
        array.read(&region, &mut out)?;
        assert_eq!(out, naive(shape, &region, expected), "{path} {:?}", region.ranges());
    }
    let outside = Region::new(shape.iter().map(|&n| 0..n + 1).collect());
    assert!(shape.is_empty() || array.read(&outside, &mut out).is_err(), "{path}");
    Ok(())
}

/// Chunks, compression and growth change how values are stored, never the values.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn layouts(backend: &Backend<'_>) -> Result<()> {
    let shapes: [(&[u64], &[u64]); 4] =
        [(&[1000], &[77]), (&[50, 20], &[7, 20]), (&[50, 20], &[8, 6]), (&[9, 8, 7], &[4, 8, 3])];
    let writer = (backend.create)();
    let mut written = vec![];
    for dtype in [DType::Bool, DType::I16, DType::F32, DType::I64, DType::C128, DType::Str] {
        for compression in COMPRESSIONS {
            for (shape, chunk) in shapes {
                for variant in 0..4 {
                    let mut spec = ArraySpec::new(dtype, shape.to_vec()).compression(compression);
                    spec.growable = variant & 1 == 1;
                    spec.chunk = (variant & 2 == 2).then(|| chunk.to_vec());
                    let path = format!("a{}", written.len());
                    write(&*writer, &path, &spec, sample(dtype, length(shape)))?;
                    written.push((path, dtype, shape));
                }
            }
        }
    }
    writer.commit()?;
    let store = (backend.reopen)();
    for (path, dtype, shape) in written {
        check_regions(&*store, &path, shape, &sample(dtype, length(shape)))?;
    }
    Ok(())
}

/// Appending in pieces of any length equals appending once; the hint of a growing array need not be right.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn odd_pieces(backend: &Backend<'_>) -> Result<()> {
    let writer = (backend.create)();
    let mut written = vec![];
    for dtype in [DType::F32, DType::Str] {
        for (shape, hint, chunk) in
            [(vec![500_u64, 3], 500_u64, vec![64, 3]), (vec![500, 3], 7, vec![32, 2]), (vec![900], 0, vec![100])]
        {
            for growable in [false, true] {
                let values = sample(dtype, length(&shape));
                let mut spec = ArraySpec::new(dtype, shape.clone()).chunk(chunk.clone()).compression(COMPRESSIONS[2]);
                if growable {
                    spec.shape[0] = hint;
                    spec = spec.growable();
                }
                let path = format!("a{}", written.len());
                let mut array = writer.array(&path, &spec)?;
                let mut start = 0;
                for length in [1, 0, 2, 190, 7, 64, 191, 193, 400, usize::MAX] {
                    let stop = start + length.min(values.len() - start);
                    array.append(values.slice(start..stop))?;
                    start = stop;
                }
                array.finish()?;
                written.push((path, shape.clone(), values));
            }
        }
    }
    writer.commit()?;
    let store = (backend.reopen)();
    for (path, shape, expected) in written {
        let (info, values) = read(&*store, &path)?;
        assert_eq!((info.shape, values), (shape, expected), "{path}");
    }
    Ok(())
}

/// Several arrays may be filled in turns.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn side_by_side(backend: &Backend<'_>) -> Result<()> {
    let writer = (backend.create)();
    let types = [DType::F32, DType::I32, DType::Str, DType::Bool];
    let mut arrays = vec![];
    for dtype in types {
        let spec = ArraySpec::new(dtype, vec![0]).growable().chunk(vec![50]).compression(COMPRESSIONS[2]);
        arrays.push(writer.array(&format!("X/{dtype}"), &spec)?);
    }
    for start in (0..1000).step_by(10) {
        for (array, dtype) in arrays.iter_mut().zip(types) {
            array.append(sample(dtype, 1000).slice(start..start + 10))?;
        }
        writer.attr("X", "progress", &AttrValue::int(i64::try_from(start).unwrap_or(0)))?;
    }
    for array in arrays.into_iter().rev() {
        array.finish()?;
    }
    writer.commit()?;
    let store = (backend.reopen)();
    for dtype in types {
        assert_eq!(read(&*store, &format!("X/{dtype}"))?.1, sample(dtype, 1000), "{dtype}");
    }
    assert_eq!(store.attrs("X")?.get("progress").and_then(AttrValue::as_int), Some(990));
    Ok(())
}

/// Arrays without values keep their type and shape, and the null array keeps being one.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn empty_arrays(backend: &Backend<'_>) -> Result<()> {
    let shapes: [&[u64]; 4] = [&[0], &[0, 5], &[5, 0], &[0, 0]];
    let writer = (backend.create)();
    let mut written = vec![];
    for dtype in [DType::F32, DType::Str] {
        for shape in shapes {
            for (growable, compression) in
                [(false, COMPRESSIONS[0]), (true, COMPRESSIONS[0]), (true, COMPRESSIONS[2]), (false, COMPRESSIONS[1])]
            {
                let spec = ArraySpec { growable, ..ArraySpec::new(dtype, shape.to_vec()).compression(compression) };
                let path = format!("a{}", written.len());
                write(&*writer, &path, &spec, Buffer::empty(dtype))?;
                written.push((path, dtype, shape));
            }
        }
    }
    let null = ArraySpec { dtype: ArrayType::Null, ..ArraySpec::new(DType::F32, vec![]) };
    writer.array("null", &null)?.finish()?;
    writer.commit()?;
    let store = (backend.reopen)();
    for (path, dtype, shape) in written {
        let (info, values) = read(&*store, &path)?;
        assert_eq!(info.shape, shape, "{path}");
        assert_eq!(values, Buffer::empty(dtype), "{path}");
    }
    let null = store.array("null")?.info().clone();
    if backend.json {
        assert_eq!((null.dtype, null.shape), (ArrayType::Plain(DType::Bool), vec![]));
    } else {
        assert!(null.dtype == ArrayType::Null && null.is_empty());
    }
    Ok(())
}

/// Text of any language and length survives, also in bulk.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn text(backend: &Backend<'_>) -> Result<()> {
    let long = "ACGT".repeat(50_000);
    let few: Strings = ["", "a", "ä", "漢字", "😀", " space ", "tab\tnew\nline", &long, ""].into_iter().collect();
    let many: Strings = (0..40_000).map(|i| format!("ACGTACGT-{i}")).collect();
    let writer = (backend.create)();
    let few_spec = ArraySpec::new(DType::Str, vec![few.len() as u64]);
    let many_spec = ArraySpec::new(DType::Str, vec![many.len() as u64]).compression(COMPRESSIONS[1]);
    write(&*writer, "few", &few_spec, Buffer::Str(few.clone()))?;
    write(&*writer, "many", &many_spec, Buffer::Str(many.clone()))?;
    writer.commit()?;
    let store = (backend.reopen)();
    assert_eq!(read(&*store, "few")?.1, Buffer::Str(few));
    let (info, values) = read(&*store, "many")?;
    assert_eq!(values, Buffer::Str(many.clone()));
    let mut part = Buffer::empty(DType::Str);
    store.array("many")?.read(&Region::rows(&info.shape, 39_000..39_002), &mut part)?;
    assert_eq!(part, Buffer::Str(many).slice(39_000..39_002));
    Ok(())
}

/// Records are written and read field by field.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn records(backend: &Backend<'_>) -> Result<()> {
    let mut fields: Vec<Field> =
        DType::ALL.iter().map(|&dtype| Field { name: format!("of {dtype}"), dtype, shape: vec![] }).collect();
    if !backend.json {
        fields.push(Field { name: "pair".to_owned(), dtype: DType::F32, shape: vec![2] });
    }
    let writer = (backend.create)();
    let values = |field: &Field, records: usize| sample(field.dtype, records * length(&field.shape));
    let gzip = Compression::Gzip { level: 4, shuffle: true };
    let cases =
        [("some", 100, Compression::None), ("none", 0, Compression::None), ("packed", 100, gzip), ("void", 0, gzip)];
    for (path, records, compression) in cases {
        let spec = ArraySpec::records(fields.clone(), vec![records as u64]).chunk(vec![30]).compression(compression);
        let mut array = writer.array(path, &spec)?;
        for (i, field) in fields.iter().enumerate().rev() {
            array.write_field(i, &values(field, records))?;
        }
        array.finish()?;
    }
    writer.commit()?;
    let store = (backend.reopen)();
    for (path, records, _) in cases {
        let array = store.array(path)?;
        assert_eq!(array.info().dtype, ArrayType::Records(fields.clone()));
        assert_eq!(array.shape(), [records as u64]);
        let mut out = Buffer::empty(DType::U8);
        for (i, field) in fields.iter().enumerate() {
            array.read_field(i, &mut out)?;
            assert_eq!(out, values(field, records), "{}", field.name);
        }
        assert!(array.read_field(fields.len(), &mut out).is_err());
    }
    Ok(())
}

/// Broken promises of the caller are errors.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn misuse(backend: &Backend<'_>) -> Result<()> {
    let three = ArraySpec::new(DType::I32, vec![3]);
    let expect_failure = |work: &dyn Fn(&dyn StoreWriter) -> Result<()>| {
        assert!(work(&*(backend.create)()).is_err());
    };
    expect_failure(&|writer| write(writer, "few", &three, Buffer::I32(vec![1])));
    expect_failure(&|writer| write(writer, "many", &three, Buffer::I32(vec![1; 4])));
    expect_failure(&|writer| write(writer, "type", &three, Buffer::I64(vec![1; 3])));
    expect_failure(&|writer| writer.attr("absent", "a", &AttrValue::Null));
    expect_failure(&|writer| {
        write(writer, "x", &three, Buffer::I32(vec![1; 3])).expect("is correct");
        writer.group("x/y")
    });
    expect_failure(&|writer| {
        write(writer, "x", &three, Buffer::I32(vec![1; 3])).expect("is correct");
        writer.array("x", &three).map(drop)
    });
    let writer = (backend.create)();
    let unfinished = writer.array("x", &three)?;
    assert!(writer.commit().is_err(), "an array is not finished");
    drop(unfinished);
    Ok(())
}

/// [`copy_tree`] from the store into memory and back changes nothing.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn copies(backend: &Backend<'_>) -> Result<()> {
    let memory = MemoryStore::writer();
    memory.group("g/empty")?;
    memory.attr("g", "a", &AttrValue::texts(["x", "y"].into_iter().collect()))?;
    for dtype in DType::ALL {
        for shape in [vec![], vec![40], vec![10, 4], vec![0]] {
            let spec = ArraySpec::new(dtype, shape.clone());
            let path = format!("g/{dtype}/{}{}", shape.len(), length(&shape));
            write(&memory, &path, &spec, sample(dtype, length(&shape)))?;
            memory.attr(&path, "shape", &AttrValue::ints(vec![1, 2]))?;
        }
    }
    let memory = memory.into_store();
    let writer = (backend.create)();
    copy_tree(&memory, "g", &*writer, "copied/g")?;
    writer.commit()?;
    let store = (backend.reopen)();
    same(&memory, "g", &*store, "copied/g")?;
    let again = MemoryStore::writer();
    copy_tree(&*store, "", &again, "")?;
    same(&memory, "g", &again.into_store(), "copied/g")
}

/// Checks that two trees hold the same.
fn same(a: &dyn Store, a_path: &str, b: &dyn Store, b_path: &str) -> Result<()> {
    assert_eq!(a.node(a_path)?, b.node(b_path)?, "{a_path}");
    assert_eq!(a.attrs(a_path)?, b.attrs(b_path)?, "{a_path}");
    match a.node(a_path)? {
        Some(NodeKind::Array) => {
            let ((a_info, a_values), (b_info, b_values)) = (read(a, a_path)?, read(b, b_path)?);
            assert_eq!((a_info.dtype, a_info.shape, a_values), (b_info.dtype, b_info.shape, b_values), "{a_path}");
            Ok(())
        }
        Some(NodeKind::Group) => {
            assert_eq!(a.children(a_path)?, b.children(b_path)?, "{a_path}");
            a.children(a_path)?
                .iter()
                .try_for_each(|name| same(a, &format!("{a_path}/{name}"), b, &format!("{b_path}/{name}")))
        }
        None => Err(Error::internal("nothing to compare")),
    }
}
