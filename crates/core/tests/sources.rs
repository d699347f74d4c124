//! Laws of the matrix sources: whatever the order asked for, the budget and the threads, the values are those of a
//! naive loop over the matrix.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::cast_possible_truncation, reason = "small matrices")]

use annstream_core::element::{DenseArray, SparseLayout, SparseMatrix};
use annstream_core::matrix::{Block, DROPPED, MatrixSource};
use annstream_core::source::{
    MemoryDense, MemorySparse, PermutedRows, PickedRows, RowPlacement, SortedRows, StoredSparse,
};
use annstream_core::{Budget, Exec};
use annstream_store::{ArraySpec, Buffer, DType, MemoryStore, StoreWriter};
use proptest::prelude::*;

/// A small matrix with its zeros.
#[derive(Clone, Debug)]
struct Naive {
    rows: usize,
    columns: usize,
    values: Vec<i32>,
}

impl Naive {
    fn sparse(&self) -> SparseMatrix {
        let mut matrix = SparseMatrix {
            layout: SparseLayout::Csr,
            shape: [self.rows, self.columns],
            indptr: vec![0],
            indices: vec![],
            data: Buffer::empty(DType::I32),
        };
        let mut data = vec![];
        for row in 0..self.rows {
            for column in 0..self.columns {
                let value = self.values[row * self.columns + column];
                if value != 0 {
                    matrix.indices.push(column as u64);
                    data.push(value);
                }
            }
            matrix.indptr.push(data.len() as u64);
        }
        matrix.data = Buffer::I32(data);
        matrix
    }

    /// Row `r` goes to row `to[r]`.
    fn permuted(&self, to: &[u32], rows: usize) -> Vec<i32> {
        let mut out = vec![0; rows * self.columns];
        for (row, &new) in to.iter().enumerate().filter(|(_, new)| **new != DROPPED) {
            let from = row * self.columns..(row + 1) * self.columns;
            let new = new as usize;
            out[new * self.columns..(new + 1) * self.columns].copy_from_slice(&self.values[from]);
        }
        out
    }

    fn transposed(&self) -> Vec<i32> {
        (0..self.columns)
            .flat_map(|column| (0..self.rows).map(move |row| (row, column)))
            .map(|(row, column)| self.values[row * self.columns + column])
            .collect()
    }
}

/// All rows of a source as one dense matrix, read in ranges of `step` rows, or in its own.
fn read_all(source: &dyn MatrixSource, step: Option<u64>) -> Vec<i32> {
    let [rows, columns] = source.shape();
    let ranges = match step {
        Some(step) => (0..rows).step_by(step as usize).map(|start| start..(start + step).min(rows)).collect(),
        None => source.partition(64).unwrap(),
    };
    let mut out = vec![];
    for range in ranges {
        let count = (range.end - range.start) as usize;
        let mut part = vec![0; count * columns as usize];
        match source.read(range).unwrap() {
            Block::Sparse(block) => {
                let Buffer::I32(data) = &block.data else { panic!("another type") };
                for (row, ends) in block.indptr.windows(2).enumerate() {
                    for i in ends[0]..ends[1] {
                        part[row * columns as usize + block.indices[i] as usize] += data[i];
                    }
                }
            }
            Block::Dense { values: Buffer::I32(values), .. } => part = values,
            Block::Dense { .. } => panic!("another type"),
        }
        out.extend(part);
    }
    out
}

fn matrix() -> impl Strategy<Value = Naive> {
    (1usize..40, 1usize..30).prop_flat_map(|(rows, columns)| {
        let value = prop_oneof![3 => Just(0), 1 => -9..9];
        prop::collection::vec(value, rows * columns).prop_map(move |values| Naive { rows, columns, values })
    })
}

