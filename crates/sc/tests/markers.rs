//! Neither layout nor threads nor memory change a bit of the markers.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use annstream_core::anndata::{AnnDataFile, WriteOptions, write_element, write_root};
use annstream_core::concat::Input;
use annstream_core::element::{DenseArray, Dict, Element, SparseLayout, SparseMatrix};
use annstream_core::table::{Column, Table};
use annstream_core::{Budget, Exec};
use annstream_sc::markers::{MarkerOptions, Markers, Method, plan, rank, uns_entry};
use annstream_store::{Buffer, MemoryStore};

const CELLS: usize = 6000;
const GENES: usize = 400;

/// Numbers that look random.
fn noise(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}

/// Half zeros; many ties, negative values, a gene of zeros, one that is constant, and one of whole numbers.
fn values() -> Vec<f32> {
    let mut next = noise(1);
    let mut all = vec![0.0; CELLS * GENES];
    for (i, value) in all.iter_mut().enumerate() {
        let (cell, gene) = (i / GENES, i % GENES);
        let number = next();
        let size = f32::from(u16::try_from(number % 1000).unwrap()) / 250.0;
        *value = match gene {
            0 => 0.0,
            1 => 1.5,
            2 => size.floor(),
            _ if number & 1024 == 0 => 0.0,
            _ if gene % 3 == 0 => size.floor() / 2.0 + if cell % 5 == gene % 5 { 0.5 } else { 0.0 },
            _ => size - 1.0,
        };
    }
    all
}

fn compressed(values: &[f32], layout: SparseLayout) -> Element {
    let (major, minor) = if layout == SparseLayout::Csr { (CELLS, GENES) } else { (GENES, CELLS) };
    let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
    for row in 0..major {
        for column in 0..minor {
            let (cell, gene) = if layout == SparseLayout::Csr { (row, column) } else { (column, row) };
            let value = values[cell * GENES + gene];
            // Some zeros are stored.
            if value != 0.0 || (cell + gene) % 50 == 0 {
                indices.push(column as u64);
                data.push(value);
            }
        }
        indptr.push(indices.len() as u64);
    }
    Element::Sparse(SparseMatrix { layout, shape: [CELLS, GENES], indptr, indices, data: Buffer::F32(data) })
}

fn input(x: &Element) -> Input {
    let writer = MemoryStore::writer();
    let options = WriteOptions::default();
    write_root(&writer).unwrap();
    let put = |path: &str, element: &Element| write_element(&writer, path, element, &options, &[]).unwrap();
    put("X", x);
    let mut obs = Table::new(Column::text((0..CELLS).map(|cell| format!("c{cell}"))));
    let mut next = noise(2);
    let codes = (0..CELLS).map(|_| i32::try_from(next() % 6).unwrap() - 1).collect();
    let categories = Box::new(Column::text(["b", "a", "e", "d", "c"]));
    obs.columns.insert("group".to_owned(), Column::Categorical { codes, categories, ordered: false });
    put("obs", &Element::Table(obs));
    let mut var = Table::new(Column::text((0..GENES).map(|gene| format!("g{gene}"))));
    let mask = (0..GENES).map(|gene| u8::from(gene % 7 != 3)).collect();
    var.columns.insert("some".to_owned(), Column::Plain(Buffer::Bool(mask)));
    put("var", &Element::Table(var));
    for name in ["layers", "obsm", "obsp", "varm", "varp", "uns"] {
        put(name, &Element::Dict(Dict::new()));
    }
    Input { name: "test".to_owned(), file: AnnDataFile::open(Arc::new(writer.into_store())).unwrap() }
}

fn marked(input: &Input, options: &MarkerOptions, threads: usize, memory: Option<u64>) -> (Markers, Element) {
    let budget = memory.map_or_else(Budget::unlimited, |mb| Budget::new(mb << 20));
    let exec = Exec::new(threads, budget).unwrap();
    let plan = plan(input, options.clone()).unwrap();
    let markers = rank(&plan, input, &exec).unwrap();
    let entry = uns_entry(&plan, &markers).unwrap();
    (markers, entry)
}

#[test]
fn same_bits_for_any_layout_threads_and_memory() {
    let values = values();
    let dense = Element::Array(DenseArray { shape: vec![CELLS, GENES], values: Buffer::F32(values.clone()) });
    let layouts = [compressed(&values, SparseLayout::Csr), compressed(&values, SparseLayout::Csc), dense];
    let inputs = layouts.map(|x| input(&x));
    let group = |name: &str| Some(name.to_owned());
    for (method, reference, groups, mask) in [
        (Method::TTest, None, None, false),
        (Method::TTestOverestimVar, group("a"), Some(vec!["e".to_owned(), "b".to_owned()]), true),
        (Method::Wilcoxon, None, Some(vec!["c".to_owned(), "a".to_owned()]), false),
        (Method::Wilcoxon, None, None, true),
        (Method::Wilcoxon, group("d"), None, false),
        (Method::Wilcoxon, group("d"), Some(vec!["a".to_owned()]), true),
    ] {
        let options = MarkerOptions {
            groupby: "group".to_owned(),
            groups,
            reference,
            method,
            tie_correct: true,
            pts: true,
            n_genes: Some(300),
            mask_var: mask.then(|| "some".to_owned()),
            ..MarkerOptions::default()
        };
        let expected = marked(&inputs[0], &options, 1, None);
        assert!(expected.0.groups.iter().all(|group| group.scores.iter().any(|score| *score > 0.0)));
        for input in &inputs {
            for (threads, memory) in [(1, Some(110)), (2, None), (3, Some(150)), (4, Some(1000))] {
                assert!(marked(input, &options, threads, memory) == expected, "{method}, {threads} threads");
            }
        }
    }
}

#[test]
fn too_little_memory_is_said() {
    let input = input(&compressed(&values(), SparseLayout::Csr));
    let options = MarkerOptions { groupby: "group".to_owned(), method: Method::Wilcoxon, ..MarkerOptions::default() };
    let exec = Exec::new(2, Budget::new(41 << 20)).unwrap();
    let plan = plan(&input, options).unwrap();
    let error = rank(&plan, &input, &exec).unwrap_err();
    assert_eq!(error.kind(), annstream_sc::ErrorKind::Memory);
    assert!(error.next_step().unwrap().contains("--memory"));
}
