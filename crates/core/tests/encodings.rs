//! Every element reads back as it was written; what breaks the rules is refused with its place.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use annstream_core::anndata::{ReadContext, Warnings, WriteOptions, read_element, write_element};
use annstream_core::element::{
    AwkwardArray, DenseArray, Dict, Element, OpaqueElement, RecordArray, SparseLayout, SparseMatrix,
};
use annstream_core::table::{Column, NaValue, Table};
use annstream_core::{Error, ErrorKind};
use annstream_store::{
    ArraySpec, AttrValue, Buffer, DType, Field, MemoryStore, MemoryWriter, Region, Store, StoreWriter,
};
use indexmap::IndexMap;

fn text(values: &[&str]) -> Buffer {
    Buffer::Str(values.iter().collect())
}

fn sparse(layout: SparseLayout) -> SparseMatrix {
    let indptr = match layout {
        SparseLayout::Csr => vec![0, 2, 2, 3],
        SparseLayout::Csc => vec![0, 1, 1, 2, 3],
    };
    SparseMatrix { layout, shape: [3, 4], indptr, indices: vec![2, 0, 1], data: Buffer::F32(vec![1.0, 2.0, 3.0]) }
}

fn categorical(categories: Column, codes: &[i32], ordered: bool) -> Column {
    Column::Categorical { codes: codes.to_vec(), categories: Box::new(categories), ordered }
}

fn nullable(values: Buffer, na: NaValue) -> Column {
    Column::Nullable { values, missing: vec![false, true, false], na }
}

fn table() -> Table {
    let mut table = Table::new(Column::text(["a", "b", "c"]));
    table.index_name = Some("cell".to_owned());
    for (name, column) in [
        ("z", Column::Plain(Buffer::F64(vec![1.0, 2.0, 3.0]))),
        ("cat", categorical(Column::text(["x", "y"]), &[0, -1, 1], true)),
        ("cat_bool", categorical(Column::Plain(Buffer::Bool(vec![0, 1])), &[1, 0, 1], false)),
        ("cat_int", categorical(Column::Plain(Buffer::I64(vec![7, 5])), &[1, 0, 1], false)),
        ("text", Column::text(["", "é", "c"])),
        ("flag", Column::Plain(Buffer::Bool(vec![1, 0, 1]))),
        ("int", nullable(Buffer::I32(vec![1, 0, 3]), NaValue::Na)),
        ("bool", nullable(Buffer::Bool(vec![1, 0, 0]), NaValue::Na)),
        ("a", nullable(text(&["x", "", "z"]), NaValue::NaN)),
    ] {
        table.columns.insert(name.to_owned(), column);
    }
    table
}

fn everything() -> Vec<Element> {
    let array = |shape: &[usize], values| Element::Array(DenseArray { shape: shape.to_vec(), values });
    let mut grouped = Table::new(nullable(text(&["a", "", "c"]), NaValue::NaN));
    grouped.columns.insert("x".to_owned(), Column::Plain(Buffer::U16(vec![1, 2, 3])));
    let whole = Column::Nullable { values: text(&["p", "q"]), missing: vec![false, false], na: NaValue::NaN };
    let nested = Dict::from([
        ("b".to_owned(), Element::Null),
        ("deep".to_owned(), Element::Dict(Dict::from([("x".to_owned(), Element::Scalar(Buffer::Bool(vec![1])))]))),
        ("empty".to_owned(), Element::Dict(Dict::new())),
    ]);
    let mut all: Vec<Element> = DType::ALL.iter().map(|&dtype| array(&[2, 0, 3], Buffer::empty(dtype))).collect();
    all.extend(DType::ALL.iter().map(|&dtype| array(&[2], Buffer::zeros(dtype, 2))));
    all.extend(DType::ALL.iter().map(|&dtype| Element::Scalar(Buffer::zeros(dtype, 1))));
    all.extend([
        array(&[2, 1, 2], Buffer::I16(vec![1, -2, 3, 4])),
        array(&[1, 2], text(&["a", "b"])),
        array(&[1], text(&["one"])),
        Element::Sparse(sparse(SparseLayout::Csr)),
        Element::Sparse(sparse(SparseLayout::Csc)),
        Element::Table(table()),
        Element::Table(Table::new(Column::text(["only", "index"]))),
        Element::Table(Table::new(Column::Plain(Buffer::I64(vec![3, 1])))),
        Element::Table(Table::new(categorical(Column::text(["x"]), &[0, 0], false))),
        Element::Table(grouped),
        Element::Column(categorical(whole, &[1, 0], false)),
        Element::Column(nullable(Buffer::U8(vec![1, 0, 2]), NaValue::Na)),
        Element::Null,
        Element::Records(RecordArray {
            shape: vec![2],
            fields: vec![
                Field { name: "name".to_owned(), dtype: DType::Str, shape: vec![] },
                Field { name: "position".to_owned(), dtype: DType::F32, shape: vec![2] },
            ],
            values: vec![text(&["a", "b"]), Buffer::F32(vec![1.0, 2.0, 3.0, 4.0])],
        }),
        Element::Awkward(AwkwardArray {
            form: "{\"class\": \"ListOffsetArray\"}".to_owned(),
            length: 2,
            buffers: IndexMap::from([
                ("node0-offsets".to_owned(), DenseArray { shape: vec![3], values: Buffer::I64(vec![0, 1, 2]) }),
                ("node1-data".to_owned(), DenseArray { shape: vec![2], values: Buffer::F64(vec![0.5, 1.5]) }),
            ]),
        }),
        Element::Dict(nested),
    ]);
    all
}

