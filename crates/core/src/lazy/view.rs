//! Columns kept, and changes of values.

use std::fmt::Debug;
use std::sync::Arc;

use annstream_store::{Buffer, DType};

use super::{Layout, NumberBlock, Numbers, Real};
use crate::matrix::DROPPED;
use crate::{Error, Result};

/// What an operator does to the values that are not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zeros {
    /// They stay zero: compressed blocks stay compressed.
    Kept,
    /// They change: the block is made dense first.
    Moved,
}

/// The type that is computed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// `f32`.
    Single,
    /// `f64`.
    Double,
}

impl Precision {
    /// What values of a stored type are computed in: doubles, and integers that single precision cannot hold, in
    /// doubles.
    pub fn of(dtype: DType) -> Self {
        match dtype {
            DType::F64 | DType::I32 | DType::U32 | DType::I64 | DType::U64 => Self::Double,
            _ => Self::Single,
        }
    }

    /// The type that results have.
    pub fn dtype(self) -> DType {
        match self {
            Self::Single => DType::F32,
            Self::Double => DType::F64,
        }
    }
}

/// A change of values that needs one block and nothing else. What it knows of rows and columns is in the ids of the
/// source, which the block carries.
pub trait RowOp: Send + Sync + Debug {
    /// What happens to values that are not stored.
    fn zeros(&self) -> Zeros {
        Zeros::Kept
    }

    /// The precision of what comes out, given that of what goes in.
    fn precision(&self, input: Precision) -> Precision {
        input
    }

    /// Changes a block; a dense one if zeros are moved, else of either layout.
    ///
    /// # Errors
    /// If a value cannot be changed so; the error names the row.
    fn apply(&self, block: &mut NumberBlock) -> Result<()>;
}

/// The columns kept and the operators applied, in order.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Ids in the source of the columns kept, in order; `None` for all.
    columns: Option<Arc<[u32]>>,
    ops: Vec<Arc<dyn RowOp>>,
}

impl View {
    /// Everything as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the columns with these ids in the source, in increasing order, of those kept so far.
    #[must_use]
    pub fn keep(mut self, columns: impl Into<Arc<[u32]>>) -> Self {
        self.columns = Some(columns.into());
        self
    }

    /// Adds an operator.
    #[must_use]
    pub fn with(self, op: impl RowOp + 'static) -> Self {
        self.with_shared(Arc::new(op))
    }

    /// Adds an operator that others use too.
    #[must_use]
    pub fn with_shared(mut self, op: Arc<dyn RowOp>) -> Self {
        self.ops.push(op);
        self
    }

    /// Ids in the source of the columns kept; `None` for all.
    pub fn columns(&self) -> Option<&Arc<[u32]>> {
        self.columns.as_ref()
    }

    /// The operators.
    pub fn ops(&self) -> &[Arc<dyn RowOp>] {
        &self.ops
    }

    /// Whether blocks come out dense.
    pub fn is_dense(&self) -> bool {
        self.ops.iter().any(|op| op.zeros() == Zeros::Moved)
    }

    /// The precision of what comes out.
    pub fn precision(&self, input: Precision) -> Precision {
        self.ops.iter().fold(input, |precision, op| op.precision(precision))
    }

    /// Applies it to a block that other consumers see too.
    ///
    /// # Errors
    /// As [`RowOp::apply`], or if a column is not in the block.
    pub fn apply(&self, block: &NumberBlock) -> Result<NumberBlock> {
        let mut out = match &self.columns {
            Some(kept) if **kept != *block.columns => pick(block, kept)?,
            _ => block.clone(),
        };
        self.change(&mut out)?;
        Ok(out)
    }

    /// Applies the operators.
    pub(super) fn change(&self, block: &mut NumberBlock) -> Result<()> {
        for op in &self.ops {
            if op.zeros() == Zeros::Moved && block.layout != Layout::Dense {
                let empty = NumberBlock {
                    start: block.start,
                    rows: vec![],
                    columns: block.columns.clone(),
                    layout: Layout::Dense,
                    values: Numbers::F32(vec![]),
                };
                *block = std::mem::replace(block, empty).into_dense();
            }
            op.apply(block)?;
        }
        Ok(())
    }
}

/// Some of the columns of a block, by their ids.
fn pick(block: &NumberBlock, kept: &Arc<[u32]>) -> Result<NumberBlock> {
    let map = positions(&block.columns, kept)?;
    let (layout, values) = match (&block.layout, &block.values) {
        (Layout::Sparse { indptr, indices }, Numbers::F32(values)) => {
            let (indptr, indices, values) = compact(indptr, indices, values, &map, |value| value);
            (Layout::Sparse { indptr, indices }, Numbers::F32(values))
        }
        (Layout::Sparse { indptr, indices }, Numbers::F64(values)) => {
            let (indptr, indices, values) = compact(indptr, indices, values, &map, |value| value);
            (Layout::Sparse { indptr, indices }, Numbers::F64(values))
        }
        (Layout::Dense, Numbers::F32(values)) => (Layout::Dense, Numbers::F32(gather(values, &map, kept.len()))),
        (Layout::Dense, Numbers::F64(values)) => (Layout::Dense, Numbers::F64(gather(values, &map, kept.len()))),
    };
    Ok(NumberBlock { start: block.start, rows: block.rows.clone(), columns: kept.clone(), layout, values })
}

/// For each column there is, its place among those kept, or [`DROPPED`]; both lists are increasing.
fn positions(there: &[u32], kept: &[u32]) -> Result<Vec<u32>> {
    let mut out = vec![DROPPED; there.len()];
    let mut at = 0;
    for (place, id) in (0_u32..).zip(kept) {
        while there.get(at).is_some_and(|column| column < id) {
            at += 1;
        }
        if there.get(at) != Some(id) {
            return Err(Error::internal("a column that is kept is not in the block"));
        }
        out[at] = place;
        at += 1;
    }
    Ok(out)
}

/// The entries of compressed rows whose column is kept, changed. Nothing in the loop branches on the data.
pub(super) fn compact<S: Copy, T: Real>(
    indptr: &[usize],
    indices: &[u32],
    values: &[S],
    map: &[u32],
    change: impl Fn(S) -> T,
) -> (Vec<usize>, Vec<u32>, Vec<T>) {
    let mut out_indptr = Vec::with_capacity(indptr.len());
    // Every entry is written to, and counts if the next one goes elsewhere.
    let mut out_indices = match Buffer::recycled(DType::U32, indices.len() + 1) {
        Buffer::U32(values) => values,
        _ => vec![0; indices.len() + 1],
    };
    let mut out_values = T::spare(indices.len() + 1);
    let mut end = 0;
    out_indptr.push(0);
    for row in indptr.windows(2) {
        for (&column, &value) in indices[row[0]..row[1]].iter().zip(&values[row[0]..row[1]]) {
            let place = map[column as usize];
            out_indices[end] = place;
            out_values[end] = change(value);
            end += usize::from(place != DROPPED);
        }
        out_indptr.push(end);
    }
    out_indices.truncate(end);
    out_values.truncate(end);
    (out_indptr, out_indices, out_values)
}

fn gather<T: Copy>(values: &[T], map: &[u32], width: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(values.len() / map.len().max(1) * width);
    for row in values.chunks(map.len().max(1)) {
        out.extend(row.iter().zip(map).filter(|(_, place)| **place != DROPPED).map(|(value, _)| *value));
    }
    out
}
