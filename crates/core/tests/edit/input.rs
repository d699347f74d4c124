//! A small file with something in every place, and what it is made of.

use std::sync::Arc;

use annstream_core::anndata::{AnnDataFile, WriteOptions, write_element, write_root};
use annstream_core::concat::Input;
use annstream_core::element::{DenseArray, Element, SparseLayout, SparseMatrix};
use annstream_core::table::{Column, NaValue, Table};
use annstream_store::{AttrValue, Buffer, MemoryStore, StoreWriter};

pub(crate) const CELLS: usize = 4;
pub(crate) const GENES: usize = 3;

pub(crate) fn numbers(start: i32, len: usize) -> Buffer {
    Buffer::F32((start..).take(len).map(|value| f32::from(i16::try_from(value).unwrap())).collect())
}

pub(crate) fn dense(shape: &[usize], start: i32) -> Element {
    Element::Array(DenseArray { shape: shape.to_vec(), values: numbers(start, shape.iter().product()) })
}

/// A square matrix with a value on each place of its diagonal.
pub(crate) fn diagonal(extent: usize, start: i32) -> Element {
    Element::Sparse(SparseMatrix {
        layout: SparseLayout::Csr,
        shape: [extent; 2],
        indptr: (0..=extent as u64).collect(),
        indices: (0..extent as u64).collect(),
        data: numbers(start, extent),
    })
}

pub(crate) fn text(value: &str) -> Element {
    Element::Scalar(Buffer::Str([value].into_iter().collect()))
}

pub(crate) fn texts<const N: usize>(values: [&str; N]) -> Element {
    Element::Array(DenseArray { shape: vec![N], values: Buffer::Str(values.into_iter().collect()) })
}

pub(crate) fn dict<const N: usize>(entries: [(&str, Element); N]) -> Element {
    Element::Dict(entries.map(|(name, element)| (name.to_owned(), element)).into())
}

pub(crate) fn categories(codes: &[i32], names: &[&str]) -> Column {
    Column::Categorical { codes: codes.to_vec(), categories: Box::new(Column::text(names)), ordered: false }
}

pub(crate) fn table<const N: usize>(index: &[&str], name: Option<&str>, columns: [(&str, Column); N]) -> Table {
    let columns = columns.map(|(name, column)| (name.to_owned(), column)).into();
    Table { index: Column::text(index), index_name: name.map(str::to_owned), columns }
}

pub(crate) fn flags(values: &[u8], missing: &[bool]) -> Column {
    Column::Nullable { values: Buffer::Bool(values.to_vec()), missing: missing.to_vec(), na: NaValue::Na }
}

/// A file with something in every place.
pub(crate) fn input() -> Input {
    let writer = MemoryStore::writer();
    let put = |path: &str, element: Element| {
        write_element(&writer, path, &element, &WriteOptions::default(), &[]).unwrap();
    };
    write_root(&writer).unwrap();
    let shape = [CELLS, GENES];
    let (indptr, indices) = (vec![0, 1, 3, 3, 5], vec![0, 0, 2, 1, 2]);
    let data = numbers(1, indices.len());
    put("X", Element::Sparse(SparseMatrix { layout: SparseLayout::Csr, shape, indptr, indices, data }));
    let obs = [
        ("n", Column::Plain(Buffer::I32(vec![1, 2, 3, 4]))),
        ("type", categories(&[0, 1, 2, 1], &["a", "b", "c"])),
        ("ok", flags(&[1, 0, 0, 1], &[false, false, true, false])),
    ];
    let var = [("mean", Column::Plain(numbers(5, GENES))), ("gene", Column::text(["x", "y", "z"]))];
    let var = table(&["x", "y", "z"], Some("gene"), var);
    put("obs", Element::Table(table(&["c0", "c1", "c2", "c3"], None, obs)));
    put("var", Element::Table(var.clone()));
    put("layers", dict([("old", dense(&[CELLS, GENES], 20)), ("counts", dense(&[CELLS, GENES], 40))]));
    put("obsm", dict([("X_pca", dense(&[CELLS, 2], 60)), ("other", dense(&[CELLS, 2], 80))]));
    put("varm", dict([("PCs", dense(&[GENES, 2], 100)), ("other", dense(&[GENES, 2], 120))]));
    put("obsp", dict([("near", diagonal(CELLS, 7)), ("far", diagonal(CELLS, 9))]));
    put("varp", dict([("near", diagonal(GENES, 11)), ("far", dense(&[GENES, GENES], 13))]));
    let hvg = dict([("flavor", text("seurat")), ("n", dense(&[2], 3))]);
    put("uns", dict([("type_colors", texts(["red", "green", "blue"])), ("hvg", hvg), ("title", text("t"))]));
    put("raw/X", dense(&[CELLS, GENES], 200));
    put("raw/var", Element::Table(var));
    put("raw/varm", dict([("PCs", dense(&[GENES, 2], 300))]));
    for (name, value) in [("encoding-type", "raw"), ("encoding-version", "0.1.0")] {
        writer.attr("raw", name, &AttrValue::text(value)).unwrap();
    }
    Input { name: "input".to_owned(), file: AnnDataFile::open(Arc::new(writer.into_store())).unwrap() }
}