fn read(store: &MemoryStore, path: &str) -> Result<Element, Error> {
    let warnings = Warnings::new();
    read_element(&ReadContext::new(store, &warnings), path)
}

fn write(writer: &MemoryWriter, path: &str, element: &Element) -> Result<(), Error> {
    write_element(writer, path, element, &WriteOptions::default(), &[])
}

fn put(writer: &MemoryWriter, path: &str, values: &Buffer) {
    let mut array = writer.array(path, &ArraySpec::new(values.dtype(), vec![values.len() as u64])).unwrap();
    array.append(values.clone()).unwrap();
    array.finish().unwrap();
}

fn tag(writer: &MemoryWriter, path: &str, name: &str, version: &str) {
    writer.attr(path, "encoding-type", &AttrValue::text(name)).unwrap();
    writer.attr(path, "encoding-version", &AttrValue::text(version)).unwrap();
}

#[test]
fn elements_round_trip() {
    for element in everything() {
        let writer = MemoryStore::writer();
        write(&writer, "uns/it", &element).unwrap();
        let store = writer.into_store();
        assert_eq!(read(&store, "uns/it").unwrap(), element);
    }
}

#[test]
fn written_layout_is_that_of_anndata() {
    let writer = MemoryStore::writer();
    write(&writer, "obs", &Element::Table(table())).unwrap();
    write(&writer, "X", &Element::Sparse(sparse(SparseLayout::Csr))).unwrap();
    let many = Column::Plain(Buffer::I64((0..127).collect()));
    write(&writer, "many", &Element::Column(categorical(many, &[126], false))).unwrap();
    let store = writer.into_store();
    let attrs = store.attrs("obs").unwrap();
    assert_eq!(attrs["_index"].as_str(), Some("cell"));
    let order: Vec<_> = attrs["column-order"].as_texts().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(order, ["z", "cat", "cat_bool", "cat_int", "text", "flag", "int", "bool", "a"]);
    assert_eq!(attrs["encoding-version"].as_str(), Some("0.2.0"));
    assert_eq!(store.attrs("obs/cat").unwrap()["ordered"], AttrValue::bool(true));
    let dtype = |path: &str| store.array(path).unwrap().info().dtype.plain();
    assert_eq!(dtype("obs/cat/codes"), Some(DType::I8));
    assert_eq!(dtype("many/codes"), Some(DType::I16));
    assert_eq!(dtype("obs/int/mask"), Some(DType::Bool));
    assert_eq!(dtype("X/indices"), Some(DType::I32));
    assert_eq!(store.attrs("X").unwrap()["shape"], AttrValue::ints(vec![3, 4]));
    assert!(store.attrs("X/data").unwrap().is_empty());
    assert_eq!(store.attrs("obs/int").unwrap()["encoding-type"].as_str(), Some("nullable-integer"));
}

#[test]
fn values_under_the_mask_are_cleared() {
    let writer = MemoryStore::writer();
    write(&writer, "n", &Element::Column(nullable(Buffer::I32(vec![1, 99, 3]), NaValue::Na))).unwrap();
    let expected = nullable(Buffer::I32(vec![1, 0, 3]), NaValue::Na);
    assert_eq!(read(&writer.into_store(), "n").unwrap(), Element::Column(expected));
}

#[test]
fn unknown_encodings_are_copied() {
    let writer = MemoryStore::writer();
    put(&writer, "uns/odd/values", &Buffer::I8(vec![1, 2]));
    tag(&writer, "uns/odd", "of the future", "9.0");
    writer.attr("uns/odd", "extra", &AttrValue::int(4)).unwrap();
    let store = writer.into_store();
    let warnings = Warnings::new();
    let element = read_element(&ReadContext::new(&store, &warnings), "uns/odd").unwrap();
    let expected = OpaqueElement { encoding: "of the future".to_owned(), path: "uns/odd".to_owned(), origin: 0 };
    assert_eq!(element, Element::Opaque(expected));
    assert_eq!(warnings.list().len(), 1);

    let writer = MemoryStore::writer();
    write_element(&writer, "copy", &element, &WriteOptions::default(), &[&store]).unwrap();
    let copy = writer.into_store();
    assert_eq!(copy.attrs("copy").unwrap(), store.attrs("uns/odd").unwrap());
    let reader = copy.array("copy/values").unwrap();
    let mut values = Buffer::empty(DType::I8);
    reader.read(&Region::all(reader.shape()), &mut values).unwrap();
    assert_eq!(values, Buffer::I8(vec![1, 2]));
}

