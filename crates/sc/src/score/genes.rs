//! Means of genes: the first pass.

use std::ops::Add;

use annstream_core::lazy::{Consumer, NumberBlock, Numbers, Precision, Real};

use super::pairwise::{LANES, LEAF, cut, joined};
use crate::{Error, Result};

/// Sums of columns, and how many of their values are not numbers.
pub(super) struct ColumnSums {
    pub(super) sums: Vec<f64>,
    pub(super) missing: Vec<u64>,
}

/// Adds up columns in one thread, in the order of rows and in the precision of the values, as scipy and numpy do: which
/// genes are in a bin may depend on the last bit.
pub(super) struct ColumnPass {
    /// Columns of the blocks.
    pub(super) width: usize,
    /// Rows of the matrix.
    pub(super) rows: usize,
    /// The precision of the values.
    pub(super) precision: Precision,
    /// Whether halves of the rows are added up apart, and so on, as numpy does where columns stand in one piece.
    pub(super) halves: bool,
}

/// Sums on their way.
pub(super) enum Running {
    Single(Columns<f32>),
    Double(Columns<f64>),
}

/// The same for one precision.
pub(super) struct Columns<T> {
    missing: Vec<u64>,
    /// The sum of the rows so far, or of those of a leaf that do not fill its lanes.
    sum: Vec<T>,
    /// For halves only.
    tree: Option<Tree<T>>,
}

/// Where the halves stand.
struct Tree<T> {
    /// Eight sums for each column.
    lanes: Vec<[T; LANES]>,
    /// Sums of what is complete, and waits for its other half.
    done: Vec<Vec<T>>,
    /// What comes next, last first.
    tasks: Vec<Task>,
    /// Rows of the leaf, and how many of them came.
    leaf: (usize, usize),
}

enum Task {
    Rows(usize),
    Join,
}

impl<T: Real + Add<Output = T>> Columns<T> {
    fn new(pass: &ColumnPass) -> Self {
        let tree = pass.halves.then(|| {
            let lanes = vec![[T::default(); LANES]; pass.width];
            let mut tree = Tree { lanes, done: vec![], tasks: vec![Task::Rows(pass.rows)], leaf: (0, 0) };
            tree.next(pass.width);
            tree
        });
        Self { missing: vec![0; pass.width], sum: vec![T::default(); pass.width], tree }
    }

    fn row(&mut self, indices: &[u32], values: &[T]) {
        let lane = self.tree.as_ref().and_then(Tree::lane);
        for (&column, &value) in indices.iter().zip(values) {
            let column = column as usize;
            if value.wide().is_nan() {
                self.missing[column] += 1;
                continue;
            }
            match (&mut self.tree, lane) {
                (Some(tree), Some(lane)) => tree.lanes[column][lane] = tree.lanes[column][lane] + value,
                _ => self.sum[column] = self.sum[column] + value,
            }
        }
        if let Some(tree) = &mut self.tree {
            tree.after(&mut self.sum);
        }
    }

    fn block(&mut self, indptr: &[usize], indices: &[u32], values: &[T]) {
        for row in indptr.windows(2) {
            self.row(&indices[row[0]..row[1]], &values[row[0]..row[1]]);
        }
    }

    fn finish(mut self) -> ColumnSums {
        if let Some(sum) = self.tree.and_then(|mut tree| tree.done.pop()) {
            self.sum = sum;
        }
        ColumnSums { sums: self.sum.into_iter().map(Real::wide).collect(), missing: self.missing }
    }
}

impl<T: Real + Add<Output = T>> Tree<T> {
    /// The lane of the row that comes; none once they are full.
    fn lane(&self) -> Option<usize> {
        let (rows, came) = self.leaf;
        (came < rows - rows % LANES).then_some(came % LANES)
    }

    /// After a row: ends lanes, leaves and halves that are full.
    fn after(&mut self, sum: &mut Vec<T>) {
        self.leaf.1 += 1;
        let (rows, came) = self.leaf;
        if came == rows - rows % LANES {
            sum.iter_mut().zip(&mut self.lanes).for_each(|(sum, lanes)| *sum = joined(std::mem::take(lanes)));
        }
        if came == rows {
            let width = sum.len();
            self.done.push(std::mem::replace(sum, vec![T::default(); width]));
            self.next(width);
        }
    }

    /// Goes on to the next leaf.
    fn next(&mut self, width: usize) {
        while let Some(task) = self.tasks.pop() {
            match task {
                Task::Rows(count) if count > LEAF => {
                    let first = cut(count);
                    self.tasks.extend([Task::Join, Task::Rows(count - first), Task::Rows(first)]);
                }
                Task::Rows(count) => {
                    self.leaf = (count, 0);
                    return;
                }
                Task::Join => {
                    let second = self.done.pop().unwrap_or_else(|| vec![T::default(); width]);
                    if let Some(first) = self.done.last_mut() {
                        first.iter_mut().zip(second).for_each(|(sum, other)| *sum = *sum + other);
                    }
                }
            }
        }
    }
}

impl Consumer for ColumnPass {
    type Partial = (Vec<usize>, Vec<u32>, Numbers);
    type Total = Running;
    type Output = ColumnSums;

    fn start(&self) -> Result<Running> {
        Ok(match self.precision {
            Precision::Single => Running::Single(Columns::new(self)),
            Precision::Double => Running::Double(Columns::new(self)),
        })
    }

    fn map(&self, block: &NumberBlock) -> Result<Self::Partial> {
        let (indptr, indices) = block.sparse().ok_or_else(|| Error::internal("sums are taken of compressed blocks"))?;
        Ok((indptr.to_vec(), indices.to_vec(), block.values.clone()))
    }

    fn fold(&self, total: &mut Running, (indptr, indices, values): Self::Partial) -> Result<()> {
        match (total, values) {
            (Running::Single(columns), Numbers::F32(values)) => columns.block(&indptr, &indices, &values),
            (Running::Double(columns), Numbers::F64(values)) => columns.block(&indptr, &indices, &values),
            _ => return Err(Error::internal("values of another precision")),
        }
        Ok(())
    }

    fn finish(self, total: Running) -> Result<ColumnSums> {
        Ok(match total {
            Running::Single(columns) => columns.finish(),
            Running::Double(columns) => columns.finish(),
        })
    }

    fn total_bytes(&self) -> u64 {
        let depth = if self.halves { LANES as u64 + u64::from(usize::BITS - self.rows.leading_zeros()) } else { 0 };
        self.width as u64 * 8 * (depth + 3)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pairwise::pairwise;
    use super::*;

    #[test]
    fn halves_are_those_of_a_column_in_one_piece() {
        for rows in [0, 1, 7, 8, 9, 127, 128, 129, 1000, 1037] {
            let values: Vec<f32> = (0..rows).map(|i| 1.0 / (i as f32 + 1.0)).collect();
            let pass = ColumnPass { width: 1, rows, precision: Precision::Single, halves: true };
            let mut columns = Columns::<f32>::new(&pass);
            for value in &values {
                columns.row(&[0], &[*value]);
            }
            assert_eq!(columns.finish().sums, [f64::from(pairwise(&values))], "{rows}");
        }
    }
}
