//! What `AnnDataFile` says of a file, new and old, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use annstream_core::anndata::{
    AnnDataFile, ColumnSchema, MatrixHeader, Slot, TableName, WriteOptions, tree, write_element, write_root,
};
use annstream_core::element::{DenseArray, Dict, Element, SparseLayout, SparseMatrix};
use annstream_core::table::{Column, Table};
use annstream_core::{Error, ErrorKind};
use annstream_store::{ArraySpec, AttrValue, Buffer, DType, Field, MemoryStore, MemoryWriter, StoreWriter};

fn write(writer: &MemoryWriter, path: &str, element: &Element) {
    write_element(writer, path, element, &WriteOptions::default(), &[]).unwrap();
}

fn names(prefix: &str, len: usize) -> Element {
    Element::Table(Table::new(Column::text((0..len).map(|i| format!("{prefix}{i}")))))
}

fn dense(shape: &[usize]) -> Element {
    let values = Buffer::zeros(DType::F32, shape.iter().product());
    Element::Array(DenseArray { shape: shape.to_vec(), values })
}

fn sparse(rows: usize, columns: usize) -> Element {
    Element::Sparse(SparseMatrix {
        layout: SparseLayout::Csr,
        shape: [rows, columns],
        indptr: vec![0; rows + 1],
        indices: vec![],
        data: Buffer::F32(vec![]),
    })
}

/// A file of 3 × 2 with the given further elements.
fn open(further: &[(&str, Element)]) -> Result<AnnDataFile, Error> {
    let writer = MemoryStore::writer();
    write_root(&writer).unwrap();
    write(&writer, "obs", &names("c", 3));
    write(&writer, "var", &names("g", 2));
    for (path, element) in further {
        write(&writer, path, element);
    }
    AnnDataFile::open(Arc::new(writer.into_store()))
}