#[test]
fn old_sparse_and_old_mappings_are_read() {
    let writer = MemoryStore::writer();
    put(&writer, "uns/m/data", &Buffer::F64(vec![1.0]));
    put(&writer, "uns/m/indices", &Buffer::U8(vec![1]));
    put(&writer, "uns/m/indptr", &Buffer::I32(vec![0, 1]));
    writer.attr("uns/m", "h5sparse_format", &AttrValue::text("csr")).unwrap();
    writer.attr("uns/m", "h5sparse_shape", &AttrValue::ints(vec![1, 2])).unwrap();
    put(&writer, "uns/one", &text(&["stays an array"]));
    let Element::Dict(dict) = read(&writer.into_store(), "uns").unwrap() else { panic!("a mapping expected") };
    let matrix = SparseMatrix {
        layout: SparseLayout::Csr,
        shape: [1, 2],
        indptr: vec![0, 1],
        indices: vec![1],
        data: Buffer::F64(vec![1.0]),
    };
    assert_eq!(dict["m"], Element::Sparse(matrix));
    assert_eq!(dict["one"], Element::Array(DenseArray { shape: vec![1], values: text(&["stays an array"]) }));
}

#[test]
fn old_tables_find_their_categories() {
    let writer = MemoryStore::writer();
    put(&writer, "obs/_index", &text(&["a", "b"]));
    put(&writer, "obs/cat", &Buffer::I8(vec![1, -1]));
    put(&writer, "obs/__categories/cat", &text(&["x", "y"]));
    writer.attr("obs/__categories/cat", "ordered", &AttrValue::bool(true)).unwrap();
    writer.attr("obs/cat", "categories", &AttrValue::Reference("/obs/__categories/cat".to_owned())).unwrap();
    put(&writer, "obs/zarr", &Buffer::I8(vec![0, 1]));
    writer.attr("obs/zarr", "categories", &AttrValue::text("__categories/cat")).unwrap();
    writer.attr("obs", "_index", &AttrValue::text("_index")).unwrap();
    writer.attr("obs", "column-order", &AttrValue::texts(["zarr", "cat"].into_iter().collect())).unwrap();
    tag(&writer, "obs", "dataframe", "0.1.0");
    let Element::Table(table) = read(&writer.into_store(), "obs").unwrap() else { panic!("a table expected") };
    assert_eq!(table.index_name, None);
    assert_eq!(table.columns.keys().collect::<Vec<_>>(), ["zarr", "cat"]);
    assert_eq!(table.columns["cat"], categorical(Column::text(["x", "y"]), &[1, -1], true));
    assert_eq!(table.columns["zarr"], categorical(Column::text(["x", "y"]), &[0, 1], true));
}

/// Writes a CSR matrix of 2 × 3 with the given members and reads it.
fn broken_sparse(indptr: Buffer, indices: Buffer, data: Buffer, shape: Vec<i64>) -> Error {
    let writer = MemoryStore::writer();
    for (name, values) in [("indptr", indptr), ("indices", indices), ("data", data)] {
        put(&writer, &format!("X/{name}"), &values);
    }
    writer.attr("X", "shape", &AttrValue::ints(shape)).unwrap();
    tag(&writer, "X", "csr_matrix", "0.1.0");
    read(&writer.into_store(), "X").unwrap_err()
}

