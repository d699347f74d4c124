use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::Budget;
use crate::element::SparseMatrix;
use crate::lazy::{Consumer, LazyMatrix, NumberBlock};
use crate::source::MemorySparse;

/// The value at a position.
type Share = fn(u64) -> f64;

/// Counts what is read.
struct Counted {
    rows: MemorySparse,
    reads: Arc<AtomicUsize>,
}

impl MatrixSource for Counted {
    fn shape(&self) -> [u64; 2] {
        self.rows.shape()
    }

    fn dtype(&self) -> DType {
        self.rows.dtype()
    }

    fn partition(&self, max_bytes: u64) -> Result<Vec<Range<u64>>> {
        self.rows.partition(max_bytes)
    }

    fn cost(&self, rows: Range<u64>) -> Result<u64> {
        self.rows.cost(rows)
    }

    fn read(&self, rows: Range<u64>) -> Result<Block> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.rows.read(rows)
    }
}

/// Twelve rows of as many columns as said, of which the fourth is empty; columns fall in the fifth.
fn matrix(columns: usize, value: impl Fn(u64) -> f64, dtype: DType) -> SparseMatrix {
    let (mut indptr, mut indices, mut values) = (vec![0], vec![], vec![]);
    for row in 0..12_u64 {
        let mut own: Vec<u64> = if row == 3 { vec![] } else { vec![0, row % 5 + 1, columns as u64 - 1] };
        if row == 4 {
            own.reverse();
        }
        values.extend(own.iter().map(|column| value(row * 7 + column % 11)));
        indices.extend(own);
        indptr.push(indices.len() as u64);
    }
    let data = Buffer::F64(values).cast(dtype).unwrap();
    SparseMatrix { layout: SparseLayout::Csr, shape: [12, columns], indptr, indices, data }
}

fn kept(matrix: SparseMatrix, folder: &Path) -> (KeptRows<Counted>, Arc<AtomicUsize>) {
    let reads = Arc::<AtomicUsize>::default();
    let counted = Counted { rows: MemorySparse::new(matrix).unwrap(), reads: reads.clone() };
    (KeptRows::in_folder(counted, folder, true), reads)
}

const BLOCKS: [Range<u64>; 4] = [0..3, 3..4, 4..9, 9..12];

#[test]
fn what_a_pass_read_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let shares: [(Share, DType); 6] = [
        (|i| i as f64, DType::F32),
        (|i| i as f64 * 700.0, DType::F64),
        (|i| i as f64 + 0.25, DType::F32),
        (|i| i as f64 - 3.0, DType::I32),
        (|i| i as f64, DType::I64),
        (|i| i as f64, DType::U16),
    ];
    for columns in [8, 70_000] {
        for (value, dtype) in shares {
            let plain = MemorySparse::new(matrix(columns, value, dtype)).unwrap();
            let (source, reads) = kept(matrix(columns, value, dtype), folder.path());
            source.pass(&BLOCKS);
            for block in BLOCKS {
                assert_eq!(source.read(block.clone()).unwrap(), plain.read(block).unwrap());
            }
            assert_eq!(reads.load(Ordering::Relaxed), 4);
            for rows in [0..3, 3..4, 4..9, 9..12, 1..2, 5..8, 4..4, 8..9, 10..12] {
                let (ours, expected) = (source.read(rows.clone()).unwrap(), plain.read(rows.clone()).unwrap());
                let (ours, expected) = (ours.into_sparse().unwrap(), expected.into_sparse().unwrap());
                assert_eq!(
                    (&ours.indptr, &ours.indices, &ours.data),
                    (&expected.indptr, &expected.indices, &expected.data)
                );
                let structure = source.read_structure(rows).unwrap();
                assert_eq!((structure.indptr, structure.indices), (ours.indptr, ours.indices));
            }
            assert_eq!(reads.load(Ordering::Relaxed), 4, "{columns} {dtype}");
            // What lies across blocks comes from the source.
            assert_eq!(source.read(2..5).unwrap(), plain.read(2..5).unwrap());
            assert_eq!(reads.load(Ordering::Relaxed), 5);
        }
    }
}

#[test]
fn nothing_else_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let counts = || matrix(8, |i| i as f64, DType::F32);
    let twice = |source: &KeptRows<Counted>, reads: &AtomicUsize| {
        let before = reads.load(Ordering::Relaxed);
        assert_eq!(source.read(0..3).unwrap(), source.read(0..3).unwrap());
        reads.load(Ordering::Relaxed) - before
    };
    // Without a pass, or other rows than those of the pass.
    let (source, reads) = kept(counts(), folder.path());
    assert_eq!(twice(&source, &reads), 2);
    source.pass(&[0..5]);
    assert_eq!(twice(&source, &reads), 2);
    // Where another block is.
    source.read(0..5).unwrap();
    source.pass(&[4..9]);
    let before = reads.load(Ordering::Relaxed);
    assert_eq!(source.read(4..9).unwrap(), source.read(4..9).unwrap());
    assert_eq!(reads.load(Ordering::Relaxed) - before, 2);
    assert_eq!(twice(&source, &reads), 0);
    // Without room, or a folder that went away.
    let reads = Arc::<AtomicUsize>::default();
    let counted = Counted { rows: MemorySparse::new(counts()).unwrap(), reads: reads.clone() };
    let full = KeptRows::in_folder(counted, folder.path(), false);
    full.pass(&BLOCKS);
    assert_eq!(twice(&full, &reads), 2);
    let (source, reads) = kept(counts(), folder.path());
    drop(folder);
    source.pass(&BLOCKS);
    assert_eq!(twice(&source, &reads), 2);
}

#[test]
fn a_damaged_block_stays_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (source, _) = kept(matrix(8, |i| i as f64, DType::F32), folder.path());
    source.pass(&BLOCKS);
    source.read(0..3).unwrap();
    source.state().file.as_ref().unwrap().set_len(3).unwrap();
    assert!(source.read(0..3).unwrap_err().to_string().contains("scratch"));
}

/// Adds up all values.
struct Total;

impl Consumer for Total {
    type Partial = f64;
    type Total = f64;
    type Output = f64;

    fn start(&self) -> Result<f64> {
        Ok(0.0)
    }

    fn map(&self, block: &NumberBlock) -> Result<f64> {
        Ok((0..block.values.len()).map(|i| block.values.get(i)).sum())
    }

    fn fold(&self, total: &mut f64, partial: f64) -> Result<()> {
        *total += partial;
        Ok(())
    }

    fn finish(self, total: f64) -> Result<f64> {
        Ok(total)
    }
}

#[test]
fn passes_of_a_lazy_matrix_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let (source, reads) = kept(matrix(8, |i| i as f64, DType::F32), folder.path());
    let exec = Exec::new(1, Budget::unlimited()).unwrap();
    let matrix = LazyMatrix::new(Arc::new(source));
    let first = matrix.run(Total, "first", &exec).unwrap();
    let blocks = reads.load(Ordering::Relaxed);
    assert!(first > 0.0 && blocks > 0);
    let mut rows = [true; 12];
    rows[..5].fill(false);
    let some = matrix.clone().keep_rows(&rows).unwrap().run(Total, "some", &exec).unwrap();
    assert!(some > 0.0 && some < first);
    assert!((matrix.run(Total, "again", &exec).unwrap() - first).abs() < 1e-12);
    assert_eq!((matrix.passes(), reads.load(Ordering::Relaxed)), (3, blocks));
}

#[test]
fn room_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!has_room(folder.path(), u64::MAX));
    assert!(!has_room(&folder.path().join("missing"), 0));
}
