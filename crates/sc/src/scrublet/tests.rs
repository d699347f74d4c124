use std::sync::Arc;

use annstream_core::lazy::{LazyMatrix, Precision, Real};
use annstream_core::matrix::{Block, MatrixSource, SparseRows};
use annstream_core::{Budget, Exec};
use annstream_store::{Buffer, DType};

use super::choose::choose;
use super::counts::{KeepPass, Observed};
use super::doublets::Doublets;

/// Dense rows as a source.
struct Rows(Vec<Vec<f32>>);

impl MatrixSource for Rows {
    fn shape(&self) -> [u64; 2] {
        [self.0.len() as u64, self.0.first().map_or(0, Vec::len) as u64]
    }

    fn dtype(&self) -> DType {
        DType::F32
    }

    fn partition(&self, _: u64) -> crate::Result<Vec<std::ops::Range<u64>>> {
        Ok((0..self.0.len() as u64).step_by(7).map(|row| row..(row + 7).min(self.0.len() as u64)).collect())
    }

    fn cost(&self, _: std::ops::Range<u64>) -> crate::Result<u64> {
        Ok(1)
    }

    fn read(&self, rows: std::ops::Range<u64>) -> crate::Result<Block> {
        let rows = &self.0[usize::try_from(rows.start).unwrap()..usize::try_from(rows.end).unwrap()];
        Ok(Block::Dense { rows: rows.len(), values: Buffer::F32(rows.concat()) })
    }
}

fn exec() -> Exec {
    Exec::new(2, Budget::unlimited()).unwrap()
}

/// Counts of cells of two kinds.
fn family(cells: usize, genes: usize) -> Vec<Vec<f32>> {
    let count = |cell: usize, gene: usize| {
        let noise = (cell * 7919 + gene * 104_729 + cell * gene * 31) % 97;
        let more = if gene % 2 == cell % 2 { 40 } else { 10 };
        let value = if noise < more { (noise % 5) as f32 } else { 0.0 };
        value * (1 + gene % 11) as f32
    };
    (0..cells).map(|cell| (0..genes).map(|gene| count(cell, gene)).collect()).collect()
}

fn dense(source: &dyn MatrixSource, rows: std::ops::Range<u64>) -> Vec<Vec<f32>> {
    let width = usize::try_from(source.shape()[1]).unwrap();
    let SparseRows { indptr, indices, data, .. } = source.read(rows).unwrap().into_sparse().unwrap();
    let mut out = vec![vec![0.0; width]; indptr.len() - 1];
    for (row, range) in indptr.windows(2).enumerate() {
        for i in range[0]..range[1] {
            out[row][indices[i] as usize] = f32::narrow(data.get_f64(i).unwrap());
        }
    }
    out
}

#[test]
fn doublets_are_sums_however_they_are_cut() {
    let cells = family(50, 90);
    let pass = KeepPass::new([50, 90], Precision::Single, 0);
    let counts = LazyMatrix::new(Arc::new(Rows(cells.clone()))).run(pass, "counts", &exec()).unwrap();
    let counts = Arc::new(counts);
    let observed = Observed(counts.clone());
    let parents: Arc<[[u32; 2]]> = (0..100_u32).map(|i| [i * 17 % 50, i * 29 % 50]).collect();
    let doublets = Doublets::new(counts, parents.clone(), None);
    let sums = parents.iter().map(|pair| {
        let [a, b] = pair.map(|parent| &cells[parent as usize]);
        a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<f32>>()
    });
    let sums: Vec<Vec<f32>> = sums.collect();
    for bytes in [1, 4000, 40_000, 6 << 20] {
        for (source, expected) in [(&observed as &dyn MatrixSource, &cells), (&doublets as &dyn MatrixSource, &sums)] {
            let ranges = source.partition(bytes).unwrap();
            let found: Vec<Vec<f32>> = ranges.iter().flat_map(|range| dense(source, range.clone())).collect();
            assert_eq!(&found, expected);
            assert!(ranges.iter().all(|range| source.cost(range.clone()).unwrap() > 0));
        }
    }
}

#[test]
fn cells_without_genes_are_an_error() {
    for rows in [vec![], vec![vec![0.0; 5]; 4], vec![vec![1.0, 1.0]; 10]] {
        let error = choose(&LazyMatrix::new(Arc::new(Rows(rows))), &exec()).err().unwrap();
        assert!(error.to_string().contains("cells has 3 genes"), "{error}");
    }
    let mut rows = family(50, 60);
    rows[7][9] = -1.0;
    assert!(choose(&LazyMatrix::new(Arc::new(Rows(rows))), &exec()).err().unwrap().to_string().contains("-1"));
}
