//! Laws of stacked rows: they are those of the parts with their columns aligned, however they are cut; and they are cut
//! where the same rows would be if they were stored as one matrix.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::cast_possible_truncation, reason = "small matrices")]

use std::ops::Range;

use annstream_core::element::{DenseArray, SparseLayout, SparseMatrix};
use annstream_core::matrix::{BLOCK_BYTES, Block, DROPPED, MatrixSource, Remap, SparseRows, Sums};
use annstream_core::sink::SparseSink;
use annstream_core::source::{
    MemoryDense, MemorySparse, MissingRows, RowPlacement, SortedRows, StackedPart, StackedRows, StoredSparse,
};
use annstream_core::{Budget, Exec};
use annstream_store::{Buffer, Compression, DType, MemoryStore};
use proptest::prelude::*;

const COLUMNS: usize = 9;

/// What a part is stored as.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Csr,
    Csc,
    Dense,
    Missing,
}

/// Rows of values, and where their columns go.
#[derive(Clone, Debug)]
struct Own {
    kind: Kind,
    rows: usize,
    values: Vec<i32>,
    to_new: Vec<u32>,
}

fn part() -> impl Strategy<Value = Own> {
    let kind = prop::sample::select(vec![Kind::Csr, Kind::Csc, Kind::Dense, Kind::Missing]);
    (kind, 0usize..12, 1usize..8).prop_flat_map(|(kind, rows, columns)| {
        let value = prop_oneof![2 => Just(0), 1 => 1..9];
        let places: Vec<u32> = (0..COLUMNS as u32).collect();
        (prop::collection::vec(value, rows * columns), Just(places).prop_shuffle(), prop::bool::ANY).prop_map(
            move |(values, places, drops)| {
                let to_new = places.into_iter().take(columns);
                let to_new = to_new.map(|new| if drops && new > 5 { DROPPED } else { new }).collect();
                Own { kind, rows, values, to_new }
            },
        )
    })
}

impl Own {
    fn columns(&self) -> usize {
        self.to_new.len()
    }

    fn compressed(&self, by_column: bool) -> SparseMatrix {
        let (majors, minors) = if by_column { (self.columns(), self.rows) } else { (self.rows, self.columns()) };
        let (mut indptr, mut indices, mut data) = (vec![0], vec![], vec![]);
        for major in 0..majors {
            for minor in 0..minors {
                let (row, column) = if by_column { (minor, major) } else { (major, minor) };
                let value = self.values[row * self.columns() + column];
                if value != 0 {
                    indices.push(minor as u64);
                    data.push(value);
                }
            }
            indptr.push(data.len() as u64);
        }
        SparseMatrix { layout: SparseLayout::Csr, shape: [majors, minors], indptr, indices, data: Buffer::I32(data) }
    }

    fn source(&self, exec: &Exec) -> Box<dyn MatrixSource> {
        let dense = || DenseArray { shape: vec![self.rows, self.columns()], values: Buffer::I32(self.values.clone()) };
        match self.kind {
            Kind::Csr => Box::new(MemorySparse::new(self.compressed(false)).unwrap()),
            Kind::Csc => {
                let columns = MemorySparse::new(self.compressed(true)).unwrap();
                Box::new(SortedRows::sort(&columns, RowPlacement::Columns(None), self.rows as u64, 1, exec).unwrap())
            }
            Kind::Dense => Box::new(MemoryDense::new(dense())),
            Kind::Missing => Box::new(MissingRows { rows: self.rows as u64, dtype: DType::I32 }),
        }
    }

    fn stacked(&self, fill: Option<f64>, exec: &Exec) -> StackedPart {
        let to_new = if matches!(self.kind, Kind::Missing) { vec![] } else { self.to_new.clone() };
        let remap = Remap::new(to_new.into(), COLUMNS, DType::F64, fill);
        StackedPart { name: "part".to_owned(), source: self.source(exec), remap }
    }

    /// The rows as they should come out.
    fn expected(&self, fill: f64) -> Vec<f64> {
        let mut out = vec![fill; self.rows * COLUMNS];
        if matches!(self.kind, Kind::Missing) {
            return out;
        }
        for (i, &value) in self.values.iter().enumerate() {
            if let Some(slot) = out.get_mut(i / self.columns() * COLUMNS..).and_then(|row| {
                let new = self.to_new[i % self.columns()] as usize;
                if new < COLUMNS { row.get_mut(new) } else { None }
            }) {
                *slot = f64::from(value);
            }
        }
        out
    }
}