#[test]
fn slots_are_found_and_read() {
    let graph = Dict::from([("distances".to_owned(), sparse(3, 3)), ("params".to_owned(), Element::Null)]);
    let file = open(&[
        ("X", sparse(3, 2)),
        ("layers/counts", dense(&[3, 2])),
        ("obsm/X_pca", dense(&[3, 5])),
        ("obsm/flat", dense(&[3])),
        ("obsm/table", names("c", 3)),
        ("varm/PCs", dense(&[2, 5])),
        ("raw/X", sparse(3, 4)),
        ("raw/var", names("g", 4)),
        ("uns/neighbors", Element::Dict(graph)),
        ("uns/x", Element::Scalar(Buffer::I64(vec![4]))),
    ])
    .unwrap();
    assert_eq!((file.n_obs(), file.n_vars()), (3, 2));
    let slots: Vec<_> = file.matrices().into_iter().map(|(slot, _)| slot.to_string()).collect();
    let expected =
        ["X", "layers/counts", "obsm/X_pca", "obsm/flat", "obsm/table", "varm/PCs", "obsp/distances", "raw/X"];
    assert_eq!(slots, expected);
    let Some(MatrixHeader::Sparse(x)) = file.x() else { panic!("a sparse matrix expected") };
    assert_eq!((x.shape, x.nnz, x.dtype, x.indices), ([3, 2], 0, DType::F32, DType::I32));
    assert_eq!(file.matrix(Slot::Obsp("distances")).unwrap().path(), "uns/neighbors/distances");
    assert_eq!(file.read(Slot::Obsm("flat")).unwrap().shape(), Some(vec![3, 1]));
    assert_eq!(file.read(Slot::Obsp("distances")).unwrap(), sparse(3, 3));
    assert_eq!(file.raw().unwrap().var.len(), 4);
    assert_eq!(file.read_index(TableName::RawVar).unwrap(), Column::text(["g0", "g1", "g2", "g3"]));
    let left = Element::Dict(Dict::from([("params".to_owned(), Element::Null)]));
    assert_eq!(file.read_uns().unwrap()["neighbors"], left);
    assert_eq!(file.read(Slot::Uns("neighbors")).unwrap(), left);
    assert_eq!(file.uns_names(), ["neighbors", "x"]);
    assert_eq!(file.read(Slot::X).unwrap(), sparse(3, 2));
    assert_eq!(file.read(Slot::Layer("absent")).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(file.read_column(TableName::Obs, "absent").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(file.stored_bytes().unwrap() > 0);
    assert!(!file.is_legacy());
    let entries = tree(file.store().as_ref()).unwrap();
    let x = entries.iter().find(|entry| entry.path == "X").unwrap();
    assert_eq!((x.encoding.as_str(), x.nnz, x.shape.clone()), ("csr_matrix", Some(0), Some(vec![3, 2])));
    assert!(!entries.iter().any(|entry| entry.path == "X/data"));
}

#[test]
fn optional_groups_may_be_absent_or_null() {
    let file = open(&[("X", Element::Null), ("raw", Element::Null), ("layers", Element::Null)]).unwrap();
    assert!(file.x().is_none() && file.raw().is_none() && file.layers().is_empty());
    assert!(file.read_uns().unwrap().is_empty());
    assert!(file.warnings().is_empty());
}

#[test]
fn sizes_that_disagree_are_refused() {
    for (path, element, message) in [
        ("X", sparse(2, 2), "X: has shape [2, 2], 3 observations and 2 variables expected"),
        ("X", dense(&[3]), "X: has shape [3], 3 observations and 2 variables expected"),
        ("layers/l", dense(&[3, 3]), "layers/l: has shape [3, 3]"),
        ("obsm/m", dense(&[2, 3]), "obsm/m: has shape [2, 3], 3 observations expected"),
        ("varm/m", names("g", 3), "varm/m: has shape [3, 0], 2 variables expected"),
        ("obsp/p", sparse(3, 2), "obsp/p: has shape [3, 2], [3, 3] expected"),
    ] {
        let error = open(&[(path, element)]).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn what_is_not_anndata_gets_a_hint() {
    let writer = MemoryStore::writer();
    writer.group("matrix/barcodes").unwrap();
    let error = AnnDataFile::open(Arc::new(writer.into_store())).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.next_step().unwrap().contains("10x"), "{error}");
}

#[test]
fn an_index_of_numbers_becomes_text() {
    let writer = MemoryStore::writer();
    write_root(&writer).unwrap();
    write(&writer, "obs", &Element::Table(Table::new(Column::Plain(Buffer::I64(vec![10, 11])))));
    write(&writer, "var", &names("g", 2));
    let file = AnnDataFile::open(Arc::new(writer.into_store())).unwrap();
    assert_eq!(file.read_table(TableName::Obs).unwrap().index, Column::text(["10", "11"]));
    assert_eq!(file.warnings().len(), 1);
}

fn put(writer: &MemoryWriter, path: &str, values: Buffer) {
    let mut array = writer.array(path, &ArraySpec::new(values.dtype(), vec![values.len() as u64])).unwrap();
    array.append(values).unwrap();
    array.finish().unwrap();
}

fn put_records(writer: &MemoryWriter, path: &str, rows: u64, fields: &[(&str, Vec<u64>, Buffer)]) {
    let specs = fields.iter().map(|(name, shape, values)| Field {
        name: (*name).to_owned(),
        dtype: values.dtype(),
        shape: shape.clone(),
    });
    let mut array = writer.array(path, &ArraySpec::records(specs.collect(), vec![rows])).unwrap();
    for (i, (_, _, values)) in fields.iter().enumerate() {
        array.write_field(i, values).unwrap();
    }
    array.finish().unwrap();
}

#[test]
fn the_oldest_layout_reads_like_the_newest() {
    let text = |values: &[&str]| Buffer::Str(values.iter().collect());
    let writer = MemoryStore::writer();
    let obs = vec![
        ("index", vec![], text(&["a", "b", "c"])),
        ("kind", vec![], Buffer::I8(vec![1, -1, 0])),
        ("n", vec![], Buffer::F32(vec![1.0, 2.0, 3.0])),
    ];
    put_records(&writer, "obs", 3, &obs);
    put_records(&writer, "var", 1, &[("index", vec![], text(&["g"])), ("kind", vec![], Buffer::I8(vec![5]))]);
    put_records(&writer, "raw.var", 2, &[("index", vec![], text(&["g", "h"]))]);
    put_records(&writer, "obsm", 3, &[("X_pca", vec![2], Buffer::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))]);
    put(&writer, "uns/kind_categories", text(&["x", "y"]));
    put(&writer, "uns/other", Buffer::I64(vec![1]));
    for (name, values) in
        [("data", Buffer::F32(vec![])), ("indices", Buffer::I32(vec![])), ("indptr", Buffer::I32(vec![0; 4]))]
    {
        put(&writer, &format!("raw.X/{name}"), values);
    }
    writer.attr("raw.X", "h5sparse_format", &AttrValue::text("csr")).unwrap();
    writer.attr("raw.X", "h5sparse_shape", &AttrValue::ints(vec![3, 2])).unwrap();

    let file = AnnDataFile::open(Arc::new(writer.into_store())).unwrap();
    assert!(file.is_legacy());
    let kind = &file.obs().columns["kind"].schema;
    assert_eq!(*kind, ColumnSchema::Categorical { categories: DType::Str, len: 2, ordered: false });
    assert_eq!(file.var().columns["kind"].schema, ColumnSchema::Plain(DType::I8));
    let table = file.read_table(TableName::Obs).unwrap();
    assert_eq!(table.index_name.as_deref(), Some("index"));
    let categories = Box::new(Column::text(["x", "y"]));
    assert_eq!(table.columns["kind"], Column::Categorical { codes: vec![1, -1, 0], categories, ordered: false });
    assert_eq!(file.read_uns().unwrap().keys().collect::<Vec<_>>(), ["other"]);
    assert_eq!(file.uns_names(), ["other"]);
    assert_eq!(file.raw().unwrap().x.as_ref().unwrap().path(), "raw.X");
    let expected = DenseArray { shape: vec![3, 2], values: Buffer::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) };
    assert_eq!(file.read(Slot::Obsm("X_pca")).unwrap(), Element::Array(expected));
}