/// A matrix and a one-to-one map of its rows into more rows, some dropped.
fn permutation() -> impl Strategy<Value = (Naive, Vec<u32>, usize)> {
    matrix().prop_flat_map(|naive| {
        let rows = naive.rows;
        let places: Vec<u32> = (0..rows as u32 + 5).collect();
        (Just(naive), Just(places).prop_shuffle(), prop::collection::vec(prop::bool::weighted(0.2), rows)).prop_map(
            move |(naive, places, drop)| {
                let to = (0..rows).map(|row| if drop[row] { DROPPED } else { places[row] }).collect();
                (naive, to, rows + 5)
            },
        )
    })
}

/// One thread with a small budget, and two with a larger one.
fn drivers() -> Vec<Exec> {
    [(1, 60), (2, 300)].map(|(threads, mb)| Exec::new(threads, Budget::new(mb << 20)).unwrap()).into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sorting_transposes(naive in matrix(), step in 1u64..7) {
        for exec in drivers() {
            let source = MemorySparse::new(naive.sparse()).unwrap();
            let sorted = SortedRows::sort(&source, RowPlacement::Columns(None), naive.columns as u64, 1, &exec).unwrap();
            prop_assert_eq!(read_all(&sorted, None), naive.transposed());
            prop_assert_eq!(read_all(&sorted, Some(step)), naive.transposed());
        }
    }

    #[test]
    fn sorting_and_permuting_move_rows((naive, to, rows) in permutation(), step in 1u64..7) {
        for exec in drivers() {
            let source = MemorySparse::new(naive.sparse()).unwrap();
            let sorted = SortedRows::sort(&source, RowPlacement::Rows(&to), rows as u64, 1, &exec).unwrap();
            prop_assert_eq!(read_all(&sorted, Some(step)), naive.permuted(&to, rows));
            let dense = DenseArray { shape: vec![naive.rows, naive.columns], values: Buffer::I32(naive.values.clone()) };
            let permuted = PermutedRows::sort(&MemoryDense::new(dense), &to, rows as u64, &exec).unwrap();
            prop_assert_eq!(read_all(&permuted, None), naive.permuted(&to, rows));
        }
    }

    #[test]
    fn picking_takes_rows(naive in matrix(), step in 1u64..7, gaps in prop::collection::vec(0..3usize, 1..50)) {
        // Rising rows of the source, with holes between them.
        let mut from = vec![];
        let mut old = 0;
        for gap in gaps {
            old += gap;
            from.push(if gap == 2 || old >= naive.rows { -1 } else { old as i64 });
            old += 1;
        }
        let expected: Vec<i32> = from
            .iter()
            .flat_map(|&old| match usize::try_from(old) {
                Ok(old) => naive.values[old * naive.columns..(old + 1) * naive.columns].to_vec(),
                Err(_) => vec![0; naive.columns],
            })
            .collect();
        let picked = PickedRows::new(MemorySparse::new(naive.sparse()).unwrap(), from.clone()).unwrap();
        prop_assert_eq!(read_all(&picked, None), expected.clone());
        prop_assert_eq!(read_all(&picked, Some(step)), expected.clone());
        let dense = DenseArray { shape: vec![naive.rows, naive.columns], values: Buffer::I32(naive.values.clone()) };
        let picked = PickedRows::new(MemoryDense::new(dense), from).unwrap();
        prop_assert_eq!(read_all(&picked, Some(step)), expected);
    }
}

#[test]
fn what_exceeds_the_budget_goes_through_scratch_space() {
    // 300,000 entries of 12 bytes against a share of 5 MB: several buckets, flushed several times.
    let (rows, columns) = (1500, 400);
    let values = (0..rows * columns).map(|i| if i % 2 == 0 { (i * 31 % 97) as i32 + 1 } else { 0 }).collect();
    let naive = Naive { rows, columns, values };
    let source = MemorySparse::new(naive.sparse()).unwrap();
    for exec in drivers() {
        let sorted = SortedRows::sort(&source, RowPlacement::Columns(None), columns as u64, 1, &exec).unwrap();
        assert!(sorted.partition(64).unwrap().len() > 1 || exec.threads() > 1);
        assert_eq!(read_all(&sorted, None), naive.transposed());
        assert_eq!(read_all(&sorted, Some(7)), naive.transposed());
    }
}

