//! Files with additions: what is written is what the input's subset is after the assignments, made naively in memory.
#![expect(clippy::unwrap_used, reason = "tests")]

mod input;

use std::collections::BTreeMap;
use std::sync::Arc;

use annstream_core::anndata::{AnnDataFile, Slot, TableName, WriteOptions, write_element, write_root};
use annstream_core::concat::Input;
use annstream_core::edit::{Additions, EditSpec, XSource, write_edited};
use annstream_core::element::{Dict, Element};
use annstream_core::matrix::Sums;
use annstream_core::sink::DenseSink;
use annstream_core::subset::Selection;
use annstream_core::table::Column;
use annstream_core::{Budget, Exec, Result};
use annstream_store::{Buffer, Compression, DType, MemoryStore, MemoryWriter, Store, StoreWriter};
use input::{CELLS, GENES, categories, dense, diagonal, dict, flags, input, numbers, table, text, texts};
use proptest::prelude::*;

/// Everything in a file, by path.
fn contents(file: &AnnDataFile) -> BTreeMap<String, Element> {
    let mut all = BTreeMap::new();
    for (name, table) in [("obs", TableName::Obs), ("var", TableName::Var), ("raw/var", TableName::RawVar)] {
        all.insert(name.to_owned(), Element::Table(file.read_table(table).unwrap()));
    }
    for (slot, _) in file.matrices() {
        all.insert(slot.to_string(), file.read(slot).unwrap());
    }
    all.insert("uns".to_owned(), Element::Dict(file.read_uns().unwrap()));
    all
}

