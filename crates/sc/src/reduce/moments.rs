//! Means and variances of genes, for all cells or group by group.

use std::sync::Arc;

use annstream_core::lazy::{Consumer, Layout, NumberBlock, Numbers, Real, Stretched};
use annstream_core::{Error, Result};

use super::membership::group_of;

/// Sums and sums of squares of each column, for each group of rows.
#[derive(Clone, Debug)]
pub struct MomentsPass {
    /// Columns of the matrix.
    pub width: usize,
    /// Group of each row of the matrix; `None` if all are one group.
    pub groups: Option<Arc<[u32]>>,
    /// Number of groups.
    pub count: usize,
    /// Whether `exp(x) - 1` is summed instead of `x`.
    pub exponentials: Option<f64>,
    /// Values above these limits count as the limits: for each group a limit for each column.
    pub limits: Option<Arc<[Vec<f64>]>>,
}

/// What the pass gives for a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupMoments {
    /// Rows.
    pub rows: u64,
    /// Of each column, values above zero.
    pub positive: Vec<u64>,
    /// Of each column, its sum.
    pub sums: Vec<f64>,
    /// Of each column, the sum of squares.
    pub squares: Vec<f64>,
}

impl GroupMoments {
    /// Adds another group.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.positive.iter_mut().zip(&other.positive).for_each(|(all, own)| *all += own);
        self.sums.iter_mut().zip(&other.sums).for_each(|(all, own)| *all += own);
        self.squares.iter_mut().zip(&other.squares).for_each(|(all, own)| *all += own);
    }

    /// The same for some of the columns.
    #[must_use]
    pub fn kept(&self, mask: &[bool]) -> Self {
        fn some<T: Copy>(values: &[T], mask: &[bool]) -> Vec<T> {
            values.iter().zip(mask).filter(|(_, keep)| **keep).map(|(value, _)| *value).collect()
        }
        Self {
            rows: self.rows,
            positive: some(&self.positive, mask),
            sums: some(&self.sums, mask),
            squares: some(&self.squares, mask),
        }
    }

    /// No rows yet.
    pub fn zeros(width: usize) -> Self {
        Self { rows: 0, positive: vec![0; width], sums: vec![0.0; width], squares: vec![0.0; width] }
    }
}

impl MomentsPass {
    /// Of all rows together.
    pub fn new(width: usize) -> Self {
        Self { width, groups: None, count: 1, exponentials: None, limits: None }
    }

    fn none(&self) -> Vec<GroupMoments> {
        vec![GroupMoments::zeros(self.width); self.count]
    }

    fn look<T: Real>(&self, block: &NumberBlock, values: &[T]) -> Result<Vec<(usize, GroupMoments)>> {
        let mut out: Vec<(usize, u64, Vec<Column>)> = Vec::new();
        for row in 0..block.len() {
            let group = group_of(self.groups.as_deref(), block.start + row)?;
            let at = out.iter().rposition(|(other, ..)| *other == group).unwrap_or_else(|| {
                out.push((group, 0, vec![Column::default(); self.width]));
                out.len() - 1
            });
            let (_, rows, own) = &mut out[at];
            *rows += 1;
            let limits = self.limits.as_ref().and_then(|limits| limits.get(group));
            match &block.layout {
                Layout::Sparse { indptr, indices } => {
                    let range = indptr[row]..indptr[row + 1];
                    let columns = indices[range.clone()].iter().map(|&column| column as usize);
                    self.row(columns.zip(values[range].iter().copied()), limits, own);
                }
                Layout::Dense => {
                    let range = row * self.width..(row + 1) * self.width;
                    self.row(values[range].iter().copied().enumerate(), limits, own);
                }
            }
        }
        Ok(out.into_iter().map(|(group, rows, columns)| (group, apart(rows, &columns))).collect())
    }

    /// Adds the entries of a row.
    fn row<T: Real>(
        &self,
        entries: impl Iterator<Item = (usize, T)>,
        limits: Option<&Vec<f64>>,
        columns: &mut [Column],
    ) {
        for (column, value) in entries {
            let value = match self.exponentials {
                None => value,
                // In the precision of the values, as scanpy does it.
                Some(factor) => T::narrow(value.wide() * factor).exp_m1(),
            };
            let own = &mut columns[column];
            own.positive += u64::from(value > T::default());
            let (value, square) = match limits {
                None => (value.wide(), value.square()),
                Some(limits) => {
                    let value = value.wide().min(limits[column]);
                    (value, value * value)
                }
            };
            own.sum += value;
            own.square += square;
        }
    }
}

/// What is added up of a column, side by side: each value touches one place in memory and not three.
#[derive(Clone, Copy, Default)]
struct Column {
    sum: f64,
    square: f64,
    positive: u64,
}

fn apart(rows: u64, columns: &[Column]) -> GroupMoments {
    GroupMoments {
        rows,
        positive: columns.iter().map(|column| column.positive).collect(),
        sums: columns.iter().map(|column| column.sum).collect(),
        squares: columns.iter().map(|column| column.square).collect(),
    }
}

/// Adds the groups of later rows.
#[expect(clippy::ptr_arg, clippy::needless_pass_by_value, reason = "what joins totals takes and gives them whole")]
fn join(all: &mut Vec<GroupMoments>, later: Vec<GroupMoments>) {
    all.iter_mut().zip(&later).for_each(|(all, own)| all.add(own));
}

impl Consumer for MomentsPass {
    type Partial = Vec<(usize, GroupMoments)>;
    type Total = Stretched<Vec<GroupMoments>>;
    type Output = Vec<GroupMoments>;

    fn start(&self) -> Result<Self::Total> {
        Ok(Stretched::default())
    }

    fn map(&self, block: &NumberBlock) -> Result<Self::Partial> {
        match &block.values {
            Numbers::F32(values) => self.look(block, values),
            Numbers::F64(values) => self.look(block, values),
        }
    }

    fn fold(&self, total: &mut Self::Total, partial: Self::Partial) -> Result<()> {
        if partial.iter().any(|(group, _)| *group >= self.count) {
            return Err(Error::internal("a group that was not announced"));
        }
        let open = total.open(|| self.none());
        for (group, own) in &partial {
            open[*group].add(own);
        }
        total.count(join);
        Ok(())
    }

    fn finish(self, total: Self::Total) -> Result<Self::Output> {
        Ok(total.finish(join).unwrap_or_else(|| self.none()))
    }

    fn partial_bytes(&self) -> u64 {
        // A block seldom has rows of many groups.
        self.width as u64 * 48 * (self.count as u64).min(8)
    }

    fn total_bytes(&self) -> u64 {
        self.width as u64 * 48 * self.count as u64
    }
}