fn sparse_of(block: Block) -> SparseRows {
    let Block::Sparse(rows) = block else { panic!("sparse rows expected") };
    assert!(rows.sorted);
    rows
}

fn doubles(block: Block) -> Vec<f64> {
    match block {
        Block::Dense { values: Buffer::F64(values), .. } => values,
        Block::Dense { .. } => panic!("another type"),
        Block::Sparse(rows) => {
            let Buffer::F64(data) = &rows.data else { panic!("another type") };
            let mut out = vec![0.0; rows.rows() * COLUMNS];
            for (row, ends) in rows.indptr.windows(2).enumerate() {
                for i in ends[0]..ends[1] {
                    out[row * COLUMNS + rows.indices[i] as usize] = data[i];
                }
            }
            out
        }
    }
}

fn steps(rows: u64, step: u64) -> Vec<Range<u64>> {
    (0..rows).step_by(step as usize).map(|start| start..(start + step).min(rows)).collect()
}

/// All rows, checked to be within the cost.
fn read_all(source: &StackedRows, ranges: Vec<Range<u64>>) -> Vec<f64> {
    let mut out = Vec::new();
    for range in ranges {
        let cost = source.cost(range.clone()).unwrap();
        let block = source.read(range).unwrap();
        assert!(block.values().bytes() as u64 <= cost);
        out.extend(doubles(block));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn sparse_rows_stand_below_each_other(own in prop::collection::vec(part(), 1..5), step in 1u64..9, fill in 0..2) {
        let exec = Exec::new(2, Budget::unlimited()).unwrap();
        let fill = f64::from(fill) * 3.0;
        let parts = || own.iter().map(|part| part.stacked(Some(fill), &exec)).collect();
        let rows = StackedRows::sparse(parts(), COLUMNS as u64, DType::F64, &exec).unwrap();
        let expected: Vec<f64> = own.iter().flat_map(|part| part.expected(fill)).collect();
        prop_assert_eq!(rows.shape()[0] as usize * COLUMNS, expected.len());
        prop_assert_eq!(read_all(&rows, steps(rows.shape()[0], step)), expected.clone());
        prop_assert_eq!(read_all(&rows, rows.partition(step * 20).unwrap()), expected);

        // The same rows, stored as one matrix.
        let writer = MemoryStore::writer();
        let mut sink = SparseSink::new(&writer, "X", SparseLayout::Csr, rows.shape(), DType::F64, Compression::None).unwrap();
        for range in steps(rows.shape()[0], 3) {
            let block = sparse_of(rows.read(range).unwrap());
            let sums = Sums::of(&block.data);
            sink.append(block, sums).unwrap();
        }
        sink.finish().unwrap();
        let store = writer.into_store();
        let stored = StoredSparse::open(&store, "X", rows.shape()).unwrap();
        prop_assert_eq!(stored.count(), rows.values());
        let all = 0..rows.shape()[0];
        prop_assert_eq!(stored.lengths(all.clone()).unwrap(), rows.lengths(all).unwrap());
        for bytes in [1, 40, 100, BLOCK_BYTES] {
            prop_assert_eq!(stored.partition(bytes).unwrap(), rows.partition(bytes).unwrap());
        }
    }

    #[test]
    fn dense_rows_stand_below_each_other(own in prop::collection::vec(part(), 1..5), step in 1u64..9) {
        let exec = Exec::new(2, Budget::unlimited()).unwrap();
        let dense = |mut part: Own| {
            if !matches!(part.kind, Kind::Missing) {
                part.kind = Kind::Dense;
            }
            part
        };
        let own: Vec<Own> = own.into_iter().map(dense).collect();
        let parts = own.iter().map(|part| part.stacked(Some(-1.0), &exec)).collect();
        let rows = StackedRows::dense(parts, COLUMNS as u64, DType::F64, Compression::None);
        let expected: Vec<f64> = own.iter().flat_map(|part| part.expected(-1.0)).collect();
        prop_assert_eq!(read_all(&rows, steps(rows.shape()[0], step)), expected.clone());
        prop_assert_eq!(read_all(&rows, rows.partition(step * 100).unwrap()), expected);
    }
}

#[test]
fn a_budget_too_small_is_refused() {
    let exec = Exec::new(1, Budget::new(1 << 20)).unwrap();
    let own = Own { kind: Kind::Missing, rows: 1 << 20, values: vec![], to_new: vec![] };
    let error = StackedRows::sparse(vec![own.stacked(None, &exec)], COLUMNS as u64, DType::F64, &exec).err().unwrap();
    assert!(error.to_string().contains("row counts"), "{error}");
}