#[test]
fn values_of_any_size_are_sorted() {
    let (rows, columns) = (90, 70);
    let values = (0..rows * columns).map(|i| if i % 3 == 0 { (i * 31 % 97) as i32 + 1 } else { 0 }).collect();
    let naive = Naive { rows, columns, values };
    let reversed: Vec<u32> = (0..columns as u32).rev().collect();
    for dtype in [DType::U8, DType::I16, DType::F32, DType::F64] {
        let mut matrix = naive.sparse();
        matrix.data = matrix.data.cast(dtype).unwrap();
        let source = MemorySparse::new(matrix).unwrap();
        for map in [None, Some(reversed.as_slice())] {
            let placement = RowPlacement::Columns(map);
            let sorted = SortedRows::sort(&source, placement, columns as u64, 1, &drivers()[1]).unwrap();
            let Block::Sparse(found) = sorted.read(0..columns as u64).unwrap() else { panic!("sparse rows") };
            assert_eq!(found.data.dtype(), dtype);
            for (row, range) in found.indptr.windows(2).enumerate() {
                let column = if map.is_some() { columns - 1 - row } else { row };
                let expected: Vec<_> = (0..rows).map(|row| naive.values[row * columns + column]).collect();
                let mut dense = vec![0; rows];
                for i in range[0]..range[1] {
                    dense[found.indices[i] as usize] = found.data.get_f64(i).unwrap() as i32;
                }
                assert_eq!(dense, expected);
            }
        }
    }
}

/// A stored matrix with the given pointers and columns, three rows by four.
fn stored(indptr: &[i64], indices: &[i32]) -> MemoryStore {
    let writer = MemoryStore::writer();
    let put = |name: &str, values: Buffer| {
        let spec = ArraySpec::new(values.dtype(), vec![values.len() as u64]);
        let mut array = writer.array(&format!("X/{name}"), &spec).unwrap();
        array.append(values).unwrap();
        array.finish().unwrap();
    };
    put("indptr", Buffer::I64(indptr.to_vec()));
    put("indices", Buffer::I32(indices.to_vec()));
    put("data", Buffer::F32(vec![1.0; indices.len()]));
    writer.into_store()
}

fn complaint(indptr: &[i64], indices: &[i32]) -> String {
    let source = StoredSparse::open(&stored(indptr, indices), "X", [3, 4]);
    let result = source.and_then(|source| {
        for range in source.partition(16)? {
            source.read(range)?;
        }
        Ok(())
    });
    result.map_or_else(|error| error.to_string(), |()| String::new())
}

#[test]
fn damaged_structure_is_named_with_its_row() {
    assert_eq!(complaint(&[0, 2, 2, 3], &[0, 3, 1]), "");
    assert!(complaint(&[0, 2, 1, 3], &[0, 3, 1]).contains("X: row 2: indptr is 1"));
    assert!(complaint(&[1, 2, 2, 3], &[0, 3, 1]).contains("X: indptr starts at 1, expected 0"));
    assert!(complaint(&[0, 1, 1, 2], &[0, 3, 1]).contains("ends at 2"));
    assert!(complaint(&[0, 2, 2, 9], &[0, 3, 1]).contains("indptr is 9"));
    assert!(complaint(&[0, 2, 2, 3], &[0, 4, 1]).contains("row 0: index 4 is outside 0..4"));
    assert!(complaint(&[0, 2, 2, 3], &[0, 3, -1]).contains("row 2: index -1 is outside 0..4"));
    assert!(complaint(&[0, 2, 3], &[0, 3, 1]).contains("indptr has 3 entries, expected 4"));
}