#[test]
fn damaged_sparse_matrices_are_refused_with_their_place() {
    let ones = |n: usize| Buffer::F32(vec![1.0; n]);
    let cases = [
        (vec![1, 1, 2], vec![0, 1], ones(2), vec![2, 3], "indptr starts at 1, 0 expected"),
        (vec![0, 1, 3], vec![0, 1], ones(2), vec![2, 3], "indptr ends at 3, 2 expected"),
        (vec![0, 3, 2], vec![0, 1], ones(2), vec![2, 3], "row 1: indptr falls from 3 to 2"),
        (vec![0, 1, 2], vec![0, 3], ones(2), vec![2, 3], "row 1: index 3 is not below 3"),
        (vec![0, 1, 2], vec![0, -1], ones(2), vec![2, 3], "value -1 at 1 is negative"),
        (vec![0, 1, 2], vec![0], ones(2), vec![2, 3], "2 values but 1 indices"),
        (vec![0, 2], vec![0, 1], ones(2), vec![2, 3], "indptr has 2 values"),
        (vec![0, 1, 2], vec![0, 1], ones(2), vec![2, -3], "attribute 'shape'"),
        (vec![0, 1, 2], vec![0, 1], ones(2), vec![2], "attribute 'shape'"),
        (vec![0, 1, 2], vec![0, 1], text(&["a", "b"]), vec![2, 3], "values are str"),
    ];
    for (indptr, indices, data, shape, message) in cases {
        let (indptr, indices) = (Buffer::I32(indptr), Buffer::I32(indices));
        let error = broken_sparse(indptr, indices, data, shape);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains('X'), "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
    let empty = broken_sparse(Buffer::I32(vec![]), Buffer::I32(vec![]), ones(0), vec![i64::MAX, 3]);
    assert_eq!(empty.kind(), ErrorKind::Invalid, "{empty}");
}

#[test]
fn damaged_tables_are_refused_with_their_place() {
    type Damage = fn(&MemoryWriter);
    let cases: [(Damage, &str); 6] = [
        (|w| put(w, "obs/c/codes", &Buffer::I8(vec![0, 2])), "obs/c: row 1: code 2 is not in −1..2"),
        (|w| put(w, "obs/c/codes", &Buffer::I8(vec![-2, 0])), "obs/c: row 0: code -2 is not in −1..2"),
        (|w| put(w, "obs/c/codes", &Buffer::U16(vec![0, 65535])), "obs/c: row 1: code 65535 is not in −1..2"),
        (|w| put(w, "obs/c/codes", &Buffer::F64(vec![0.0, 1.0])), "obs/c: codes are of type float64"),
        (|w| put(w, "obs/c/codes", &Buffer::I8(vec![0])), "obs/c: has 1 values, 2 expected as in the index"),
        (|_| {}, "obs/c/codes: is missing"),
    ];
    for (damage, message) in cases {
        let writer = MemoryStore::writer();
        put(&writer, "obs/_index", &text(&["a", "b"]));
        put(&writer, "obs/c/categories", &text(&["x", "y"]));
        writer.attr("obs", "_index", &AttrValue::text("_index")).unwrap();
        writer.attr("obs", "column-order", &AttrValue::texts(["c"].into_iter().collect())).unwrap();
        tag(&writer, "obs", "dataframe", "0.2.0");
        tag(&writer, "obs/c", "categorical", "0.2.0");
        damage(&writer);
        let error = read(&writer.into_store(), "obs").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn repeated_categories_and_short_masks_are_refused() {
    let writer = MemoryStore::writer();
    put(&writer, "c/codes", &Buffer::I8(vec![0]));
    put(&writer, "c/categories", &text(&["x", "x"]));
    tag(&writer, "c", "categorical", "0.2.0");
    put(&writer, "n/values", &Buffer::I8(vec![0, 1]));
    put(&writer, "n/mask", &Buffer::Bool(vec![0]));
    tag(&writer, "n", "nullable-integer", "0.1.0");
    let store = writer.into_store();
    assert!(read(&store, "c").unwrap_err().to_string().contains("only 1 are distinct"));
    assert!(read(&store, "n").unwrap_err().to_string().contains("the mask has 1 values, 2 expected"));
}

#[test]
fn endless_nesting_is_refused() {
    let writer = MemoryStore::writer();
    let path = vec!["g"; 70].join("/");
    writer.group(&path).unwrap();
    let error = read(&writer.into_store(), "g").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("nested more than 64 deep"), "{error}");
}

#[test]
fn endless_categories_are_refused() {
    let writer = MemoryStore::writer();
    let mut path = "c".to_owned();
    for _ in 0..100 {
        put(&writer, &format!("{path}/codes"), &Buffer::I8(vec![0]));
        tag(&writer, &path, "categorical", "0.2.0");
        path.push_str("/categories");
    }
    put(&writer, &path, &text(&["x"]));
    assert!(read(&writer.into_store(), "c").unwrap_err().to_string().contains("nested more than 64 deep"));
}

#[test]
fn what_anndata_cannot_hold_is_not_written() {
    let writer = MemoryStore::writer();
    let float = Element::Column(nullable(Buffer::F64(vec![1.0, 0.0, 2.0]), NaValue::Na));
    assert_eq!(write(&writer, "float", &float).unwrap_err().kind(), ErrorKind::Unsupported);
    let unnamed = Element::Dict(Dict::from([(String::new(), Element::Null)]));
    assert_eq!(write(&writer, "dict", &unnamed).unwrap_err().kind(), ErrorKind::Unsupported);
    let mut clash = Table::new(Column::text(["a"]));
    clash.index_name = Some("x".to_owned());
    clash.columns.insert("x".to_owned(), Column::text(["b"]));
    assert_eq!(write(&writer, "clash", &Element::Table(clash)).unwrap_err().kind(), ErrorKind::Unsupported);
}