/// What the caller streams: the path and the values of a dense matrix.
type Streamed<'a> = &'a [(&'a str, i32)];

fn stream(writer: &MemoryWriter, streamed: Streamed<'_>, shape: [usize; 2]) {
    for &(path, start) in streamed {
        let extents = shape.map(|extent| extent as u64);
        let mut sink = DenseSink::new(writer, path, &extents, DType::F32, Compression::None).unwrap();
        let values = numbers(start, shape[0] * shape[1]);
        let sums = Sums::of(&values);
        sink.append(values, sums).unwrap();
        sink.finish().unwrap();
    }
}

/// Writes an edited file and opens it.
fn edited(spec: &EditSpec, additions: &Additions, streamed: Streamed<'_>, first: bool) -> Result<AnnDataFile> {
    let writer = MemoryStore::writer();
    let shape = [spec.obs.len(), spec.var.len()];
    if first {
        stream(&writer, streamed, shape);
    }
    let exec = Exec::new(2, Budget::unlimited()).unwrap();
    write_edited(&input(), spec, additions.clone(), &writer, &exec)?;
    if !first {
        stream(&writer, streamed, shape);
    }
    Box::new(writer.clone()).commit()?;
    AnnDataFile::open(Arc::new(writer.into_store()))
}

fn everything() -> EditSpec {
    EditSpec::new(Selection::all(CELLS), Selection::all(GENES), Compression::None)
}

/// The assignments, on what is in memory.
fn assign(all: &mut BTreeMap<String, Element>, additions: &Additions) {
    for (name, columns) in [("obs", &additions.obs), ("var", &additions.var)] {
        let Some(Element::Table(table)) = all.get_mut(name) else { panic!("no table {name}") };
        table.columns.extend(columns.clone());
    }
    let Additions { obsm, varm, obsp, varp, .. } = additions;
    for (mapping, entries) in [("obsm", obsm), ("varm", varm), ("obsp", obsp), ("varp", varp)] {
        all.extend(entries.iter().map(|(name, element)| (format!("{mapping}/{name}"), element.clone())));
    }
    for entry in &additions.uns {
        let mut place = all.get_mut("uns").unwrap();
        for name in &entry.path {
            if *place == Element::Null {
                *place = Element::Dict(Dict::new());
            }
            let Element::Dict(dict) = place else { panic!("not a mapping") };
            place = dict.entry(name.clone()).or_insert(Element::Null);
        }
        *place = entry.value.clone();
    }
}

fn column_names(all: &BTreeMap<String, Element>, table: &str) -> Vec<String> {
    let Element::Table(table) = &all[table] else { panic!("no table {table}") };
    table.columns.keys().cloned().collect()
}

#[test]
fn additions_of_all_kinds_read_back_in_their_places() {
    let mut additions = Additions::default();
    additions.obs.insert("new".to_owned(), Column::Plain(numbers(1, CELLS)));
    additions.obs.insert("type".to_owned(), categories(&[0, -1, 0, 1], &["p", "unused"]));
    additions.obs.insert("words".to_owned(), Column::text(["a", "", "c", "é"]));
    additions.obs.insert("mask".to_owned(), flags(&[1, 0, 1, 0], &[false, true, false, false]));
    additions.var.insert("mean".to_owned(), Column::Plain(Buffer::Bool(vec![1, 0, 1])));
    additions.obsm.insert("X_pca".to_owned(), dense(&[CELLS, 5], 900));
    additions.obsm.insert("added".to_owned(), dense(&[CELLS, 1], 950));
    additions.varm.insert("PCs".to_owned(), dense(&[GENES, 5], 960));
    additions.obsp.insert("near".to_owned(), dense(&[CELLS, CELLS], 970));
    additions.varp.insert("more".to_owned(), diagonal(GENES, 980));
    additions.set_uns(["hvg", "flavor"], text("cell_ranger"));
    additions.set_uns(["pca", "params", "zero_center"], text("yes"));
    additions.set_uns(["log1p"], dict([("base", Element::Null)]));
    additions.set_uns(["title"], dict([("whole", text("mapping"))]));
    let found = contents(&edited(&everything(), &additions, &[], true).unwrap());
    let mut expected = contents(&edited(&everything(), &Additions::default(), &[], true).unwrap());
    assert_eq!(expected, contents(&input().file));
    assign(&mut expected, &additions);
    assert_eq!(found, expected);
    assert_eq!(column_names(&found, "obs"), ["n", "type", "ok", "new", "words", "mask"]);
    assert_eq!(column_names(&found, "var"), ["mean", "gene"]);
    // The colours of a replaced column stay, and so does the category that no row of it has.
    let Element::Dict(uns) = &found["uns"] else { panic!("not a mapping") };
    assert_eq!(uns["type_colors"], texts(["red", "green", "blue"]));
}

#[test]
fn matrices_are_kept_left_out_or_written_by_the_caller_in_any_order() {
    let cut = |spec: EditSpec| EditSpec { obs: Selection::from_mask(&[true, false, true, true]).unwrap(), ..spec };
    let base = contents(&edited(&cut(everything()), &Additions::default(), &[], true).unwrap());
    for x in [XSource::Keep, XSource::Skip, XSource::Written] {
        for layers in [vec![], vec!["counts"], vec!["counts", "brand_new"]] {
            for first in [true, false] {
                let mut streamed: Vec<(String, i32)> =
                    layers.iter().map(|layer| (format!("layers/{layer}"), 500)).collect();
                streamed.extend((x == XSource::Written).then(|| ("X".to_owned(), 600)));
                let streamed: Vec<(&str, i32)> = streamed.iter().map(|(path, start)| (path.as_str(), *start)).collect();
                let names = layers.iter().map(|&layer| layer.to_owned()).collect();
                let spec = cut(EditSpec { x, layers: names, ..everything() });
                let file = edited(&spec, &Additions::default(), &streamed, first).unwrap();
                let mut expected = base.clone();
                if x == XSource::Skip {
                    expected.remove("X");
                }
                let streamed = streamed.iter().map(|&(path, start)| (path.to_owned(), dense(&[3, GENES], start)));
                expected.extend(streamed);
                assert_eq!(contents(&file), expected, "{x:?} {layers:?} {first}");
                assert_eq!(file.store().attrs("layers").unwrap()["encoding-type"].as_str(), Some("dict"));
                assert_eq!(file.store().attrs("").unwrap()["encoding-type"].as_str(), Some("anndata"));
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let refused = |spec: &EditSpec, fill: fn(&mut Additions)| {
        let mut additions = Additions::default();
        fill(&mut additions);
        let writer = MemoryStore::writer();
        let exec = Exec::new(1, Budget::unlimited()).unwrap();
        let error = write_edited(&input(), spec, additions, &writer, &exec).unwrap_err();
        assert_eq!(writer.into_store().children("").unwrap(), [] as [&str; 0], "{error}");
        error.to_string()
    };
    let spec = EditSpec { obs: Selection::rising(CELLS, vec![1, 2]).unwrap(), ..everything() };
    let long = |additions: &mut Additions| drop(additions.obs.insert("n".to_owned(), Column::Plain(numbers(0, CELLS))));
    assert!(refused(&spec, long).contains("4 values, the result 2 rows"));
    let other = EditSpec { obs: Selection::all(CELLS + 1), ..everything() };
    assert!(refused(&other, |_| ()).contains("the axis has 4"));
    let slash = EditSpec { layers: vec!["a/b".to_owned()], ..everything() };
    assert!(refused(&slash, |_| ()).contains("slash"));
}

#[test]
fn a_mapping_is_not_made_of_something_else_and_the_index_not_of_a_column() {
    let mut additions = Additions::default();
    additions.set_uns(["title", "inner"], Element::Null);
    let error = edited(&everything(), &additions, &[], true).err().unwrap().to_string();
    assert!(error.contains("uns/title/inner") && error.contains("a scalar stands there"), "{error}");
    let mut additions = Additions::default();
    additions.var.insert("gene".to_owned(), Column::text(["x", "y", "other"]));
    let error = edited(&everything(), &additions, &[], true).err().unwrap().to_string();
    assert!(error.contains("both called 'gene'"), "{error}");
    additions.var.insert("gene".to_owned(), Column::text(["x", "y", "z"]));
    let found = contents(&edited(&everything(), &additions, &[], true).unwrap());
    assert_eq!(found, contents(&input().file));
}

#[test]
fn a_replaced_column_or_matrix_is_not_read() {
    let writer = MemoryStore::writer();
    let options = WriteOptions::default();
    write_root(&writer).unwrap();
    let damaged = [("kind", categories(&[5, 0], &["a"])), ("n", Column::Plain(numbers(1, 2)))];
    let obs = table(&["c0", "c1"], None, damaged);
    write_element(&writer, "obs", &Element::Table(obs), &options, &[]).unwrap();
    write_element(&writer, "var", &Element::Table(table(&["x"], None, [])), &options, &[]).unwrap();
    let file = AnnDataFile::open(Arc::new(writer.into_store())).unwrap();
    assert!(file.read_column(TableName::Obs, "kind").is_err());
    let input = Input { name: "damaged".to_owned(), file };
    let mut additions = Additions::default();
    let column = categories(&[0, 1], &["a", "b"]);
    additions.obs.insert("kind".to_owned(), column.clone());
    let spec = EditSpec::new(Selection::all(2), Selection::all(1), Compression::None);
    let exec = Exec::new(1, Budget::unlimited()).unwrap();
    let out = MemoryStore::writer();
    write_edited(&input, &spec, additions, &out, &exec).unwrap();
    let file = AnnDataFile::open(Arc::new(out.into_store())).unwrap();
    assert_eq!(file.read_column(TableName::Obs, "kind").unwrap(), column);
    assert_eq!(file.obs().columns.keys().collect::<Vec<_>>(), ["kind", "n"]);
    assert!(file.matrix(Slot::X).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Merged additions on any cells and genes are the assignments after the subset.
    #[test]
    fn edits_are_assignments_to_the_subset(
        cells in prop::collection::vec(any::<bool>(), CELLS),
        genes in prop::collection::vec(any::<bool>(), GENES),
        names in prop::collection::vec((0..2_usize, 0..5_usize, 0..6_usize), 0..12),
    ) {
        let spec = EditSpec {
            obs: Selection::from_mask(&cells).unwrap(),
            var: Selection::from_mask(&genes).unwrap(),
            ..everything()
        };
        let (obs, var) = (spec.obs.len(), spec.var.len());
        let mut parts = [Additions::default(), Additions::default()];
        for (start, (part, name, kind)) in (1000..).step_by(50).zip(names) {
            let part = &mut parts[part];
            let name = ["n", "mean", "PCs", "near", "new"][name];
            match kind {
                0 => drop(part.obs.insert(name.to_owned(), Column::Plain(numbers(start, obs)))),
                1 => drop(part.var.insert(name.to_owned(), Column::text(vec![name; var]))),
                2 => drop(part.obsm.insert(name.to_owned(), dense(&[obs, 2], start))),
                3 => drop(part.varm.insert(name.to_owned(), dense(&[var, 2], start))),
                4 => drop(part.obsp.insert(name.to_owned(), diagonal(obs, start))),
                _ => part.set_uns(["hvg", name], dense(&[2], start)),
            }
        }
        let mut expected = contents(&edited(&spec, &Additions::default(), &[], true).unwrap());
        for part in &parts {
            assign(&mut expected, part);
        }
        let order = column_names(&expected, "obs");
        let [mut additions, later] = parts;
        additions.merge(later);
        let found = contents(&edited(&spec, &additions, &[], true).unwrap());
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(column_names(&found, "obs"), order);
    }
}
